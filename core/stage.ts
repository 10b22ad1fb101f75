import type { Clock } from "./clock.ts";
import { type Counting, counting } from "./counting.ts";
import type { Backend } from "./contract.ts";
import { type Digest, digest } from "./metrics/digest.ts";
import { closedLoop, openLoop, type Stand } from "./dispatch.ts";
import { feed } from "./feed.ts";
import type { Stage } from "./load.ts";
import { type Host, type Monitor, monitor } from "./monitor.ts";
import type { NormalizerName } from "./quality/normalize.ts";
import type { Progress, StageReport, StopRules } from "./report.ts";
import type { Phase, Sample } from "./sample.ts";
import type { Slo } from "./slo.ts";
import type { Source } from "./source.ts";
import { type StageRecord, stageReport } from "./stage_report.ts";
import { type Stopper, stopper } from "./stop.ts";
import { type Tally, tally } from "./progress.ts";

/** What a stage is run with. */
export interface StageOptions {
  /** Its load. */
  readonly stage: Stage;
  /** Its index. */
  readonly index: number;
  /** The id of its first request. */
  readonly firstId: number;
  /** Sends requests. */
  readonly backend: Backend;
  /** Gives the sessions. */
  readonly source: Source;
  /** The run's clock. */
  readonly clock: Clock;
  /** When it ends. */
  readonly stop: StopRules;
  /** How texts are normalized. */
  readonly normalizer: NormalizerName;
  /** Objectives to judge it by. @default {[]} */
  readonly slos?: readonly Slo[];
  /** Tells of the process. */
  readonly host?: Host | undefined;
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal;
  /** Told of samples that ended, off the timed path. */
  samples(batch: readonly Sample[]): void;
  /** Told what stands now. */
  progress(snapshot: Progress): void;
}

/** What came of a stage. */
export interface StageResult {
  /** Its report. */
  readonly report: StageReport;
  /** The id that the next request would have had. */
  readonly nextId: number;
  /** What ended it before its time, if anything did. */
  readonly error?: unknown;
}

/** Everything a stage keeps while it runs. */
interface Running extends StageOptions {
  readonly startMs: number;
  /** When measuring ends, where a duration was set. */
  readonly endMs: number | undefined;
  readonly stopping: Stopper;
  readonly sums: Digest;
  readonly live: Tally;
  readonly watch: Monitor;
  /** Requests and drops of the measured window. */
  readonly measured: { started: number; dropped: number };
}

/** Offers the load of one stage, and reports. */
export async function runStage(options: StageOptions): Promise<StageResult> {
  const { clock, stop, normalizer, signal, stage, firstId } = options;
  const stageStartMs = clock.now();
  const startMs = stageStartMs + (stop.warmupMs ?? 0);
  const endMs = stop.durationMs === undefined
    ? undefined
    : startMs + stop.durationMs;
  const stopping = stopper(clock, stop.drainMs);
  const running: Running = {
    ...options,
    startMs,
    endMs,
    stopping,
    sums: digest({
      startMs,
      ...(endMs !== undefined && { endMs }),
      normalizer,
    }),
    live: tally(stageStartMs),
    watch: monitor(clock, options.host),
    measured: { started: 0, dropped: 0 },
  };

  const release = setTimers(running);
  const interrupt = () => stopping.stop("interrupted");
  const closeSource = () => void options.source.close();
  stopping.stopped.addEventListener("abort", closeSource, { once: true });
  signal.addEventListener("abort", interrupt, { once: true });
  if (signal.aborted) interrupt();
  const ended = feed(clock, {
    take(batch) {
      for (const sample of batch) running.sums.add(sample);
      options.samples(batch);
    },
    work() {
      const { texts } = running.sums;
      if (texts.isPressed) texts.work().next();
      return texts.isPressed;
    },
    glance: () => options.progress(progressOf(running)),
  });
  let nextId = firstId;
  const counted = counting(options.backend, {
    put: ended.put,
    signal,
    clock,
  });
  const stand = standOf(running, { id: () => nextId++, counted });
  await offer(stand, stage, options.backend.spreadMs ?? 0)
    .catch((error) => stopping.stop("interrupted", error));

  running.watch.end();
  stopping.stop("data");
  release(); // before anything is waited for: the timer that begins measuring may not have fired yet
  await counted.settled();
  ended.close();
  await compareTexts(running);
  signal.removeEventListener("abort", interrupt);
  options.progress(progressOf(running));
  const { error } = stopping.end!;
  return {
    report: reportOf(running, stageStartMs),
    nextId,
    ...(error !== undefined && { error }),
  };
}

/** How long texts are compared before the event loop gets a turn. */
const COMPARE_MS = 10;
/** How long they are compared after an interrupt; what is left then is left out. */
const COMPARE_INTERRUPTED_MS = 1000;

