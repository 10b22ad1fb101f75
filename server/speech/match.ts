import { type Envelope, SILENCE_DB } from "./envelope.ts";

/** A recording that can be recognized by its envelope. */
export interface KnownSound {
  readonly id: string;
  readonly envelope: Envelope;
}

/** How well what was heard fits a known sound. */
export interface Match<T extends KnownSound> {
  readonly sound: T;
  /** Frames from the start of what was heard to the start of the sound; negative if its start was cut off. */
  readonly offsetFrames: number;
  /** Mean difference over the frames with sound; below 4 it is the same recording. */
  readonly distanceDb: number;
  /** The least distance of any other sound. */
  readonly nextDb: number;
}

/** The sound that fits best, at any of the offsets. */
export function bestMatch<T extends KnownSound>(
  heard: Envelope,
  sounds: readonly T[],
  offsets: { readonly from: number; readonly to: number },
): Match<T> | undefined {
  let best: Match<T> | undefined;
  let nextDb = Infinity;
  for (const sound of sounds) {
    let leastDb = Infinity;
    let offsetFrames = 0;
    for (let offset = offsets.from; offset <= offsets.to; offset++) {
      const db = distanceDb(heard, sound.envelope, offset);
      if (db < leastDb) [leastDb, offsetFrames] = [db, offset];
    }
    if (best && leastDb >= best.distanceDb) nextDb = Math.min(nextDb, leastDb);
    else {
      nextDb = best?.distanceDb ?? Infinity;
      best = { sound, offsetFrames, distanceDb: leastDb, nextDb };
    }
  }
  return best && { ...best, nextDb };
}

/**
 * Mean difference of two envelopes where one of them has sound, after their gains are made equal: of the levels, and
 * half of that of the tilts.
 */
export function distanceDb(
  heard: Envelope,
  known: Envelope,
  offset: number,
): number {
  const start = Math.max(0, offset);
  const end = Math.min(heard.levelDb.length, known.levelDb.length + offset);
  let loudest = SILENCE_DB;
  for (let i = start; i < end; i++) {
    loudest = Math.max(loudest, known.levelDb[i - offset]!);
  }
  const floor = loudest - RANGE_DB;
  let gain = 0, active = 0;
  for (let i = start; i < end; i++) {
    const level = known.levelDb[i - offset]!;
    if (level <= floor) continue;
    gain += heard.levelDb[i]! - level;
    active++;
  }
  if (active < MIN_ACTIVE_FRAMES) return Infinity;
  gain /= active;
  let sum = 0, frames = 0;
  for (let i = 0; i < end; i++) {
    const k = i - offset;
    const level = Math.max(floor, k < 0 ? floor : known.levelDb[k]!);
    const heardLevel = Math.max(floor, heard.levelDb[i]! - gain);
    if (level === floor && heardLevel === floor) continue;
    frames++;
    sum += Math.abs(level - heardLevel);
    if (level > floor && heardLevel > floor) {
      sum += Math.abs(known.tiltDb[k]! - heard.tiltDb[i]!) / 2;
    }
  }
  return sum / frames;
}

/** Quieter than this under the loudest frame is taken for silence. */
const RANGE_DB = 30;

/** A quarter of a second of sound at least. */
const MIN_ACTIVE_FRAMES = 12;
