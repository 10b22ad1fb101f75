import { attempt } from "./attempt.ts";
import { onAbort } from "../lib/abort.ts";
import { TaskGroup } from "../lib/concurrency.ts";
import type { Random } from "../lib/random.ts";
import { Backoff } from "./backoff.ts";
import type { LoopWatch } from "./client_monitor.ts";
import type { Clock } from "./clock.ts";
import type { Backend, ClosedLoop, LoopSlot } from "./contract.ts";
import type { AnsweredTurn, InferenceRequest } from "./request.ts";
import type { Outcome, Phase, Sample } from "./sample.ts";
import { type Shard, takeShard } from "./shard.ts";
import type { ReadySession } from "./source.ts";
import type { StageEnd } from "./stop.ts";

/** The state of a stage that a dispatcher reads, and the operations that it calls. */
export interface StageContext {
  /** Backend that requests are sent to. */
  readonly backend: Backend;
  /** The run's clock. */
  readonly clock: Clock;
  /** Watches this thread, for the client's share of each request. */
  readonly watch?: LoopWatch | undefined;
  /** Index of the stage. */
  readonly stage: number;
  /** Abort when the stage ends, step by step. */
  readonly signals: Pick<StageEnd, "closed" | "stopped" | "cut">;
  /** Returns the next session; `undefined` when no more is to start. */
  next(): Promise<ReadySession | undefined>;
  /** Returns id and phase of a request due at `scheduledMs`; `undefined` when no more may start. */
  admit(scheduledMs: number): { id: number; phase: Phase } | undefined;
  /** Takes the sample of a request that has ended. */
  ended(sample: Sample, request: InferenceRequest): void;
  /** Counts an arrival that was not started: too many sessions were in flight, or the stage ended first. */
  dropped(scheduledMs: number): void;
  /** Closes a session that will send no more. */
  left(id: string): void;
}

/**
 * Runs one session after another in each slot; resolves when the last has ended.
 *
 * @param slots Slots over all shards.
 * @param random Spreads the pauses of streams that a server refuses.
 */
export async function closedLoop(
  context: StageContext,
  { slots, shard, random }: {
    slots: Iterable<LoopSlot>;
    shard: Shard;
    random: Random;
  },
): Promise<void> {
  const { clock, signals: { closed } } = context;
  const yieldNow = loopYielder(clock);
  const startMs = clock.now();

  /**
   * Runs one session after another, each due when the one before has ended, or later: after the think time, or a pause
   * if it was refused.
   */
  async function run({ fromMs, untilMs, thinkTimes }: LoopSlot): Promise<void> {
    const backoff = new Backoff(random);
    const thinkTime = reader(thinkTimes);
    const endMs = startMs + (untilMs ?? Infinity);
    let dueMs = startMs + fromMs;
    while (dueMs < endMs && await until(dueMs, clock, closed)) {
      const ready = await context.next();
      if (ready === undefined) return;
      const outcome = await runSession(context, ready, { dueMs, thinkTime });
      await yieldNow();
      const pauseMs = Math.max(thinkTime(), backoff.pauseAfter(outcome));
      dueMs = clock.now() + pauseMs;
    }
  }

  await Promise.all([...takeShard(slots, shard)].map(run));
}

/** The slots of a closed loop. */
export function* slotsOf(
  { concurrency, spreadMs = 0, slots }: ClosedLoop,
): Generator<LoopSlot, void> {
  if (slots) return yield* slots;
  for (let i = 0; i < concurrency; i++) {
    yield { fromMs: spreadMs * i / concurrency };
  }
}

/** Returns a function that reads the next think time: 0 after the last. */
function reader(times: Iterable<number> = []): () => number {
  const left = times[Symbol.iterator]();
  return () => left.next().value ?? 0;
}

/** Arrivals that are counted after the end: an endless profile would otherwise be counted while responses wait. */
const MAX_OVERDUE = 1_000_000;

