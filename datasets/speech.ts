import { z } from "zod";
import type { AudioClip } from "../audio/mod.ts";
import {
  type Columns,
  type Dataset,
  messageOf,
  type Session,
  type Turn,
} from "../plugins/mod.ts";
import {
  type OrderingOptions,
  orderingShape,
  orderOf,
  type OrderOptions,
} from "./order.ts";
import { readAhead } from "../lib/concurrency.ts";

/** How speech is read. */
export interface SpeechOptions extends OrderingOptions {
  /**
   * Cuts each clip to this length, in seconds. A clip that is cut has no reference, as it is not known which words are
   * left.
   *
   * @default {whole clips}
   */
  maxSeconds?: number;
}

/** The schema of {@linkcode SpeechOptions}. */
export const speechShape = {
  ...orderingShape,
  maxSeconds: z.number().positive().optional().describe(
    "Cut each clip to this many seconds; a clip that is cut has no reference (default: whole clips)",
  ),
};

/** Creates a session. If its turns cannot be made, the error becomes its problem, so that the run continues. */
export async function madeSession(
  id: string,
  turns: () => Promise<readonly Turn[]> | readonly Turn[],
): Promise<Session> {
  try {
    return { id, turns: await turns() };
  } catch (error) {
    return { id, turns: [], problem: messageOf(error) };
  }
}

/** Reads the sessions of items in the order of a pass. Some are begun ahead of need. */
export function orderedSessions(
  count: number,
  { shuffle, limit }: Pick<OrderOptions, "shuffle" | "limit">,
  session: (item: number) => Promise<Session>,
): Dataset["sessions"] {
  return ({ seed, pass, signal }) => {
    const order = orderOf(count, { shuffle, limit, seed, pass });
    return readAhead(order, session, { ahead: AHEAD, signal });
  };
}

/** Number of items that are read ahead, with the headers of their audio. */
export const AHEAD = 8;

/** Creates a session of one turn. */
export function speechSession(
  id: string,
  columns: () => Promise<Columns>,
): Promise<Session> {
  return madeSession(id, async () => [{ columns: await columns() }]);
}

/** Returns the columns of a clip. A clip that is cut has no reference. */
export function speechColumns(
  clip: AudioClip,
  reference?: string,
  maxSeconds?: number,
): Columns {
  if (isCut(clip.durationMs, maxSeconds)) {
    return { audio: cut(clip, maxSeconds) };
  }
  return { audio: clip, ...(reference !== undefined && { reference }) };
}

/** Returns the clip, or its beginning if it is too long. */
export function cut(
  clip: AudioClip,
  maxSeconds?: number,
): AudioClip {
  if (!isCut(clip.durationMs, maxSeconds)) return clip;
  return clip.part({ endMs: maxSeconds * 1000, id: clip.id });
}

/** Whether a clip is too long. */
export function isCut(
  durationMs: number,
  maxSeconds?: number,
): maxSeconds is number {
  return maxSeconds !== undefined && durationMs > maxSeconds * 1000;
}
