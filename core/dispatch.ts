import { attempt } from "./attempt.ts";
import type { Activity } from "./call.ts";
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
import type { StageEnd } from "./stop/stage_end.ts";

/** The state of a stage that a dispatcher reads, and the operations that it calls. */
export interface StageContext {
  /** Backend that requests are sent to. */
  readonly backend: Backend;
  /** The run's clock. */
  readonly clock: Clock;
  /** Watches this thread, for the client's share of each request. */
  readonly watch?: LoopWatch | undefined;
  /** Records when anything was sent or received. */
  readonly activity?: Activity | undefined;
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
  const starter = new Starter(context, { maxInFlight, startsAtOnce });
  const begin = (dueMs: number) => arrive(context, dueMs);
  try {
    for (const offsetMs of arrivals) {
      if (!await starter.start(offsetMs, begin)) break;
    }
  } finally {
    await starter.settled();
  }
}

/** Starts sessions as the data recorded them, `speed` times as fast, whether or not earlier ones have ended. */
export async function recordedLoop(
  context: StageContext,
  { speed, maxInFlight }: { speed: number; maxInFlight: number },
): Promise<void> {
  const starter = new Starter(context, { maxInFlight });
  try {
    for (let ready; (ready = await context.next()) !== undefined;) {
      const session = ready;
      const begin = async (dueMs: number) => {
        await runSession(context, session, { dueMs, speed });
      };
      const { startMs = 0 } = session;
      if (!await starter.start(startMs / speed, begin)) break;
    }
  } finally {
    await starter.settled();
  }
}

/** Starts the sessions of an open loop when they are due, and counts those that cannot start. */
class Starter {
  readonly #context: StageContext;
  readonly #maxInFlight: number;
  readonly #startMs: number;
  readonly #sleepUntil: Clock["sleepUntil"];
  readonly #yieldNow: ReturnType<typeof loopYielder>;
  readonly #inFlight = new TaskGroup();
  readonly #forget: () => void;
  #endMs = Infinity;
  #overdue = 0;

  constructor(
    context: StageContext,
    { maxInFlight, startsAtOnce }: {
      maxInFlight: number;
      startsAtOnce?: number | undefined;
    },
  ) {
    const { clock, signals: { closed } } = context;
    this.#context = context;
    this.#maxInFlight = maxInFlight;
    this.#startMs = clock.now();
    this.#sleepUntil = clock.sleepExactlyUntil ?? clock.sleepUntil;
    this.#yieldNow = loopYielder(clock, startsAtOnce);
    this.#forget = onAbort(closed, () => this.#endMs = clock.now());
  }

  /** Begins a session when it is due. Returns false if it was due after the end of the stage. */
  async start(
    offsetMs: number,
    begin: (dueMs: number) => Promise<void>,
  ): Promise<boolean> {
    const { clock, signals: { closed } } = this.#context;
    const dueMs = this.#startMs + offsetMs;
    if (!await until(dueMs, clock, closed, this.#sleepUntil)) {
      // An arrival that was due before the end and could not be started in time is counted as well.
      if (dueMs > this.#endMs || ++this.#overdue > MAX_OVERDUE) return false;
      this.#context.dropped(dueMs);
      return true;
    }
    await this.#yieldNow(dueMs);
    if (this.#inFlight.size >= this.#maxInFlight) this.#context.dropped(dueMs);
    else this.#inFlight.add(begin(dueMs));
    return true;
  }

  /** Resolves when no session is in flight any more. */
  async settled(): Promise<void> {
    this.#forget();
    await this.#inFlight.settled();
  }
}

async function arrive(context: StageContext, dueMs: number): Promise<void> {
  const ready = await context.next();
  // The stage may have ended while the data was read.
  if (ready === undefined) context.dropped(dueMs);
  else await runSession(context, ready, { dueMs });
}

/**
 * Sends the turns of a session, each due after the think time that follows the answer before it. Returns how the last
 * one ended.
 *
 * @param first When the first turn is due, the think time of a turn whose data has none, and a divisor of those of the data.
 */
async function runSession(
  context: StageContext,
  { session, prepared }: ReadySession,
  first: {
    readonly dueMs: number;
    thinkTime?(): number;
    readonly speed?: number;
  },
): Promise<Outcome> {
  const { backend, clock, stage, signals: { stopped, cut } } = context;
  const history: AnsweredTurn[] = [];
  let { dueMs } = first;
  let outcome: Outcome = { status: "ok" };
  try {
    for (const [index, turn] of session.turns.entries()) {
      if (index > 0) {
        const thinkMs = turn.thinkMs === undefined
          ? first.thinkTime?.() ?? 0
          : turn.thinkMs / (first.speed ?? 1);
        dueMs = clock.now() + thinkMs;
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
        activity: context.activity,
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
