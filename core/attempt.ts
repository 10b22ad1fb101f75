import { Abort, type AbortTask } from "../lib/abort.ts";
import type { Clock } from "./clock.ts";
import type { Backend, Call } from "./contract.ts";
import { isRequestError, messageOf, type RequestError } from "./errors.ts";
import { joinedText } from "../lib/joined_text.ts";
import { deltaBytes, type MemoryBudget, processMemory } from "./memory.ts";
import type { Columns, InferenceRequest, Turn } from "./request.ts";
import type {
  AudioSent,
  Delta,
  Failure,
  Instant,
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
  /** What its response may take of. @default {processMemory} */
  readonly memory?: MemoryBudget;
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
  { stage, phase, scheduledMs, clock, graceMs = 1000, ...options }:
    AttemptOptions,
): Promise<Sample> {
  const abort = new Abort(options.signal);
  const recording = recorder(clock, abort, options.memory ?? processMemory);
  const { call } = recording;
  const letGo = giveUp((task) => abort.onAbort(task), clock, graceMs);
  let output: Output = {};
  let outcome: Outcome = { status: "ok" };
  const dispatchedMs = clock.now();
  try {
    output = await Promise.race([backend.send(request, call), letGo.promise]);
    // What comes after its memory was used up is not recorded.
    if (recording.tooLarge) outcome = failed(recording.tooLarge, abort);
  } catch (error) {
    outcome = failed(error, abort);
  }
  const endedMs = (outcome.status === "ok" ? recording.endedMs : undefined) ??
    clock.now();
  letGo.cancel();
  abort.unlink();
  recording.close();
  const seen = recording.seen();
  const { id, session: { id: sessionId, turn } } = request;
  return {
    id,
    session: { id: sessionId, turn },
    stage,
    phase,
    input: inputOf(request.turn),
    scheduledMs,
    dispatchedMs,
    ...(recording.retries > 0 && { retried: recording.retries }),
    ...seen,
    output: output.text === undefined
      ? { ...output, ...textOf(seen.deltas) }
      : output,
    endedMs,
    outcome,
  };
}

/**
 * The engine's side of a call. Once closed it records nothing: a backend that was let go cannot change its sample. It
 * aborts the request when that takes too much memory.
 */
function recorder(
  clock: Clock,
  abort: Abort,
  memory: MemoryBudget,
) {
  const marks: { -readonly [K in keyof Sample["marks"]]: Sample["marks"][K] } =
    {};
  const reads: { count: number; bytes: number; events?: number } = {
    count: 0,
    bytes: 0,
  };
  const output = outputLog();
  const audioSent: AudioSent[] = [];
  let bufferedBytes = 0;
  let tooLarge: RequestError | undefined;
  let endedMs: number | undefined;
  let retries = 0;
  let open = true;
  const share = memory.open((error) => {
    tooLarge = error;
    open = false;
    abort.abort(error);
  });
  const call: Call = {
    get signal() {
      return abort.signal;
    },
    throwIfAborted: () => abort.throwIfAborted(),
    onAbort: (task) => abort.onAbort(task),
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
      if (!open) return;
      output.add(atMs, delta);
      share.add(deltaBytes(delta));
    },
    buffered(bytes) {
      if (!open) return;
      const more = bytes - bufferedBytes;
      bufferedBytes = bytes;
      share.add(more);
    },
    mark(instant, atMs = clock.now()) {
      if (open) marks[instant] = atMs;
    },
    retried() {
      if (!open) return;
      retries++;
      for (const instant of Object.keys(marks) as Instant[]) {
        delete marks[instant];
      }
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
    /** When the response had ended, where the backend said so. */
    get endedMs() {
      return endedMs;
    },
    /** How often the backend sent the request again. */
    get retries() {
      return retries;
    },
    /** Why it was given up, where that was for its memory. */
    get tooLarge() {
      return tooLarge;
    },
    seen: () => ({ marks, reads, deltas: output.deltas(), audioSent }),
    close() {
      open = false;
      share.close();
    },
  };
}

/**
 * Output as it comes. While a request is in flight, plain pieces of text are kept as their times, their lengths and one
 * text: thousands of streams may hold thousands of pieces each.
 */
function outputLog() {
  const times: number[] = [];
  /** The length of a plain piece, or another piece as it is. */
  const pieces: (number | Delta)[] = [];
  const plain = joinedText();
  return {
    add(atMs: number, delta: Delta): void {
      times.push(atMs);
      if (isPlain(delta)) {
        pieces.push(delta.text.length);
        plain.add(delta.text);
      } else pieces.push({ ...delta });
    },
    deltas(): Sample["deltas"] {
      const text = plain.toString();
      let at = 0;
      return pieces.map((piece, i) => {
        const atMs = times[i]!;
        if (typeof piece !== "number") return { atMs, ...piece };
        return { atMs, kind: "text", text: text.slice(at, at += piece) };
      });
    },
  };
}

function isPlain(delta: Delta): delta is { kind: "text"; text: string } {
  return delta.kind === "text" && delta.text !== undefined &&
    delta.mode === undefined && delta.tokens === undefined &&
    delta.bytes === undefined && delta.choice === undefined;
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
