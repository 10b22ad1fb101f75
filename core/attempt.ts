import { onAbort } from "./abort.ts";
import type { Clock } from "./clock.ts";
import type { Backend, Call } from "./contract.ts";
import { isRequestError, messageOf } from "./errors.ts";
import type { Columns, InferenceRequest, Turn } from "./request.ts";
import type {
  AudioSent,
  Failure,
  Outcome,
  Output,
  Phase,
  Sample,
  SampleInput,
} from "./sample.ts";
import { systemCodeOf } from "./system_code.ts";
import { isClientMade } from "./verdict.ts";

/** What {@linkcode attempt} needs to know beside the request. */
export interface AttemptOptions {
  /** Index of the stage that the request belongs to. */
  readonly stage: number;
  /** Whether it counts. */
  readonly phase: Phase;
  /** When the load profile wanted the request to start. */
  readonly scheduledMs: number;
  /** The run's clock. */
  readonly clock: Clock;
  /** Its reason decides between `cancelled` and a timeout: a `RequestError` or any other. */
  readonly signal: AbortSignal;
  /** How long an aborted backend may take to let go. @default {1000} */
  readonly graceMs?: number;
}

/**
 * Sends one request and times it. Never throws, never hangs: a failure is a sample too, with
 * what had arrived before it.
 *
 * This is the timed path: it reads the clock and appends to arrays, and does no parsing,
 * logging or arithmetic.
 */
export async function attempt<P>(
  backend: Backend<P>,
  request: InferenceRequest<P>,
  { stage, phase, scheduledMs, clock, signal, graceMs = 1000 }: AttemptOptions,
): Promise<Sample> {
  const { call, seen, overMs, close } = recorder(clock, signal);
  const letGo = giveUp(signal, clock, graceMs);
  let output: Output = {};
  let outcome: Outcome = { status: "ok" };
  const dispatchedMs = clock.now();
  try {
    output = await Promise.race([backend.send(request, call), letGo.promise]);
  } catch (error) {
    outcome = failed(error, signal);
  }
  const endedMs = (outcome.status === "ok" ? overMs() : undefined) ??
    clock.now();
  letGo.cancel();
  close();
  const { id, session: { id: sessionId, turn } } = request;
  return {
    id,
    session: { id: sessionId, turn },
    stage,
    phase,
    input: inputOf(request.turn),
    scheduledMs,
    dispatchedMs,
    ...seen,
    output: output.text === undefined
      ? { ...output, ...textOf(seen.deltas) }
      : output,
    endedMs,
    outcome,
  };
}

/** The engine's side of a call. Once closed it records nothing: a backend that was let go cannot change its sample. */
function recorder(clock: Clock, signal: AbortSignal) {
  const marks: { -readonly [K in keyof Sample["marks"]]: Sample["marks"][K] } =
    {};
  const reads: { count: number; bytes: number; events?: number } = {
    count: 0,
    bytes: 0,
  };
  const deltas: Sample["deltas"][number][] = [];
  const audioSent: AudioSent[] = [];
  let endedMs: number | undefined;
  let open = true;
  const call: Call = {
    signal,
    clock,
    read(bytes, atMs = clock.now()) {
      if (open) {
        reads.count++;
        reads.bytes += bytes;
      }
      return atMs;
    },
    event(atMs) {
      if (!open) return;
      reads.events = (reads.events ?? 0) + 1;
      marks.firstEvent ??= atMs;
    },
    output(atMs, delta) {
      if (open) deltas.push({ atMs, ...delta });
    },
    mark(instant, atMs = clock.now()) {
      if (open) marks[instant] = atMs;
    },
    ended(atMs) {
      if (open) endedMs = atMs;
    },
    audioSent(chunk) {
      if (open) audioSent.push(chunk);
    },
  };
  return {
    call,
    overMs: () => endedMs,
    seen: { marks, reads, deltas, audioSent },
    close: () => void (open = false),
  };
}

/** Rejects `graceMs` after the abort, for a backend that ignores its signal. */
export function giveUp(
  signal: AbortSignal,
  clock: Clock,
  graceMs: number,
): { promise: Promise<never>; cancel: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  let cancelTimer = () => {};
  const forget = onAbort(signal, () => {
    cancelTimer = clock.at(
      clock.now() + graceMs,
      () => reject(signal.reason),
    );
  });
  return {
    promise,
    cancel() {
      forget();
      cancelTimer();
    },
  };
}

function failed(error: unknown, { aborted, reason }: AbortSignal): Outcome {
  const failure = failureOf(aborted ? reason : error, aborted);
  if (failure.class.endsWith("_timeout")) return { status: "timeout", failure };
  return { status: aborted ? "cancelled" : "error", failure };
}

function failureOf(reason: unknown, aborted: boolean): Failure {
  const isKnown = isRequestError(reason);
  const failureClass = isKnown
    ? reason.class
    : aborted
    ? "cancelled"
    : "backend_error";
  const systemCode = systemCodeOf(reason);
  // Who names a class names a code too, where there is one; but this client's own failures always keep theirs.
  const isOwn = isClientMade({ class: failureClass, code: systemCode });
  const code = isKnown && !isOwn ? reason.code : systemCode;
  return {
    class: failureClass,
    ...(code !== undefined && { code }),
    message: messageOf(reason),
  };
}

function inputOf({ columns, maxOutputTokens }: Turn): SampleInput {
  const { audio, reference, texts } = columns;
  const images = imagesIn(columns);
  return {
    ...(audio && { audioId: audio.id, audioMs: audio.durationMs }),
    ...(reference !== undefined && { reference }),
    ...(images > 0 && { images }),
    ...(texts && { texts: texts.length }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  };
}

/** How many pictures a turn brings, those in its messages included. */
function imagesIn({ images = [], messages = [] }: Columns): number {
  let count = images.length;
  for (const { content } of messages) {
    if (typeof content === "string") continue;
    for (const { kind } of content) if (kind === "image") count++;
  }
  return count;
}

/** The text so far, from its pieces; of several answers the first. */
function textOf(deltas: Sample["deltas"]): Output {
  let text: string | undefined;
  for (const { kind, mode, choice = 0, text: piece = "" } of deltas) {
    if (kind !== "text" || choice > 0) continue;
    text = mode === "replace" ? piece : (text ?? "") + piece;
  }
  return text === undefined ? {} : { text };
}
