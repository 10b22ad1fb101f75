import {
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  messageOf,
  type Session,
  UsageError,
} from "../plugins/mod.ts";
import { estimateTokens, openTokenizer } from "../tokens/mod.ts";
import { openJson } from "./formats/json.ts";
import { jsonlFormat } from "./formats/json.ts";
import {
  type FileManifest,
  openManifest,
  type RecordResult,
} from "./formats/manifest.ts";
import { placedProblem, recordNames } from "./columns/record_session.ts";
import { textIn } from "./columns/values.ts";
import { type ConversationRules, conversationTurns } from "./sharegpt_chat.ts";
import {
  type ShareGptOptions,
  shareGptOptions,
  type ShareGptSettings,
} from "./sharegpt_options.ts";

/**
 * Conversations of people with models, as ShareGPT wrote them: `{ id, conversations: [{ from, value }] }`. What the
 * model says before anyone asks is left out; conversations in which nobody does are passed over.
 *
 * @example Usage
 * ```ts
 * import { sharegpt } from "@earshot/earshot";
 *
 * const dataset = sharegpt({
 *   path: "./ShareGPT_V3_unfiltered_cleaned_split.json",
 *   maxTurns: 4,
 *   shuffle: true,
 * });
 * ```
 */
export const sharegpt: DatasetPlugin<ShareGptOptions> = defineDataset({
  name: "sharegpt",
  summary: "Recorded conversations, replayed turn by turn",
  primary: "path",
  options: shareGptOptions,
  open,
});

/** What conversations and their ids are kept under. */
const CHATS = ["conversations", "conversation", "messages", "items"];
const IDS = ["id", "conversation_id"];
const SYSTEMS = ["system", "system_prompt"];

async function open(options: ShareGptSettings): Promise<Dataset> {
  const { path, shuffle, limit } = options;
  await using stack = new AsyncDisposableStack();
  const manifest = stack.use(await opened(options));
  const chat = columnOf(path, manifest);
  const id = IDS.find((name) => manifest.columns.includes(name));
  const rules = await rulesOf(options);
  const place = path + (manifest.mark ?? "#");
  const held = stack.move();
  return {
    facts: factsOf(manifest, options),
    async *sessions({ seed, pass, signal }) {
      const order = { shuffle, limit, seed, pass };
      const nameOf = recordNames(place, id);
      const made = manifest.items(
        order,
        (met) => itemOf(met, chat, rules),
      );
      let isAny = false;
      for await (const { met, turns, problem } of made) {
        if (signal.aborted) return;
        isAny = true;
        const own = nameOf(met);
        yield problem === undefined ? { id: own, turns } : {
          id: own,
          turns,
          problem: placedProblem(problem, place, { line: met.line, id: own }),
        };
      }
      if (!isAny && !signal.aborted) throw nothingKept(options);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function opened({ path, shuffle }: ShareGptSettings): Promise<FileManifest> {
  return /\.(jsonl|ndjson)$/i.test(path)
    ? openManifest(path, jsonlFormat(), { shuffle })
    : openJson(path, { shuffle });
}

/** @throws {UsageError} If there are no conversations. */
function columnOf(path: string, { columns }: FileManifest): string {
  const column = CHATS.find((name) => columns.includes(name));
  if (column !== undefined) return column;
  const has = columns.slice(0, 20).map((name) => JSON.stringify(name));
  throw new UsageError(
    `Cannot read ${path} as its records must have "conversations": their columns are ${
      has.join(", ")
    }`,
  );
}

/** What leaves conversations out. */
const RULES = [
  "minTurns",
  "minPromptTokens",
  "maxPromptTokens",
  "minAnswerTokens",
  "maxTotalTokens",
] as const;

/** What is wrong where every conversation is passed over. */
function nothingKept(options: ShareGptSettings): UsageError {
  const rules = RULES.filter((name) =>
    options[name] !== undefined && !(name === "minTurns" && options[name] === 1)
  ).map((name) => `${name}=${options[name]}`);
  const leaveOut = rules.length > 0
    ? `, or ${rules.join(", ")} left them out`
    : "";
  return new UsageError(
    `Cannot use ${options.path} as one of its conversations must be left to send: nobody is answered in them${leaveOut}`,
  );
}

type Item = Omit<Session, "id"> & { readonly met: RecordResult };

async function itemOf(
  met: RecordResult,
  chat: string,
  rules: ConversationRules,
): Promise<Item | undefined> {
  if ("problem" in met) return { met, turns: [], problem: met.problem };
  try {
    const { row } = met;
    const system = SYSTEMS.find((name) => (row[name] ?? "") !== "");
    const turns = await conversationTurns(
      row[chat],
      rules,
      textIn(row, system),
    );
    return turns && { met, turns };
  } catch (error) {
    return { met, turns: [], problem: messageOf(error) };
  }
}

async function rulesOf(options: ShareGptSettings): Promise<ConversationRules> {
  const { tokenizer, outputLength } = options;
  const count = tokenizer === undefined
    ? estimateTokens
    : await counterOf(tokenizer);
  return { ...options, isAsRecorded: outputLength === "recorded", count };
}

async function counterOf(
  path: string,
): Promise<ConversationRules["count"]> {
  try {
    return (await openTokenizer(path)).countLong;
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
}

function factsOf(
  { count }: FileManifest,
  { path, turns, outputLength, tokenizer, shuffle, limit }: ShareGptSettings,
) {
  return {
    path,
    turns,
    outputLength,
    tokenCounter: tokenizer === undefined ? "characters" : "tokenizer",
    shuffle,
    // How many of them are passed over is known when they are read.
    ...(count !== undefined && { conversations: count }),
    ...(limit !== undefined && { limit }),
  };
}
