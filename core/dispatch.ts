import { attempt } from "./attempt.ts";
import type { Clock } from "./clock.ts";
import type { Backend } from "./contract.ts";
import type { InferenceRequest, Turn } from "./request.ts";
import type { Phase, Sample } from "./sample.ts";
import type { ReadySession } from "./source.ts";

/** What a stage lets its dispatcher do. */
export interface Stand {
  /** Sends requests. */
  readonly backend: Backend;
  /** The run's clock. */
  readonly clock: Clock;
  /** Index of the stage. */
  readonly stage: number;
  /** No request starts any more. */
  readonly stopped: AbortSignal;
  /** Requests in flight are given up. */
  readonly cut: AbortSignal;
  /** The next session; `undefined` when no more is to start. */
  next(): Promise<ReadySession | undefined>;
  /** Asks leave to start a request due at `scheduledMs`: its id and phase, or `undefined` where no more may start. */
  admit(scheduledMs: number): { id: number; phase: Phase } | undefined;
  /** A request has ended. */
  ended(sample: Sample): void;
  /** An arrival was not started, as too many were in flight. */
  dropped(scheduledMs: number): void;
}

/** Keeps `concurrency` sessions in flight; resolves when the last has ended. The first ones are spread over `spreadMs`. */
export async function closedLoop(
  stand: Stand,
  { concurrency, spreadMs }: { concurrency: number; spreadMs: number },
): Promise<void> {
  const startMs = stand.clock.now();
  const slots = Array.from(
    { length: concurrency },
    (_, i) => slot(stand, startMs + spreadMs * i / concurrency),
  );
  await settled(slots);
}

/** One session after another, each due when the one before has ended. */
async function slot(stand: Stand, firstMs: number): Promise<void> {
  let dueMs = firstMs;
  while (await until(stand, dueMs)) {
    const ready = await stand.next();
    if (ready === undefined) return;
    await runSession(stand, ready, dueMs);
    dueMs = stand.clock.now();
  }
}

/** Starts sessions when they arrive, whatever became of the ones before. */
export async function openLoop(
  stand: Stand,
  { arrivals, maxInFlight }: {
    arrivals: Iterable<number>;
    maxInFlight: number;
  },
): Promise<void> {
  const startMs = stand.clock.now();
  const inFlight = new Set<Promise<void>>();
  for (const offsetMs of arrivals) {
    const dueMs = startMs + offsetMs;
    if (!await until(stand, dueMs)) break;
    if (inFlight.size >= maxInFlight) {
      stand.dropped(dueMs);
      continue;
    }
    const session = arrive(stand, dueMs);
    inFlight.add(session);
    const gone = () => void inFlight.delete(session);
    session.then(gone, gone);
  }
  await settled([...inFlight]);
}

async function arrive(stand: Stand, dueMs: number): Promise<void> {
  const ready = await stand.next();
  if (ready !== undefined) await runSession(stand, ready, dueMs);
}

/** Sends the turns of a session, each due when the answer before it has been thought over. */
async function runSession(
  stand: Stand,
  { session, prepared }: ReadySession,
  firstMs: number,
): Promise<void> {
  const { backend, clock, stage, cut } = stand;
  const history: { turn: Turn; answer?: string }[] = [];
  let dueMs = firstMs;
  try {
    for (const [index, turn] of session.turns.entries()) {
      if (index > 0) {
        dueMs = clock.now() + (turn.thinkMs ?? 0);
        if (!await until(stand, dueMs)) return;
      }
      const leave = stand.admit(dueMs);
      if (leave === undefined) return;
      const request: InferenceRequest = {
        id: leave.id,
        turn,
        prepared: prepared[index],
        session: { id: session.id, turn: index, history: [...history] },
      };
      const sample = await attempt(backend, request, {
        stage,
        phase: leave.phase,
        scheduledMs: dueMs,
        clock,
        signal: cut,
      });
      stand.ended(sample);
      if (sample.outcome.status !== "ok") return;
      history.push({ turn, ...answerOf(sample) });
    }
  } finally {
    backend.endSession?.(session.id);
  }
}

function answerOf({ output: { text } }: Sample): { answer?: string } {
  return text === undefined ? {} : { answer: text };
}

/** Waits until `atMs`; false if the stage stops first. */
async function until(
  { clock, stopped }: Stand,
  atMs: number,
): Promise<boolean> {
  if (stopped.aborted) return false;
  if (atMs <= clock.now()) return true;
  return await clock.sleepUntil(atMs, stopped).then(() => true, () => false);
}

/** Waits for all, then throws what any of them threw. */
async function settled(all: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(all)) {
    if (result.status === "rejected") throw result.reason;
  }
}
