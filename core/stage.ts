import type { Clock } from "./clock.ts";
import { type Counting, counting } from "./usage.ts";
import type { Backend, Stage } from "./contract.ts";
import { closedLoop, openLoop, type StageContext } from "./dispatch.ts";
import { feed } from "./sample_queue.ts";
import { Digest, stageReport } from "./metrics/digest.ts";
import { type Host, type Monitor, monitor } from "./client_monitor.ts";
import { Tally } from "./progress.ts";
import type { NormalizerName } from "./quality/normalize.ts";
import type { Progress, StageReport } from "./report.ts";
import type { StopRules } from "./config.ts";
import type { Phase, Sample } from "./sample.ts";
import { type Shard, shareOf, takeShard } from "./shard.ts";
import type { Slo } from "./slo.ts";
import type { Source } from "./source.ts";
import { StageEnd } from "./stop.ts";

/** Options of {@linkcode runStage}. */
export interface StageOptions {
  /** Load of the stage. */
  readonly stage: Stage;
  /** Index of the stage. */
  readonly index: number;
  /** Id of the first request. */
  readonly firstId: number;
  /** Backend that requests are sent to. */
  readonly backend: Backend;
  /** Source of the sessions. */
  readonly source: Source;
  /** The run's clock. */
  readonly clock: Clock;
  /** When the stage ends: the run's rules with the stage's own. */
  readonly stop: StopRules;
  /** How texts are normalized before they are compared. */
  readonly normalizer: NormalizerName;
  /** Objectives to judge the stage by. @default {[]} */
  readonly slos?: readonly Slo[];
  /** Part of the load that is offered here. */
  readonly shard: Shard;
  /** Measures the process. */
  readonly host?: Host | undefined;
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal;
  /** Receives samples that ended, off the timed path. */
  samples(batch: readonly Sample[]): void;
  /** Receives the state of the stage a few times a second. */
  progress(snapshot: Progress): void;
}

/** Result of a stage. */
export interface StageResult {
  /** Its report. */
  readonly report: StageReport;
  /** Id that the next request would have had. */
  readonly nextId: number;
  /** Error that ended the stage early, if any. */
  readonly error?: unknown;
}

/** State of a running stage. */
interface Running extends StageOptions {
  readonly stageStartMs: number;
  /** When measuring begins. */
  readonly startMs: number;
  /** When measuring ends, where a duration was set. */
  readonly endMs: number | undefined;
  readonly ending: StageEnd;
  readonly digest: Digest;
  readonly tally: Tally;
  readonly watch: Monitor;
  /** Requests and drops of the measured window. */
  readonly measured: { started: number; dropped: number };
}

/** Offers the load of one stage and reports what was measured. */
export async function runStage(options: StageOptions): Promise<StageResult> {
  const { clock, signal, source, stage, backend, firstId, shard } = options;
  const running = begin(options);
  const { digest, ending, watch } = running;
  const release = setTimers(running);
  const interrupt = () => ending.stop("interrupted");
  const closeSource = () => void source.close();
  ending.stopped.addEventListener("abort", closeSource, { once: true });
  signal.addEventListener("abort", interrupt, { once: true });
  if (signal.aborted) interrupt();
  if (running.stop.requests === 0) ending.stop("requests");
  const ended = feed(clock, {
    take(batch) {
      for (const sample of batch) digest.add(sample);
      options.samples(batch);
    },
    work() {
      const { texts } = digest;
      if (texts.isPressed) texts.work().next();
      return texts.isPressed;
    },
    glance: () => options.progress(progressOf(running)),
  });
  const counted = counting(backend, { put: ended.put, signal, clock });
  let nextId = firstId;
  const id = () => {
    const given = nextId;
    nextId += shard.count;
    return given;
  };
  await offer(contextOf(running, { id, counted }), stage, running)
    .catch((error) => ending.stop("interrupted", error));

  watch.end();
  ending.stop("data");
  release(); // before anything is waited for: the timer that begins measuring may not have fired yet
  await counted.settled();
  ended.close();
  await compareTexts(running);
  signal.removeEventListener("abort", interrupt);
  options.progress(progressOf(running));
  const { error } = ending.end!;
  return {
    report: reportOf(running),
    nextId,
    ...(error !== undefined && { error }),
  };
}

function begin(options: StageOptions): Running {
  const { clock, stop, normalizer, host, shard } = options;
  const stageStartMs = clock.now();
  const startMs = stageStartMs + (stop.warmupMs ?? 0);
  const endMs = stop.durationMs === undefined
    ? undefined
    : startMs + stop.durationMs;
  const window = { startMs, ...(endMs !== undefined && { endMs }) };
  return {
    ...options,
    stop: stop.requests === undefined
      ? stop
      : { ...stop, requests: shareOf(stop.requests, shard) },
    stageStartMs,
    startMs,
    endMs,
    ending: new StageEnd(clock, stop.drainMs),
    digest: new Digest({ ...window, normalizer }),
    tally: new Tally(stageStartMs),
    watch: monitor(clock, host),
    measured: { started: 0, dropped: 0 },
  };
}

/** How long texts are compared before other tasks may run. */
const COMPARE_MS = 10;
/** How long texts are compared after an interrupt. Texts that are left then are left out. */
const COMPARE_INTERRUPTED_MS = 1000;

