import {
  type Columns,
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  type Random,
  random,
  type Turn,
} from "../../plugins/mod.ts";
import { madeSession } from "../speech.ts";
import { syntheticAudio } from "./audio.ts";
import { syntheticImage } from "./image.ts";
import {
  type Drawn,
  hasPrompts,
  prefixGroups,
  type SyntheticOptions,
  syntheticSchema,
  type SyntheticSettings,
} from "./options.ts";
import {
  characterWriter,
  type CountedText,
  openingsOf,
  openWriter,
  type Prefixes,
  prefixesOf,
  type Writer,
} from "./writer.ts";

/**
 * Prompts, speech-shaped noise and images of given sizes, made from the run's seed. No two sessions begin alike unless
 * they share a prefix, so that the server's prompt cache does not help by accident.
 *
 * @example Prompts of about 512 tokens that share one of four system messages
 * ```ts
 * import { synthetic } from "@earshot/earshot";
 *
 * const dataset = synthetic({
 *   inputTokens: { mean: 512, stdev: 128, min: 64 },
 *   outputTokens: 128,
 *   prefixTokens: 1024,
 *   prefixCount: 4,
 * });
 * ```
 */
export const synthetic: DatasetPlugin<SyntheticOptions> = defineDataset({
  name: "synthetic",
  summary:
    "Prompts, speech-shaped noise and images of given sizes; needs no files",
  options: syntheticSchema,
  open,
});

async function open(settings: SyntheticSettings): Promise<Dataset> {
  const { count, samePasses, tokenizer } = settings;
  const writer = tokenizer === undefined
    ? characterWriter
    : await openWriter(tokenizer);
  const groups = prefixGroups(settings);
  const hasText = hasPrompts(settings) || groups.length > 0;
  return {
    facts: {
      ...(count !== undefined && { items: count }),
      ...(groups.length > 0 && { sharesPrefixes: true }),
      ...(hasText && { tokenCounter: tokenizer ? "tokenizer" : "characters" }),
    },
    isEndless: count === undefined,
    async *sessions({ seed, pass, signal }) {
      const openings = openingsOf(seed);
      const prefixes = groups.length > 0
        ? prefixesOf(groups, { seed, writer })
        : undefined;
      const context = { settings, writer, seed, openings, prefixes };
      const first = count === undefined || samePasses ? 0 : pass * count;
      for (let i = 0; i < (count ?? Infinity) && !signal.aborted; i++) {
        const n = first + i;
        const turns = () => makeTurns(n, { ...context, signal });
        const session = await madeSession(String(n), turns);
        // A session that was cancelled is not a problem of the data.
        if (signal.aborted) return;
        yield session;
      }
    },
  };
}

/** State that all sessions of one seed share. */
interface SeedContext {
  readonly settings: SyntheticSettings;
  readonly writer: Writer;
  readonly seed: number;
  readonly openings: ReturnType<typeof openingsOf>;
  readonly prefixes: Prefixes | undefined;
  readonly signal: AbortSignal;
}

/** A turn to make, and what all turns of its session share. */
interface TurnContext extends SeedContext {
  readonly session: number;
  readonly turn: number;
  /** Draws a size; undefined if the option was not given. */
  readonly size: (option: Drawn) => number | undefined;
  /** Draws the words. */
  readonly words: Random;
  readonly prefix: CountedText | undefined;
}

/** Makes the turns of session number `n`, independently of the other sessions. */
async function makeTurns(n: number, context: SeedContext): Promise<Turn[]> {
  const { seed, settings, prefixes } = context;
  // Each option has its own random stream, so that none changes what another draws.
  const streams = new Map<Drawn, Random>();
  const size = (option: Drawn) => {
    const stream = streams.get(option) ??
      random(seed, `synthetic/${option}/${n}`);
    streams.set(option, stream);
    return settings[option]?.(stream);
  };
  const words = random(seed, `synthetic/words/${n}`);
  const prefix = await prefixes?.(n);
  const count = size("turns") ?? 1;
  const turns: Turn[] = [];
  for (let turn = 0; turn < count; turn++) {
    const own = { session: n, turn, size, words, prefix };
    turns.push(await makeTurn({ ...context, ...own }));
  }
  return turns;
}

async function makeTurn(context: TurnContext): Promise<Turn> {
  const { turn, size, prefix, settings } = context;
  const { prefixIn = "system", batch } = settings;
  const maxOutputTokens = firstOr("firstOutputTokens", "outputTokens", context);
  const thinkMs = turn > 0 ? size("thinkMs") : undefined;
  const texts: string[] = [];
  for (let i = 0; i < (batch ?? 1); i++) {
    const text = await writePrompt(context, i);
    if (text !== undefined) texts.push(text);
  }
  const [text] = texts;
  return {
    columns: {
      ...(prefix && prefixIn === "system" && { system: prefix.text }),
      ...(batch === undefined ? text !== undefined && { text } : { texts }),
      ...makeMedia(context),
    },
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(thinkMs !== undefined && { thinkMs }),
  };
}

/** Draws the size of the first turn by an option of its own, if it was given. */
function firstOr(
  first: Drawn,
  option: Drawn,
  { turn, size }: TurnContext,
): number | undefined {
  return (turn === 0 ? size(first) : undefined) ?? size(option);
}

/** Tokens of each prompt by default, if there is no audio. */
const INPUT_TOKENS = 128;

/** Writes prompt `i` of a turn. Only first turns need an opening: later ones follow a history that is unique. */
async function writePrompt(
  context: TurnContext,
  i: number,
): Promise<string | undefined> {
  const { session, turn, words, prefix, signal, writer, openings } = context;
  const { batch = 1, prefixIn, audioSeconds } = context.settings;
  const tokens = firstOr("firstInputTokens", "inputTokens", context) ??
    (audioSeconds === undefined ? INPUT_TOKENS : undefined);
  if (tokens === undefined) return undefined;
  const isFirst = turn === 0;
  return await writer({
    tokens,
    opening: isFirst ? openings(session * batch + i) : [],
    after: isFirst && prefixIn === "text" ? prefix : undefined,
    random: words,
    signal,
  });
}

function makeMedia(context: TurnContext): Columns {
  const { session, turn, size, settings, seed } = context;
  const id = `synthetic-${session}-${turn}`;
  const seconds = size("audioSeconds");
  const durationMs = Math.max(1, Math.round((seconds ?? 0) * 1000));
  const { images: count, imageWidth: width = 512, imageHeight: height = 512 } =
    settings;
  const content = settings.imageContent ?? "gradient";
  const images = Array.from(
    { length: count },
    (_, i) =>
      syntheticImage({ id: `${id}-${i}`, width, height, content, seed }),
  );
  return {
    ...(seconds !== undefined &&
      { audio: syntheticAudio({ id, durationMs, seed }) }),
    ...(count > 0 && { images }),
  };
}