/** Compares long texts when no request is in flight any more. */
async function compareTexts(
  { clock, signal, sums: { texts } }: Running,
): Promise<void> {
  let turnMs = clock.now();
  let interruptedMs: number | undefined;
  for (const _ of texts.work()) {
    const nowMs = clock.now();
    if (nowMs < turnMs + COMPARE_MS) continue;
    await clock.sleepUntil(nowMs);
    turnMs = clock.now();
    if (!signal.aborted) continue;
    interruptedMs ??= turnMs;
    if (turnMs > interruptedMs + COMPARE_INTERRUPTED_MS) return texts.giveUp();
  }
}

/** Measuring begins and ends by timers, so that a hung server cannot hold a stage. */
function setTimers(
  { clock, startMs, endMs, stopping, watch }: Running,
): () => void {
  const timers = [clock.at(startMs, watch.begin)];
  if (endMs !== undefined) {
    timers.push(clock.at(endMs, () => {
      watch.end();
      stopping.stop("duration");
    }));
  }
  return () => {
    for (const cancel of timers) cancel();
    stopping.close();
  };
}

/** What the dispatcher may do. */
function standOf(
  {
    backend,
    clock,
    index,
    stopping,
    source,
    stop,
    startMs,
    endMs,
    live,
    measured,
  }: Running,
  { id, counted }: { id: () => number; counted: Counting },
): Stand {
  const { requests = Infinity } = stop;
  const phaseAt = (atMs: number): Phase =>
    atMs < startMs ? "warmup" : "measure";
  return {
    backend,
    clock,
    stage: index,
    closed: stopping.closed,
    stopped: stopping.stopped,
    cut: stopping.cut,
    async next() {
      try {
        const ready = await source.next();
        if (ready === undefined) stopping.stop("data");
        return stopping.stopped.aborted ? undefined : ready;
      } catch (error) {
        stopping.stop("interrupted", error);
        return undefined;
      }
    },
    admit(scheduledMs) {
      const phase = phaseAt(scheduledMs);
      if (stopping.stopped.aborted) return undefined;
      // The timer that ends the window may be late itself, on a client that cannot keep up.
      if (endMs !== undefined && scheduledMs >= endMs) return undefined;
      if (phase === "measure" && measured.started >= requests) return undefined;
      live.started();
      if (phase === "measure" && ++measured.started >= requests) {
        stopping.stop("requests");
      }
      return { id: id(), phase };
    },
    ended(sample, request) {
      live.ended(sample);
      counted.take(sample, request);
    },
    dropped(scheduledMs) {
      // Where enough were sent, or the data has ended, no more are wanted; nor behind the window.
      const reason = stopping.end?.reason;
      if (reason === "requests" || reason === "data") return;
      if (endMs !== undefined && scheduledMs >= endMs) return;
      live.dropped();
      if (phaseAt(scheduledMs) === "measure") measured.dropped++;
    },
    left(id) {
      try {
        backend.endSession?.(id);
      } catch (error) {
        stopping.stop("interrupted", error);
      }
    },
  };
}

function offer(
  stand: Stand,
  { arrivals, maxInFlight = Infinity }: Stage,
  spreadMs: number,
): Promise<void> {
  return "concurrency" in arrivals
    ? closedLoop(stand, { concurrency: arrivals.concurrency, spreadMs })
    : openLoop(stand, { arrivals, maxInFlight });
}

function reportOf(running: Running, stageStartMs: number): StageReport {
  const { stage, startMs, sums, stopping, watch, measured, stop } = running;
  const record: StageRecord = {
    name: stage.name,
    load: stage.load,
    window: {
      stageStartMs,
      startMs,
      endMs: windowEndMs(running),
      warmupMs: stop.warmupMs ?? 0,
    },
    stopped: stopping.end!.reason,
    dropped: measured.dropped,
    health: watch.health(),
  };
  return stageReport(sums, record, running.slos);
}

/** Where a number of requests or the data ended the stage, its last request does. */
function windowEndMs({ startMs, stopping, sums, endMs }: Running): number {
  const { reason, atMs } = stopping.end!;
  if (reason === "duration") return endMs ?? atMs;
  const lastMs = reason === "interrupted" ? atMs : sums.lastEndMs ?? atMs;
  return Math.max(startMs, Math.min(lastMs, endMs ?? Infinity));
}

/** Metrics whose medians are worth a glance while a run goes on. */
const GLANCE = ["ttft", "finalization", "latency"] as const;

function progressOf(
  { clock, index, stage, startMs, endMs, stopping, live, sums, stop, measured }:
    Running,
): Progress {
  const atMs = clock.now();
  const medians: Record<string, number> = {};
  for (const name of GLANCE) {
    const median = sums.median(name);
    if (median !== undefined) medians[name] = median;
  }
  return {
    atMs,
    stage: index,
    name: stage.name,
    phase: stopping.end ? "drain" : atMs < startMs ? "warmup" : "measure",
    inFlight: live.inFlight,
    counts: { ...live.counts },
    requestsPerSecond: live.requestsPerSecond(atMs),
    medians,
    ...(endMs !== undefined && { remainingMs: Math.max(0, endMs - atMs) }),
    ...(stop.requests !== undefined && {
      remainingRequests: Math.max(0, stop.requests - measured.started),
    }),
  };
}