/** Compares long texts when no request is in flight any more. */
async function compareTexts(
  { clock, signal, digest: { texts } }: Running,
): Promise<void> {
  let sliceMs = clock.now();
  let interruptedMs: number | undefined;
  for (const _ of texts.work()) {
    const nowMs = clock.now();
    if (nowMs < sliceMs + COMPARE_MS) continue;
    await clock.sleepUntil(nowMs);
    sliceMs = clock.now();
    if (!signal.aborted) continue;
    interruptedMs ??= sliceMs;
    if (sliceMs > interruptedMs + COMPARE_INTERRUPTED_MS) return texts.giveUp();
  }
}

/** Measuring begins and ends by timers, so that a server that hangs cannot hold a stage. */
function setTimers(
  { clock, startMs, endMs, ending, watch }: Running,
): () => void {
  const timers = [clock.at(startMs, watch.begin)];
  if (endMs !== undefined) {
    timers.push(clock.at(endMs, () => {
      watch.end();
      ending.stop("duration");
    }));
  }
  return () => {
    for (const cancel of timers) cancel();
    ending.close();
  };
}

function contextOf(
  {
    backend,
    clock,
    index,
    ending,
    source,
    stop,
    startMs,
    endMs,
    tally,
    measured,
  }: Running,
  { id, counted }: { id: () => number; counted: Counting },
): StageContext {
  const { requests = Infinity } = stop;
  const phaseAt = (atMs: number): Phase =>
    atMs < startMs ? "warmup" : "measure";
  return {
    backend,
    clock,
    stage: index,
    closed: ending.closed,
    stopped: ending.stopped,
    cut: ending.cut,
    async next() {
      try {
        const ready = await source.next();
        if (ready === undefined) ending.stop("data");
        return ending.stopped.aborted ? undefined : ready;
      } catch (error) {
        ending.stop("interrupted", error);
        return undefined;
      }
    },
    admit(scheduledMs) {
      const phase = phaseAt(scheduledMs);
      if (ending.stopped.aborted) return undefined;
      // The timer that ends the window may be late itself, on a client that cannot keep up.
      if (endMs !== undefined && scheduledMs >= endMs) return undefined;
      if (phase === "measure" && measured.started >= requests) return undefined;
      tally.started();
      if (phase === "measure" && ++measured.started >= requests) {
        ending.stop("requests");
      }
      return { id: id(), phase };
    },
    ended(sample, request) {
      tally.ended(sample);
      counted.take(sample, request);
    },
    dropped(scheduledMs) {
      // Where enough were sent, or the data has ended, no more are wanted; nor behind the window.
      const reason = ending.end?.reason;
      if (reason === "requests" || reason === "data") return;
      if (endMs !== undefined && scheduledMs >= endMs) return;
      tally.dropped();
      if (phaseAt(scheduledMs) === "measure") measured.dropped++;
    },
    left(id) {
      try {
        backend.endSession?.(id);
      } catch (error) {
        ending.stop("interrupted", error);
      }
    },
  };
}

function offer(
  context: StageContext,
  { arrivals, maxInFlight = Infinity }: Stage,
  { shard, backend: { spreadMs = 0 } }: Running,
): Promise<void> {
  if ("concurrency" in arrivals) {
    const { concurrency } = arrivals;
    return closedLoop(context, { concurrency, spreadMs, shard });
  }
  return openLoop(context, {
    arrivals: takeShard(arrivals, shard),
    maxInFlight: shareOf(maxInFlight, shard),
  });
}

function reportOf(running: Running): StageReport {
  const { stage, stageStartMs, startMs, digest, slos } = running;
  const { warmupMs = 0 } = running.stop;
  const endMs = windowEndMs(running);
  return stageReport(digest, {
    name: stage.name,
    load: stage.load,
    ...(stage.stop && { stop: stage.stop }),
    window: { stageStartMs, startMs, endMs, warmupMs },
    stopped: running.ending.end!.reason,
    dropped: running.measured.dropped,
    health: running.watch.health(),
  }, slos);
}

/** Where a number of requests or the data ended the stage, its last request does. */
function windowEndMs({ startMs, ending, digest, endMs }: Running): number {
  const { reason, atMs } = ending.end!;
  if (reason === "duration") return endMs ?? atMs;
  const lastMs = reason === "interrupted" ? atMs : digest.lastEndMs ?? atMs;
  return Math.max(startMs, Math.min(lastMs, endMs ?? Infinity));
}

/** Metrics whose medians are shown while a run goes on. */
const SHOWN = ["ttft", "finalization", "latency"] as const;

function progressOf(
  {
    clock,
    index,
    stage,
    startMs,
    endMs,
    ending,
    tally,
    digest,
    stop,
    measured,
  }: Running,
): Progress {
  const atMs = clock.now();
  const medians: Record<string, number> = {};
  for (const name of SHOWN) {
    const median = digest.median(name);
    if (median !== undefined) medians[name] = median;
  }
  return {
    atMs,
    stage: index,
    name: stage.name,
    phase: ending.end ? "drain" : atMs < startMs ? "warmup" : "measure",
    inFlight: tally.inFlight,
    counts: { ...tally.counts },
    requestsPerSecond: tally.requestsPerSecond(atMs),
    medians,
    ...(endMs !== undefined && { remainingMs: Math.max(0, endMs - atMs) }),
    ...(stop.requests !== undefined && {
      remainingRequests: Math.max(0, stop.requests - measured.started),
    }),
  };
}
