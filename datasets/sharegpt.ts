import { z } from "zod";
import {
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  messageOf,
  type Reading,
  type Session,
  type Turn,
  UsageError,
} from "../plugins/mod.ts";
import { estimateTokens, openTokenizer } from "../tokens/mod.ts";
import {
  chatColumns,
  chatOf,
  type ChatTurn,
  chatTurns,
  textOf,
} from "./columns/chat.ts";
import { textIn } from "./columns/values.ts";
import { quotedNames } from "../lib/text.ts";
import { jsonlFormat, openJson } from "./formats/json.ts";
import { type Manifest, openManifest, type Row } from "./formats/manifest.ts";
import { sessionMaker } from "./columns/record_session.ts";
import { type OrderingOptions, orderingShape } from "./order.ts";

/** Options of the dataset `sharegpt`. */
export interface ShareGptOptions extends OrderingOptions {
  /** Path of the file: JSON of up to 256 MiB, or JSON Lines. */
  path: string;
  /**
   * How conversations are sent: `all` as a session with a turn for each recorded answer, `last` as one request with
   * everything before the last answer.
   *
   * @default {"all"}
   */
  turns?: "all" | "last";
  /** Minimum number of turns. @default {1} */
  minTurns?: number;
  /** Number of turns that are kept of each conversation. @default {all} */
  maxTurns?: number;
  /**
   * Number of tokens to generate: `recorded` as many as the recorded answer has, without questions that have no
   * answer; `free` leaves it to the backend.
   *
   * @default {"recorded"}
   */
  outputLength?: "recorded" | "free";
  /** A `tokenizer.json`, or its folder, that counts tokens. @default {an estimate} */
  tokenizer?: string;
  /** Minimum number of tokens of each prompt. @default {any} */
  minPromptTokens?: number;
  /** Maximum number of tokens of each prompt: everything since the previous answer. @default {any} */
  maxPromptTokens?: number;
  /** Minimum number of tokens of each recorded answer. @default {any} */
  minAnswerTokens?: number;
  /** Maximum number of tokens of all kept turns, prompts and answers. @default {any} */
  maxTotalTokens?: number;
}

const limit = (min: number, meaning: string) =>
  z.int().min(min).optional().describe(`${meaning} (default: any)`);

const schema = z.strictObject({
  path: z.string().min(1).meta({ format: "path" }).describe(
    "The file: JSON or JSON Lines",
  ),
  turns: z.enum(["all", "last"]).default("all").describe(
    "all: a session with a turn for each recorded answer; last: one request with everything before the last answer",
  ),
  minTurns: z.int().positive().default(1).describe("Minimum number of turns"),
  maxTurns: z.int().positive().optional().describe(
    "Number of turns that are kept of each conversation (default: all)",
  ),
  outputLength: z.enum(["recorded", "free"]).default("recorded").describe(
    "Number of tokens to generate: as many as the recorded answer has, or the backend's choice",
  ),
  tokenizer: z.string().min(1).meta({ format: "path" }).optional().describe(
    "A tokenizer.json, or its folder, that counts tokens (default: an estimate)",
  ),
  minPromptTokens: limit(0, "Minimum number of tokens of each prompt"),
  maxPromptTokens: limit(1, "Maximum number of tokens of each prompt"),
  minAnswerTokens: limit(0, "Minimum number of tokens of each recorded answer"),
  maxTotalTokens: limit(
    1,
    "Maximum number of tokens of all kept turns, prompts and answers",
  ),
  ...orderingShape,
}).superRefine((options, { addIssue }) => {
  for (const name of ["Turns", "PromptTokens"] as const) {
    const { [`min${name}` as const]: min, [`max${name}` as const]: max } =
      options;
    if (min === undefined || max === undefined || min <= max) continue;
    const message =
      `must be at most max${name}, which is ${max}, but was ${min}`;
    addIssue({ code: "custom", path: [`min${name}`], message });
  }
});

type Options = z.output<typeof schema>;

/**
 * Conversations of people with models in ShareGPT's format: `{ id, conversations: [{ from, value }] }`. Answers before
 * the first question are left out; conversations without a question are skipped.
 *
 * @example Usage
 * ```ts
 * import { sharegpt } from "@earshot/earshot";
 *
 * const dataset = sharegpt({
 *   path: "./sharegpt.jsonl",
 *   maxTurns: 4,
 *   shuffle: true,
 * });
 * ```
 */
export const sharegpt: DatasetPlugin<ShareGptOptions> = defineDataset({
  name: "sharegpt",
  summary: "Recorded conversations, replayed turn by turn",
  primary: "path",
  options: schema,
  open,
});

/** Names of columns, by priority. */
const CHATS = ["conversations", "conversation", "messages", "items"];
const IDS = ["id", "conversation_id"];
const SYSTEMS = ["system", "system_prompt"];

