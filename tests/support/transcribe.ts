import {
  realtime,
  type RealtimeOptions,
} from "../../backends/realtime/realtime.ts";
import { attempt } from "../../core/attempt.ts";
import { systemClock } from "../../core/clock.ts";
import type {
  Audio,
  Backend,
  InferenceRequest,
  OpenContext,
  Sample,
} from "../../plugins/mod.ts";

/** A context for calls that ignore it. */
export function testContext(more: Partial<OpenContext> = {}): OpenContext {
  return {
    env: () => undefined,
    signal: new AbortController().signal,
    warn: () => {},
    ...more,
  };
}

/** Audio in which the value of each sample is its position. */
export function testAudio(
  durationMs: number,
  id = `ramp-${durationMs}`,
): Audio {
  return {
    id,
    durationMs,
    file: () => Promise.reject(new Error("not asked for")),
    pcm16: (rate) =>
      Promise.resolve(
        Int16Array.from({ length: durationMs * rate / 1000 }, (_, i) => i),
      ),
  };
}

/** Opens a backend that sends no request besides the socket. */
export function openRealtime(
  options: RealtimeOptions,
  context: Partial<OpenContext> = {},
): Promise<Backend> {
  return realtime({ model: "m", healthPath: "off", ...options }).open(
    testContext(context),
  );
}

export interface TranscribeOptions {
  readonly audio?: Audio;
  readonly signal?: AbortSignal;
}

const clock = systemClock();

/** Sends one utterance as the engine does. */
export async function transcribe(
  backend: Backend,
  { audio = testAudio(40), signal = new AbortController().signal }:
    TranscribeOptions = {},
): Promise<Sample> {
  const turn = { columns: { audio } };
  const prepared = await backend.prepare!(turn, signal);
  const session = { id: "s", turn: 0, history: [] };
  const request: InferenceRequest = { id: 0, turn, prepared, session };
  const scheduledMs = clock.now();
  return attempt(backend, request, {
    stage: 0,
    phase: "measure",
    scheduledMs,
    clock,
    signal,
  });
}

/** Opens a backend, sends one utterance and closes it. */
export async function transcribeOnce(
  options: RealtimeOptions,
  more: TranscribeOptions = {},
): Promise<Sample> {
  const backend = await openRealtime(options);
  try {
    return await transcribe(backend, more);
  } finally {
    await backend[Symbol.asyncDispose]?.();
  }
}
