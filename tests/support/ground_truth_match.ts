import assert from "node:assert/strict";
import type { Sample } from "../../mod.ts";
import { hashAudio, type LogEntry } from "../../server/mod.ts";
import { SAMPLE_RATE_HZ } from "./ground_truth_clips.ts";

/** Delays from one side to the other, in milliseconds, by instant. */
export type Errors = Map<string, number[]>;

/** The samples of the client and the log of the server. */
export interface Evidence {
  readonly samples: readonly Sample[];
  readonly log: readonly LogEntry[];
  /** Samples of each clip by audio id, at the sample rate of the protocol. */
  readonly clips: ReadonlyMap<string, Int16Array>;
  readonly chunkMs: number;
  /** Zero of the samples' clock, in milliseconds since 1970. */
  readonly epochMs: number;
}

/**
 * Compares every instant of every sample with the server's log. A stream is identified by its audio: all clips differ,
 * so the hash of the audio that a session received identifies the clip, and proves that all bytes arrived in order.
 */
export function errorsOf(evidence: Evidence): Errors {
  const { samples, log, clips, epochMs } = evidence;
  const sessions = sessionsByAudio(log);
  const errors: Errors = new Map();
  for (const sample of samples) {
    const clip = clips.get(sample.input.audioId!)!;
    const truth = sessions.get(hashAudio(clip));
    assert.ok(
      truth,
      `the server never received all of ${sample.input.audioId}`,
    );
    checkChunks(sample, truth, { clip, chunkMs: evidence.chunkMs });
    for (const [instant, atMs, trueMs] of pairs(sample, truth)) {
      const isSent = instant === "chunk" || instant === "endSent";
      const clientMs = epochMs + atMs;
      const lagMs = isSent ? trueMs - clientMs : clientMs - trueMs;
      if (!errors.has(instant)) errors.set(instant, []);
      errors.get(instant)!.push(lagMs);
    }
  }
  return errors;
}

/** Groups the entries by session, under the hash of its audio. */
function sessionsByAudio(log: readonly LogEntry[]): Map<number, LogEntry[]> {
  const byHash = new Map<number, LogEntry[]>();
  for (const entries of Map.groupBy(log, ({ session }) => session).values()) {
    const last = entries.findLast(({ audioHash }) => audioHash !== undefined);
    if (last?.audioHash === undefined) continue;
    assert.ok(!byHash.has(last.audioHash), "two sessions got the same audio");
    byHash.set(last.audioHash, entries);
  }
  return byHash;
}

/** Asserts that every append has its own chunk, with the end that the sample records. */
function checkChunks(
  { audioSent }: Sample,
  truth: readonly LogEntry[],
  { clip, chunkMs }: { clip: Int16Array; chunkMs: number },
): void {
  const step = chunkMs * SAMPLE_RATE_HZ / 1000;
  const appends = only(truth, "in", APPEND);
  assert.equal(appends.length, Math.ceil(clip.length / step));
  assert.equal(audioSent.length, appends.length);
  let hash: number | undefined;
  for (const [i, { audioHash, audioMs }] of appends.entries()) {
    hash = hashAudio(clip.subarray(i * step, (i + 1) * step), hash);
    assert.equal(audioHash, hash);
    assert.ok(Math.abs(audioSent[i]!.endMs - audioMs!) < 1e-6);
  }
}

/** Returns the times of each instant of a sample, at the client and at the server. */
function* pairs(
  { marks, audioSent, deltas }: Sample,
  truth: readonly LogEntry[],
): Generator<[instant: string, atMs: number, trueMs: number]> {
  yield ["connected", marks.connected!, one(truth, "note", "accepted")];
  yield ["ready", marks.ready!, one(truth, "out", "session.created")];
  for (const [i, { atMs }] of only(truth, "in", APPEND).entries()) {
    yield ["chunk", audioSent[i]!.atMs, atMs];
  }
  yield ["endSent", marks.endSent!, one(truth, "in", FINAL_COMMIT)];
  const sent = only(truth, "out", "transcription.delta");
  assert.equal(deltas.length, sent.length);
  for (const [i, { atMs }] of sent.entries()) {
    if (i === 0) yield ["first delta", deltas[i]!.atMs, atMs];
    yield ["delta", deltas[i]!.atMs, atMs];
  }
  yield ["final", marks.final!, one(truth, "out", "transcription.done")];
}

const APPEND = "input_audio_buffer.append";
const FINAL_COMMIT = "input_audio_buffer.commit final";

function only(
  entries: readonly LogEntry[],
  direction: LogEntry["direction"],
  type: string,
): LogEntry[] {
  return entries.filter((entry) =>
    entry.direction === direction && entry.type === type
  );
}

/** Returns the time of the only entry of its type. */
function one(
  entries: readonly LogEntry[],
  direction: LogEntry["direction"],
  type: string,
): number {
  const found = only(entries, direction, type);
  assert.equal(found.length, 1, `${found.length} times ${type}`);
  return found[0]!.atMs;
}
