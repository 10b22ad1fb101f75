import type { AbortTask } from "../lib/abort.ts";
import { type Activity, CallRecorder, type Mutable } from "./call.ts";
import type { LoopWatch } from "./client_monitor.ts";
import type { Clock } from "./clock.ts";
import type { Backend } from "./contract.ts";
import { outcomeOf } from "./failures.ts";
import { type MemoryBudget, processMemory } from "./memory.ts";
import type { Columns, InferenceRequest, Turn } from "./request.ts";
import type { Outcome, Output, Phase, Sample, SampleInput } from "./sample.ts";

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
  /** Watches this thread, for the client's share. */
  readonly watch?: LoopWatch | undefined;
  /** Records when anything was sent or received. */
  readonly activity?: Activity | undefined;
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
    options,
  );
  const { abort, onAbort } = call;
  let output: Output = {};
  let outcome: Outcome = { status: "ok" };
  const dispatchedMs = clock.now();
  try {
    const send = () => backend.send(request, call);
    output = await untilGrace(send, { onAbort, clock, graceMs });
    // Output is not recorded after the memory was used up.
    if (call.tooLarge) outcome = outcomeOf(call.tooLarge, abort);
  } catch (error) {
    outcome = outcomeOf(error, abort);
  }
  const doneMs = clock.now();
  const endedMs = (outcome.status === "ok" ? call.endedMs : undefined) ??
    doneMs;
  const client = call.share({ dispatchedMs, endedMs, doneMs });
  call.close();
  const deltas = call.deltas();
  const { id, session: { id: sessionId, turn } } = request;
  // Spreading objects that may be absent would take longer than all else here.
  const sample: Mutable<Sample> = {
    id,
    session: { id: sessionId, turn },
    stage,
    phase,
    input: inputOf(request.turn, backend),
    scheduledMs,
    dispatchedMs,
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
  if (call.retries > 0) sample.retried = call.retries;
  if (client) sample.client = client;
  return sample;
}

/** Settles as a task does, but rejects `graceMs` after an abort at the latest, for backends that ignore it. */
export function untilGrace<Value>(
  task: () => Promise<Value>,
  { onAbort, clock, graceMs }: {
    onAbort(task: AbortTask): () => void;
    clock: Clock;
    graceMs: number;
  },
): Promise<Value> {
  return new Promise((resolve, reject) => {
    let cancelTimer = () => {};
    const removeTask = onAbort((reason) => {
      cancelTimer = clock.at(clock.now() + graceMs, () => reject(reason));
    });
    const end = () => {
      removeTask();
      cancelTimer();
    };
    Promise.try(task).then((value) => {
      end();
      resolve(value);
    }, (error) => {
      end();
      reject(error);
    });
  });
}

function inputOf(
  turn: Turn,
  backend: Pick<Backend, "outputLimit">,
): SampleInput {
  const { columns } = turn;
  const { audio, reference, texts } = columns;
  const limit: ReturnType<NonNullable<Backend["outputLimit"]>> =
    backend.outputLimit?.(turn) ?? turn;
  const { maxOutputTokens, isExactLength } = limit;
  const images = imagesIn(columns);
  const input: Mutable<SampleInput> = {};
  if (audio) {
    input.audioId = audio.id;
    input.audioMs = audio.durationMs;
  }
  if (reference !== undefined) input.reference = reference;
  if (images > 0) input.images = images;
  if (texts) input.texts = texts.length;
  if (maxOutputTokens !== undefined) input.maxOutputTokens = maxOutputTokens;
  if (isExactLength) input.isExactLength = true;
  return input;
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
