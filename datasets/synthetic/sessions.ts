import {
  type Columns,
  messageOf,
  type Random,
  random,
  type Session,
  type Turn,
} from "../../plugins/mod.ts";
import { syntheticAudio } from "./audio.ts";
import { syntheticImage } from "./image.ts";
import { type Prefixes, prefixesOf } from "./prefixes.ts";
import type { SyntheticSettings } from "./schema.ts";
import { bucketsOf, drawersOf, hasPrompts } from "./settings.ts";
import { openingsOf } from "./words.ts";
import type { Writer, Written } from "./writer.ts";

/** Prompts have so many tokens where nothing else is said. */
const INPUT_TOKENS = 128;

/** Makes session `n` of a seed, whatever was made before. */
export type SessionMaker = (n: number) => Promise<Session>;

/** What one seed makes of the options. */
export function sessionMaker(
  settings: SyntheticSettings,
  writer: Writer,
): (seed: number) => SessionMaker {
  const buckets = bucketsOf(settings);
  const plan: Plan = { settings, writer, draw: drawersOf(settings) };
  return (seed) => {
    const prefixes = buckets.length > 0
      ? prefixesOf(buckets, { seed, writer })
      : undefined;
    const making: Making = {
      ...plan,
      seed,
      prefixes,
      opening: openingsOf(seed),
    };
    return async (n) => {
      try {
        return { id: String(n), turns: await turnsOf(n, making) };
      } catch (error) {
        return { id: String(n), turns: [], problem: messageOf(error) };
      }
    };
  };
}

interface Plan {
  readonly settings: SyntheticSettings;
  readonly writer: Writer;
  readonly draw: ReturnType<typeof drawersOf>;
}

interface Making extends Plan {
  readonly seed: number;
  readonly prefixes: Prefixes | undefined;
  readonly opening: ReturnType<typeof openingsOf>;
}

/** A turn on its way: what was drawn for it, and the chance for the rest. */
interface Place {
  readonly session: number;
  readonly turn: number;
  /** Draws sizes. */
  readonly chance: Random;
  /** Draws words: apart, so that other sizes of answers leave the prompts as they are. */
  readonly words: Random;
  readonly prefix: Written | undefined;
}

async function turnsOf(session: number, making: Making): Promise<Turn[]> {
  const { draw, seed, prefixes } = making;
  const chance = random(seed, `synthetic/sizes/${session}`);
  const words = random(seed, `synthetic/words/${session}`);
  const prefix = await prefixes?.(session);
  const count = draw.turns?.(chance) ?? 1;
  const turns: Turn[] = [];
  for (let turn = 0; turn < count; turn++) {
    turns.push(await turnOf({ session, turn, chance, words, prefix }, making));
  }
  return turns;
}

async function turnOf(place: Place, making: Making): Promise<Turn> {
  const { turn, chance } = place;
  const { outputTokens, firstOutputTokens, thinkMs } = making.draw;
  const output = turn === 0 ? firstOutputTokens ?? outputTokens : outputTokens;
  const maxOutputTokens = output?.(chance);
  const pauseMs = turn > 0 ? thinkMs?.(chance) : undefined;
  return {
    columns: await columnsOf(place, making),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(pauseMs !== undefined && { thinkMs: pauseMs }),
  };
}

async function columnsOf(place: Place, making: Making): Promise<Columns> {
  const { settings: { prefixIn = "system" } } = making;
  const { prefix } = place;
  return {
    ...(prefix && prefixIn === "system" && { system: prefix.text }),
    ...await texts(place, making),
    ...media(place, making),
  };
}

async function texts(place: Place, making: Making): Promise<Columns> {
  const { batch } = making.settings;
  if (!hasPrompts(making.settings)) return {};
  if (batch === undefined) return { text: await prompt(place, making, 0) };
  const texts: string[] = [];
  for (let i = 0; i < batch; i++) texts.push(await prompt(place, making, i));
  return { texts };
}

/** The `i`th prompt of a turn. What comes after the first turn follows a history that is like no other. */
function prompt(
  { session, turn, chance, words, prefix }: Place,
  { settings, writer, draw, opening }: Making,
  i: number,
): Promise<string> {
  const isFirst = turn === 0;
  const { batch = 1, prefixIn } = settings;
  const { inputTokens, firstInputTokens } = draw;
  const input = isFirst ? firstInputTokens ?? inputTokens : inputTokens;
  return writer.write({
    tokens: input?.(chance) ?? INPUT_TOKENS,
    opening: isFirst ? opening(session * batch + i) : [],
    after: isFirst && prefixIn === "text" ? prefix : undefined,
    chance: words,
  });
}

function media(
  { session, turn, chance }: Place,
  { settings, draw, seed }: Making,
): Columns {
  const id = `synthetic-${session}-${turn}`;
  const seconds = draw.audioSeconds?.(chance);
  const {
    images,
    imageWidth: width = 512,
    imageHeight: height = 512,
    imageContent: content = "gradient",
  } = settings;
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
        (_, i) =>
          syntheticImage({ id: `${id}-${i}`, width, height, content, seed }),
      ),
    }),
  };
}
