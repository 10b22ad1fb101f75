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
import { bucketsOf, type Drawers, drawersOf, type Drawn } from "./settings.ts";
import { openingsOf } from "./words.ts";
import type { Writer, Written } from "./writer.ts";

/** Prompts have so many tokens where nothing else is said, and there is no audio. */
const INPUT_TOKENS = 128;

/** Makes session `n` of a seed, whatever was made before. */
export type SessionMaker = (
  n: number,
  signal: AbortSignal,
) => Promise<Session>;

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
    return async (n, signal) => {
      try {
        return { id: String(n), turns: await turnsOf(n, making, signal) };
      } catch (error) {
        return { id: String(n), turns: [], problem: messageOf(error) };
      }
    };
  };
}

interface Plan {
  readonly settings: SyntheticSettings;
  readonly writer: Writer;
  readonly draw: Drawers;
}

interface Making extends Plan {
  readonly seed: number;
  readonly prefixes: Prefixes | undefined;
  readonly opening: ReturnType<typeof openingsOf>;
}

/** Which turn is being made, and what its session has for all of its turns. */
interface Place {
  readonly session: number;
  readonly turn: number;
  /** Draws a size; undefined where the option was not given. */
  readonly size: (option: Drawn) => number | undefined;
  /** Draws words. */
  readonly words: Random;
  readonly prefix: Written | undefined;
  readonly signal: AbortSignal;
}

async function turnsOf(
  session: number,
  making: Making,
  signal: AbortSignal,
): Promise<Turn[]> {
  const size = sizesOf(session, making);
  const words = random(making.seed, `synthetic/words/${session}`);
  const prefix = await making.prefixes?.(session);
  const count = size("turns") ?? 1;
  const turns: Turn[] = [];
  for (let turn = 0; turn < count; turn++) {
    const place = { session, turn, size, words, prefix, signal };
    turns.push(await turnOf(place, making));
  }
  return turns;
}

/** The sizes of a session. Each option has a stream of chance of its own, so that none changes what another draws. */
function sizesOf(session: number, { draw, seed }: Making): Place["size"] {
  const streams = new Map<Drawn, Random>();
  return (option) => {
    const drawer = draw[option];
    if (drawer === undefined) return undefined;
    const chance = streams.get(option) ??
      random(seed, `synthetic/${option}/${session}`);
    streams.set(option, chance);
    return drawer(chance);
  };
}

async function turnOf(place: Place, making: Making): Promise<Turn> {
  const { turn, size } = place;
  const maxOutputTokens =
    (turn === 0 ? size("firstOutputTokens") : undefined) ??
      size("outputTokens");
  const thinkMs = turn > 0 ? size("thinkMs") : undefined;
  return {
    columns: await columnsOf(place, making),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(thinkMs !== undefined && { thinkMs }),
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
  if (batch === undefined) {
    const text = await prompt(place, making, 0);
    return text === undefined ? {} : { text };
  }
  const texts: string[] = [];
  for (let i = 0; i < batch; i++) texts.push((await prompt(place, making, i))!);
  return { texts };
}

/** The `i`th prompt of a turn. What comes after the first turn follows a history that is like no other. */
async function prompt(
  place: Place,
  { settings, writer, opening }: Making,
  i: number,
): Promise<string | undefined> {
  const { session, turn, words, prefix, signal } = place;
  const { batch = 1, prefixIn, audioSeconds } = settings;
  const tokens = promptTokens(place) ??
    (audioSeconds === undefined ? INPUT_TOKENS : undefined);
  if (tokens === undefined) return undefined;
  const isFirst = turn === 0;
  return await writer.write({
    tokens,
    opening: isFirst ? opening(session * batch + i) : [],
    after: isFirst && prefixIn === "text" ? prefix : undefined,
    chance: words,
    signal,
  });
}

function promptTokens({ turn, size }: Place): number | undefined {
  return (turn === 0 ? size("firstInputTokens") : undefined) ??
    size("inputTokens");
}

function media(
  { session, turn, size }: Place,
  { settings, seed }: Making,
): Columns {
  const id = `synthetic-${session}-${turn}`;
  const seconds = size("audioSeconds");
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