/** Starts sessions at their arrival times, whether or not earlier ones have ended. */
export async function openLoop(
  context: StageContext,
  { arrivals, maxInFlight, startsAtOnce }: {
    arrivals: Iterable<number>;
    maxInFlight: number;
    /** Starts of one instant that no other task separates. */
    startsAtOnce?: number | undefined;
  },
): Promise<void> {
  const { clock, signals: { closed } } = context;
  const { sleepExactlyUntil: sleepUntil = clock.sleepUntil } = clock;
  const yieldNow = loopYielder(clock, startsAtOnce);
  const startMs = clock.now();
  const inFlight = new TaskGroup();
  let overdue = 0, endMs = Infinity;
  const forget = onAbort(closed, () => endMs = clock.now());
  try {
    for (const offsetMs of arrivals) {
      const dueMs = startMs + offsetMs;
      if (!await until(dueMs, clock, closed, sleepUntil)) {
        // An arrival that was due before the end and could not be started in time is counted as well.
        if (dueMs > endMs || ++overdue > MAX_OVERDUE) break;
        context.dropped(dueMs);
        continue;
      }
      await yieldNow(dueMs);
      if (inFlight.size >= maxInFlight) {
        context.dropped(dueMs);
        continue;
      }
      inFlight.add(arrive(context, dueMs));
    }
  } finally {
    forget();
    await inFlight.settled();
  }
}

async function arrive(context: StageContext, dueMs: number): Promise<void> {
  const ready = await context.next();
  if (ready !== undefined) await runSession(context, ready, { dueMs });
}

/**
 * Sends the turns of a session, each due after the think time that follows the answer before it. Returns how the last
 * one ended.
 *
 * @param first When the first turn is due, and the think time of a turn whose data has none.
 */
async function runSession(
  context: StageContext,
  { session, prepared }: ReadySession,
  first: { readonly dueMs: number; thinkTime?(): number },
): Promise<Outcome> {
  const { backend, clock, stage, signals: { stopped, cut } } = context;
  const history: AnsweredTurn[] = [];
  let { dueMs } = first;
  let outcome: Outcome = { status: "ok" };
  try {
    for (const [index, turn] of session.turns.entries()) {
      if (index > 0) {
        dueMs = clock.now() + (turn.thinkMs ?? first.thinkTime?.() ?? 0);
        if (!await until(dueMs, clock, stopped)) return outcome;
      }
      const admitted = context.admit(dueMs);
      if (admitted === undefined) return outcome;
      const request: InferenceRequest = {
        id: admitted.id,
        turn,
        prepared: prepared[index],
        session: { id: session.id, turn: index, history: [...history] },
      };
      const sample = await attempt(backend, request, {
        stage,
        phase: admitted.phase,
        scheduledMs: dueMs,
        clock,
        watch: context.watch,
        signal: cut,
      });
      context.ended(sample, request);
      outcome = sample.outcome;
      if (outcome.status !== "ok") return outcome;
      history.push({ turn, prepared: prepared[index], output: sample.output });
    }
    return outcome;
  } finally {
    context.left(session.id);
  }
}

/** Waits until `atMs`. Returns false if the signal aborts first. */
function until(
  atMs: number,
  clock: Clock,
  signal: AbortSignal,
  sleepUntil = clock.sleepUntil,
): boolean | Promise<boolean> {
  if (signal.aborted) return false;
  if (atMs <= clock.now()) return true;
  return sleepUntil(atMs, signal).then(() => true, () => false);
}

/** Sessions that may start before the event loop runs other tasks. */
const STARTS_AT_ONCE = 256;

/**
 * Yields to the event loop now and then: starts that are overdue, or answered at once, follow each other without
 * a pause, and no timer, socket or signal would be served until they end. Starts that are due at the same time are not
 * separated, up to `together`.
 */
function loopYielder(
  clock: Clock,
  together = 0,
): (dueMs?: number) => Promise<void> | undefined {
  const most = Math.max(STARTS_AT_ONCE, together);
  let starts = 0, startsDueThen = 0, lastMs: number | undefined;
  return (dueMs) => {
    const isDueThen = dueMs !== undefined && dueMs === lastMs;
    lastMs = dueMs;
    starts++;
    startsDueThen = isDueThen ? startsDueThen + 1 : 1;
    if (isDueThen ? startsDueThen <= most : starts <= STARTS_AT_ONCE) return;
    starts = startsDueThen = 0;
    return clock.sleepUntil(clock.now());
  };
}