async function open(options: Options): Promise<Dataset> {
  const { path, tokenizer, turns, outputLength, shuffle, limit } = options;
  await using stack = new AsyncDisposableStack();
  const manifest = stack.use(await openFile(options));
  const chat = chatColumn(path, manifest);
  const id = IDS.find((name) => manifest.columns.includes(name));
  const count = await openCounter(tokenizer);
  const place = path + manifest.mark;
  const held = stack.move();
  return {
    facts: {
      path,
      turns,
      outputLength,
      tokenCounter: tokenizer === undefined ? "characters" : "tokenizer",
      shuffle,
      // How many of them are kept is only known after reading them.
      ...(manifest.count !== undefined && { conversations: manifest.count }),
      ...(limit !== undefined && { limit }),
    },
    async *sessions(reading) {
      const rules = { ...options, id, chat, count, place };
      let isAny = false;
      for await (const kept of keptSessions(manifest, rules, reading)) {
        isAny = true;
        yield kept.session;
      }
      if (!isAny && !reading.signal.aborted) throw nothingKept(options);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function openFile({ path, shuffle }: Options): Promise<Manifest> {
  return /\.(jsonl|ndjson)$/i.test(path)
    ? openManifest(path, jsonlFormat(), { shuffle })
    : openJson(path, { shuffle });
}

/** Counts the tokens of a text. */
type Counter = (text: string) => number | Promise<number>;

async function openCounter(tokenizer: string | undefined): Promise<Counter> {
  if (tokenizer === undefined) return estimateTokens;
  try {
    return (await openTokenizer(tokenizer)).countLong;
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
}

/** @throws {UsageError} If there is no column of conversations. */
function chatColumn(path: string, { columns }: Manifest): string {
  const column = CHATS.find((name) => columns.includes(name));
  if (column !== undefined) return column;
  throw new UsageError(
    `${path}: its records must have "conversations", but their columns are ${
      quotedNames(columns)
    }`,
  );
}

/** The options that leave out conversations by their tokens. */
const TOKEN_LIMITS = [
  "minPromptTokens",
  "maxPromptTokens",
  "minAnswerTokens",
  "maxTotalTokens",
] as const;

/** The error for a file in which every conversation is left out. */
function nothingKept(options: Options): UsageError {
  const rules = (["minTurns", ...TOKEN_LIMITS] as const).filter((name) =>
    options[name] !== undefined && (name !== "minTurns" || options[name] > 1)
  ).map((name) => `${name}=${options[name]}`);
  const limits = rules.length > 0
    ? `, or ${rules.join(", ")} excludes them`
    : "";
  return new UsageError(
    `${options.path}: no conversation can be sent: none has an answer${limits}`,
  );
}

type Rules = Options & {
  /** The column of the ids. */
  readonly id: string | undefined;
  /** The column of the conversations. */
  readonly chat: string;
  readonly count: Counter;
  /** The file with the mark that separates it from a record's number. */
  readonly place: string;
};

/** Reads the conversations that are kept. A shuffled pass keeps the first ones of pass 0, in an order of its own. */
async function* keptSessions(
  manifest: Manifest,
  rules: Rules,
  { seed, pass, signal }: Reading,
): AsyncGenerator<{ readonly line: number; readonly session: Session }> {
  const { shuffle, limit = Infinity, place, id } = rules;
  let lines: Set<number> | undefined;
  if (shuffle && pass > 0 && limit < Infinity) {
    lines = new Set();
    const first = keptSessions(manifest, rules, { seed, pass: 0, signal });
    for await (const { line } of first) lines.add(line);
  }
  const make = sessionMaker(place, id);
  let kept = 0;
  for await (const record of manifest.rows({ shuffle, seed, pass })) {
    if (signal.aborted) return;
    const { line } = record;
    if (lines?.has(line) === false) continue;
    const session = await make(record, (row) => readTurns(row, rules));
    if (session.problem === undefined && session.turns.length === 0) continue;
    yield { line, session };
    if (++kept >= limit) return;
  }
}

/** Reads the turns of a conversation: none if the options leave it out. */
async function readTurns(row: Row, rules: Rules): Promise<readonly Turn[]> {
  const value = row[rules.chat];
  if (Array.isArray(value) && value.length === 0) return [];
  const systemColumn = SYSTEMS.find((name) => (row[name] ?? "") !== "");
  const system = textIn(row, systemColumn);
  const { outputLength, minTurns, maxTurns, count } = rules;
  const isAsRecorded = outputLength === "recorded";
  const recorded = chatTurns([
    ...(system ? [{ role: "system", content: system } as const] : []),
    ...await chatOf(value, NO_MEDIA),
  ]);
  const kept = recorded
    .filter(({ answer }) => answer !== undefined || !isAsRecorded)
    .slice(0, maxTurns);
  if (kept.length < minTurns || !await isWithinLimits(kept, rules)) {
    return [];
  }
  const messages = kept.flatMap(({ asked, answer }) =>
    answer === undefined
      ? asked
      : [...asked, { role: "assistant", content: answer } as const]
  );
  const options = { columns: {}, isCompared: false };
  const turns = chatColumns(messages, rules.turns, options);
  return await Promise.all(turns.map(async (columns) => {
    if (!isAsRecorded) return { columns };
    const tokens = await count(columns.answer ?? "");
    return { columns, maxOutputTokens: Math.max(1, tokens) };
  }));
}

const NO_MEDIA = {
  audio: refuseMedia,
  image: refuseMedia,
  take: () => undefined,
};

function refuseMedia(): never {
  throw new Error(
    "must be text; use the dataset text for chats with audio or images",
  );
}

/** Whether prompts and answers are within the limits. Tokens are only counted if there are limits. */
async function isWithinLimits(
  turns: readonly ChatTurn[],
  rules: Rules,
): Promise<boolean> {
  if (TOKEN_LIMITS.every((name) => rules[name] === undefined)) return true;
  const { minPromptTokens = 0, maxPromptTokens = Infinity } = rules;
  const { minAnswerTokens = 0, maxTotalTokens = Infinity } = rules;
  let total = 0;
  for (const { asked, answer = "" } of turns) {
    const prompt = await rules.count(asked.map(textOf).join("\n"));
    const answered = await rules.count(answer);
    total += prompt + answered;
    if (
      prompt < minPromptTokens || prompt > maxPromptTokens ||
      answered < minAnswerTokens || total > maxTotalTokens
    ) return false;
  }
  return true;
}
