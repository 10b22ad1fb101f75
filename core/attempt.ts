import { systemCodeOf } from "../lib/system_code.ts";
import type { Abort, AbortTask } from "../lib/abort.ts";
import { CallRecorder } from "./call.ts";
import type { Clock } from "./clock.ts";
import type { Backend } from "./contract.ts";
import { isRequestError, messageOf } from "./errors.ts";
import { type MemoryBudget, processMemory } from "./memory.ts";
import type { Columns, InferenceRequest, Turn } from "./request.ts";
import type {
  Failure,
  Outcome,
  Output,
  Phase,
  Sample,
  SampleInput,
} from "./sample.ts";
import { isClientMade } from "./failures.ts";

/** Options of {@linkcode attempt}. */
export interface AttemptOptions {
  /** Index of the stage that the request belongs to. */
  readonly stage: number;
  /** Part of the stage. */
  readonly phase: Phase;
  /** When the load profile wanted the request to start. */
  readonly scheduledMs: number;
  /** The run's clock. */
  readonly clock: Clock;
  /** Aborts when the stage gives up its requests. A `RequestError` as reason gives the class, any other `cancelled`. */
  readonly signal: AbortSignal;
  /** How long a backend may take to stop after an abort. @default {1000} */
  readonly graceMs?: number;
  /** Budget that the response takes its memory from. @default {processMemory} */
  readonly memory?: MemoryBudget;
}

/**
 * Sends one request and times it. It never throws and never hangs: a failure is a sample too, with the output that had
 * arrived before it.
 *
 * This is the timed path: it reads the clock and appends to arrays, and does no parsing, logging or arithmetic.
 */
export async function attempt<P>(
  backend: Backend<P>,
  request: InferenceRequest<P>,
  { stage, phase, scheduledMs, clock, graceMs = 1000, ...options }:
    AttemptOptions,
): Promise<Sample> {
  const call = new CallRecorder(
    clock,
    options.signal,
    options.memory ?? processMemory,
  );
  const { abort } = call;
  const letGo = giveUp(call.onAbort, clock, graceMs);
  let output: Output = {};
  let outcome: Outcome = { status: "ok" };
  const dispatchedMs = clock.now();
  try {
    output = await Promise.race([backend.send(request, call), letGo.promise]);
    // Output is not recorded after the memory was used up.
    if (call.tooLarge) outcome = failed(call.tooLarge, abort);
  } catch (error) {
    outcome = failed(error, abort);
  }
  const endedMs = (outcome.status === "ok" ? call.endedMs : undefined) ??
    clock.now();
  letGo.cancel();
  call.close();
  const deltas = call.deltas();
  const { id, session: { id: sessionId, turn } } = request;
  return {
    id,
    session: { id: sessionId, turn },
    stage,
    phase,
    input: inputOf(request.turn),
    scheduledMs,
    dispatchedMs,
    ...(call.retries > 0 && { retried: call.retries }),
    marks: call.marks,
    reads: call.reads,
    deltas,
    audioSent: call.chunks,
    output: output.text === undefined
      ? { ...output, ...textOf(deltas) }
      : output,
    endedMs,
    outcome,
  };
}

/** Rejects `graceMs` after the abort, for a backend that ignores it. */
export function giveUp(
  onAbort: (task: AbortTask) => () => void,
  clock: Clock,
  graceMs: number,
): { promise: Promise<never>; cancel: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  let cancelTimer = () => {};
  const forget = onAbort((reason) => {
    cancelTimer = clock.at(clock.now() + graceMs, () => reject(reason));
  });
  return {
    promise,
    cancel() {
      forget();
      cancelTimer();
    },
  };
}

function failed(error: unknown, { aborted, reason }: Abort): Outcome {
  const failure = failureOf(aborted ? reason : error, aborted);
  if (failure.class.endsWith("_timeout")) return { status: "timeout", failure };
  const isCancelled = failure.class === "cancelled";
  return { status: isCancelled ? "cancelled" : "error", failure };
}

function failureOf(reason: unknown, aborted: boolean): Failure {
  const isKnown = isRequestError(reason);
  const failureClass = isKnown
    ? reason.class
    : aborted
    ? "cancelled"
    : "backend_error";
  const systemCode = systemCodeOf(reason);
  // A backend that gives a class gives the code too. Only the codes of this client's own failures are always kept.
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

/** Number of pictures in a turn, including those in its messages. */
function imagesIn({ images = [], messages = [] }: Columns): number {
  let count = images.length;
  for (const { content } of messages) {
    if (typeof content === "string") continue;
    for (const { kind } of content) if (kind === "image") count++;
  }
  return count;
}

/** The text of the deltas; of several answers the first. */
function textOf(deltas: Sample["deltas"]): Output {
  let text: string | undefined;
  for (const { kind, mode, choice = 0, text: more = "" } of deltas) {
    if (kind !== "text" || choice > 0) continue;
    text = mode === "replace" ? more : (text ?? "") + more;
  }
  return text === undefined ? {} : { text };
}
