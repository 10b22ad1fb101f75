import {
  type Columns,
  type Dataset,
  type DatasetPlugin,
  defineDataset,
  messageOf,
  type Random,
  random,
  type Session,
  type Turn,
  UsageError,
} from "../../plugins/mod.ts";
import { openTokenizer } from "../../tokens/mod.ts";
import { syntheticAudio } from "./audio.ts";
import { syntheticImage } from "./image.ts";
import {
  type Drawers,
  drawersOf,
  type Drawn,
  hasPrompts,
  prefixGroups,
  type SyntheticOptions,
  syntheticSchema,
  type SyntheticSettings,
} from "./options.ts";
import { type Prefixes, prefixesOf } from "./prefixes.ts";
import { openingsOf } from "./words.ts";
import {
  characterWriter,
  type CountedText,
  tokenizerWriter,
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
  const draw = drawersOf(settings);
  return {
    facts: {
      ...(count !== undefined && { items: count }),
      ...(hasText && { tokenCounter: writer.counter }),
    },
    isEndless: count === undefined,
    async *sessions({ seed, pass, signal }) {
      const context: SeedContext = {
        settings,
        writer,
        draw,
        seed,
        openings: openingsOf(seed),
        prefixes: groups.length > 0
          ? prefixesOf(groups, { seed, writer })
          : undefined,
      };
      const first = count === undefined || samePasses ? 0 : pass * count;
      for (let i = 0; i < (count ?? Infinity) && !signal.aborted; i++) {
        const session = await makeSession(first + i, context, signal);
        // A session that was cancelled is not a problem of the data.
        if (signal.aborted) return;
        yield session;
      }
    },
  };
}

async function openWriter(tokenizer: string): Promise<Writer> {
  try {
    return tokenizerWriter(await openTokenizer(tokenizer));
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
}

/** State that all sessions of one seed share. */
interface SeedContext {
  readonly settings: SyntheticSettings;
  readonly writer: Writer;
  readonly draw: Drawers;
  readonly seed: number;
  readonly openings: ReturnType<typeof openingsOf>;
  readonly prefixes: Prefixes | undefined;
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
  readonly signal: AbortSignal;
}

/** Makes session number `n`, independently of the others. */
async function makeSession(
  n: number,
  context: SeedContext,
  signal: AbortSignal,
): Promise<Session> {
  const { seed, prefixes } = context;
  const id = String(n);
  try {
    const size = sizesOf(n, context);
    const words = random(seed, `synthetic/words/${n}`);
    const prefix = await prefixes?.(n);
    const count = size("turns") ?? 1;
    const turns: Turn[] = [];
    for (let turn = 0; turn < count; turn++) {
      const own = { session: n, turn, size, words, prefix, signal };
      turns.push(await makeTurn({ ...context, ...own }));
    }
    return { id, turns };
  } catch (error) {
    return { id, turns: [], problem: messageOf(error) };
  }
}

/** The sizes of a session. Each option has its own random stream, so that none changes what another draws. */
function sizesOf(
  session: number,
  { draw, seed }: SeedContext,
): TurnContext["size"] {
  const streams = new Map<Drawn, Random>();
  return (option) => {
    const stream = streams.get(option) ??
      random(seed, `synthetic/${option}/${session}`);
    streams.set(option, stream);
    return draw[option]?.(stream);
  };
}

async function makeTurn(context: TurnContext): Promise<Turn> {
  const { turn, size, prefix, settings: { prefixIn = "system" } } = context;
  const maxOutputTokens = firstOr("firstOutputTokens", "outputTokens", context);
  const thinkMs = turn > 0 ? size("thinkMs") : undefined;
  return {
    columns: {
      ...(prefix && prefixIn === "system" && { system: prefix.text }),
      ...await makeTexts(context),
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

async function makeTexts(context: TurnContext): Promise<Columns> {
  const { batch } = context.settings;
  if (batch === undefined) {
    const text = await writePrompt(context, 0);
    return text === undefined ? {} : { text };
  }
  const texts: string[] = [];
  for (let i = 0; i < batch; i++) texts.push((await writePrompt(context, i))!);
  return { texts };
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
  return await writer.write({
    tokens,
    opening: isFirst ? openings(session * batch + i) : [],
    after: isFirst && prefixIn === "text" ? prefix : undefined,
    random: words,
    signal,
  });
}

function makeMedia(
  { session, turn, size, settings, seed }: TurnContext,
): Columns {
  const id = `synthetic-${session}-${turn}`;
  const seconds = size("audioSeconds");
  const {
    images,
    imageWidth: width = 512,
    imageHeight: height = 512,
    imageContent: content = "gradient",
  } = settings;
  const image = { width, height, content, seed };
  return {
    ...(seconds !== undefined && {
      audio: syntheticAudio({
        id,
        durationMs: Math.max(1, Math.round(seconds * 1000)),
        seed,
      }),
    }),
    ...(images > 0 && {
      images: Array.from(
        { length: images },
        (_, i) => syntheticImage({ ...image, id: `${id}-${i}` }),
      ),
    }),
  };
}
