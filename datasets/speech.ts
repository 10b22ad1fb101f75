import type { AudioClip, AudioSource, Decoders } from "../audio/mod.ts";
import {
  type Columns,
  messageOf,
  type Session,
  type Turn,
} from "../plugins/mod.ts";

/** A session of one turn. What cannot be used becomes its problem, so that the run goes on without it. */
export function speechSession(
  id: string,
  columns: () => Promise<Columns>,
): Promise<Session> {
  return madeSession(id, async () => [{ columns: await columns() }]);
}

/** A session of turns that may turn out not to be usable: that becomes its problem. */
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

/** How a clip becomes columns. */
export interface SpeechColumnsOptions {
  readonly maxSeconds?: number | undefined;
  readonly reference?: string | undefined;
}

/**
 * The columns of a file. A clip that is cut has no reference, as nobody can tell which words are left.
 *
 * @param partOf What of the file is meant. @default {all of it}
 * @throws {AudioError} If its header tells that it cannot be used.
 */
export async function speechColumns(
  decoders: Decoders,
  source: AudioSource,
  { maxSeconds, reference }: SpeechColumnsOptions,
  partOf: (file: AudioClip) => AudioClip = (file) => file,
): Promise<Columns> {
  const clip = partOf(await decoders.clip(source));
  if (isCut(clip.durationMs, maxSeconds)) {
    return { audio: cut(clip, maxSeconds) };
  }
  return { audio: clip, ...(reference !== undefined && { reference }) };
}

/** A clip that is no longer than it may be. */
export function cut(
  clip: AudioClip,
  maxSeconds: number | undefined,
): AudioClip {
  if (!isCut(clip.durationMs, maxSeconds)) return clip;
  return clip.part({ endMs: maxSeconds * 1000, id: clip.id });
}

/** Whether a clip is longer than it may be. */
export function isCut(
  durationMs: number,
  maxSeconds: number | undefined,
): maxSeconds is number {
  return maxSeconds !== undefined && durationMs > maxSeconds * 1000;
}
