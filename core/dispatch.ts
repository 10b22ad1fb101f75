import { attempt } from "./attempt.ts";
import { bag } from "../lib/unordered.ts";
import type { Clock } from "./clock.ts";
import type { Backend } from "./contract.ts";
import type { Exchange, InferenceRequest } from "./request.ts";
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
  /** No session starts any more. */
  readonly closed: AbortSignal;
  /** No request starts any more. */
  readonly stopped: AbortSignal;
  /** Requests in flight are given up. */
  readonly cut: AbortSignal;
  /** The next session; `undefined` when no more is to start. */
  next(): Promise<ReadySession | undefined>;
  /** Asks leave to start a request due at `scheduledMs`: its id and phase, or `undefined` where no more may start. */
  admit(scheduledMs: number): { id: number; phase: Phase } | undefined;
  /** A request has ended. */
  ended(sample: Sample, request: InferenceRequest): void;
  /** An arrival was not started, as too many were in flight. */
  dropped(scheduledMs: number): void;
  /** A session will send no more. */
  left(id: string): void;
}

/** Keeps `concurrency` sessions in flight; resolves when the last has ended. The first ones are spread over `spreadMs`. */
export async function closedLoop(
  stand: Stand,
  { concurrency, spreadMs }: { concurrency: number; spreadMs: number },
): Promise<void> {
  const { clock } = stand;
  const breathe = breather(clock);
  const startMs = clock.now();

  /** One session after another, each due when the one before has ended; later, where nobody was there to answer. */
  async function slot(firstMs: number): Promise<void> {
    let dueMs = firstMs, pauseMs = 0;
    while (await until(dueMs, clock, stand.closed)) {
      const ready = await stand.next();
      if (ready === undefined) return;
      const isThere = await runSession(stand, ready, dueMs);
      await breathe();
      pauseMs = isThere ? 0 : Math.min(2 * pauseMs || PAUSE_MS, MAX_PAUSE_MS);
      dueMs = clock.now() + pauseMs;
    }
  }

  await Promise.all(
    Array.from(
      { length: concurrency },
      (_, i) => slot(startMs + spreadMs * i / concurrency),
    ),
  );
}

/** How long a stream waits after a connection that could not be had, twice as long each time it fails again. */
const PAUSE_MS = 100;
const MAX_PAUSE_MS = 1000;

/** Arrivals that are counted behind the end: there may be more than can ever be counted, and responses in flight wait meanwhile. */
const MAX_OVERDUE = 1_000_000;

/** Starts sessions when they arrive, whatever became of the ones before. */
export async function openLoop(
  stand: Stand,
  { arrivals, maxInFlight }: {
    arrivals: Iterable<number>;
    maxInFlight: number;
  },
): Promise<void> {
  const { clock } = stand;
  const breathe = breather(clock);
  const startMs = clock.now();
  const inFlight = bag<Promise<void>>();
  let overdue = 0;
  try {
    for (const offsetMs of arrivals) {
      const dueMs = startMs + offsetMs;
      if (stand.closed.aborted || !await until(dueMs, clock, stand.closed)) {
        // What was due before the end and could not be started in time is no less an arrival.
        if (dueMs > clock.now() || ++overdue > MAX_OVERDUE) break;
        stand.dropped(dueMs);
        continue;
      }
      await breathe();
      if (inFlight.size >= maxInFlight) {
        stand.dropped(dueMs);
        continue;
      }
      const session = arrive(stand, dueMs);
      session.then(inFlight.add(session));
    }
  } finally {
    await Promise.all([...inFlight]);
  }
}

async function arrive(stand: Stand, dueMs: number): Promise<void> {
  const ready = await stand.next();
  if (ready !== undefined) await runSession(stand, ready, dueMs);
}

/**
 * Sends the turns of a session, each due when the answer before it has been thought over. False where no connection
 * could be had: a server that is gone would be asked thousands of times a second.
 */
async function runSession(
  stand: Stand,
  { session, prepared }: ReadySession,
  firstMs: number,
): Promise<boolean> {
  const { backend, clock, stage, stopped, cut } = stand;
  const history: Exchange[] = [];
  let dueMs = firstMs;
  try {
    for (const [index, turn] of session.turns.entries()) {
      if (index > 0) {
        dueMs = clock.now() + (turn.thinkMs ?? 0);
        if (!await until(dueMs, clock, stopped)) return true;
      }
      const leave = stand.admit(dueMs);
      if (leave === undefined) return true;
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
      stand.ended(sample, request);
      const { outcome } = sample;
      if (outcome.status !== "ok") {
        return outcome.failure.class !== "connect_error";
      }
      history.push({
        turn,
        prepared: prepared[index],
        output: sample.output,
      });
    }
    return true;
  } finally {
    stand.left(session.id);
  }
}

/** Waits until `atMs`; false if the signal aborts first. */
async function until(
  atMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted) return false;
  if (atMs <= clock.now()) return true;
  return await clock.sleepUntil(atMs, signal).then(() => true, () => false);
}

/** Sessions that may start before the event loop gets a turn. */
const STARTS_A_TURN = 256;

/**
 * Gives the event loop a turn now and then: starts that are overdue, or answered at once, follow each other without
 * one, and no timer, socket or signal would be heard until they end.
 */
function breather(clock: Clock): () => Promise<void> {
  let starts = 0;
  return async () => {
    if (++starts % STARTS_A_TURN === 0) await clock.sleepUntil(clock.now());
  };
}
