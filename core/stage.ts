import type { Clock } from "./clock.ts";
import type { Backend, Stage } from "./contract.ts";
import {
  closedLoop,
  openLoop,
  recordedLoop,
  slotsOf,
  type StageContext,
} from "./dispatch.ts";
import { Digest, stageReport } from "./metrics/digest.ts";
import {
  ClientMonitor,
  type Host,
  type LoopWatch,
  watchedClock,
} from "./client_monitor.ts";
import { Tally } from "./progress.ts";
import type { Progress, StageReport, Summary } from "./report.ts";
import type { NormalizerName, StopRules } from "./config.ts";
import type { InferenceRequest } from "./request.ts";
import type { Phase, Sample } from "./sample.ts";
import { type Shard, shareOf, takeShard } from "./shard.ts";
import type { Slo } from "./slo.ts";
import type { NetworkProbe } from "./network.ts";
import { SampleQueue } from "./sample_queue.ts";
import { random } from "../lib/random.ts";
import type { ReadySession, SessionSource } from "./source.ts";
import { StageEnd } from "./stop.ts";
import { UsageCompleter } from "./usage.ts";

/** Options that every stage of a run has in common. */
export interface SharedOptions {
  /** Backend that requests are sent to. */
  readonly backend: Backend;
  /** Largest share of a headline metric that may be the client's own if the stage is valid. */
  readonly maxClientShare?: number;
  /** Measures round trips, if they are wanted. */
  readonly network?: NetworkProbe | undefined;
  /** How long connections took to open before the stage. */
  readonly connectAhead?: Summary | undefined;
  /** Seed of the run. */
  readonly seed: number;
  /** How texts are normalized before they are compared. */
  readonly normalizer: NormalizerName;
  /** Objectives to judge every stage by. @default {[]} */
  readonly slos?: readonly Slo[];
  /** Source of time. */
  readonly clock: Clock;
  /** Measures the process. */
  readonly host?: Host | undefined;
  /** Aborts to interrupt the run: requests in flight are given up, and the report is made. */
  readonly signal: AbortSignal;
}

/** Options of a {@linkcode StageRun}. */
export interface StageOptions extends SharedOptions {
  /** Load of the stage. */
  readonly stage: Stage;
  /** Index of the stage. */
  readonly index: number;
  /** Number of the repetition, if the run is repeated. */
  readonly repeat: number | undefined;
  /** Id of the first request. */
  readonly firstId: number;
  /** Source of the sessions. */
  readonly source: SessionSource;
  /** When the stage ends: the run's rules with the stage's own. */
  readonly stop: StopRules;
  /** Part of the load that is offered here. */
  readonly shard: Shard;
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

/** Time over which the first sessions of a closed loop start, unless the stage is short or the load says otherwise. */
const SPREAD_MS = 1000;
/** The same, for each request of a stage that ends after a number of them. */
const SPREAD_MS_PER_REQUEST = 10;

/** How long texts are compared before other tasks may run. */
const COMPARE_MS = 10;
/** How long texts are compared after an interrupt. */
const COMPARE_INTERRUPTED_MS = 1000;

/** Metrics whose medians are shown while a run goes on. */
const SHOWN = ["ttft", "finalization", "latency"] as const;

/** Offers the load of one stage and reports what was measured. */
export class StageRun implements StageContext {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly watch: (LoopWatch & Disposable) | undefined;
  readonly stage: number;
  readonly signals: StageContext["signals"];
  readonly #options: StageOptions;
  readonly #stageStartMs: number;
  /** When measuring begins. */
  readonly #startMs: number;
  /** When measuring ends, if a duration was set. */
  readonly #endMs: number | undefined;
  /** Number of requests to start in the measured window, if one was set. */
  readonly #maxRequests: number | undefined;
  readonly #end: StageEnd;
  readonly #digest: Digest;
  readonly #tally: Tally;
  readonly #monitor: ClientMonitor;
  readonly #cancelTimers: () => void;
  readonly #queue: SampleQueue;
  readonly #usage: UsageCompleter;
  #nextId: number;
  /** Requests of the measured window. */
  #started = 0;
  /** Arrivals of the measured window that were not started. */
  #dropped = 0;

  constructor(options: StageOptions) {
    const { stop, backend, host, shard, signal } = options;
    this.watch = host?.watch?.(options.clock);
    const clock = this.watch
      ? watchedClock(options.clock, this.watch)
      : options.clock;
    this.backend = backend;
    this.clock = clock;
    this.stage = options.index;
    this.#options = options;
    this.#nextId = options.firstId;
    this.#stageStartMs = clock.now();
    this.#startMs = this.#stageStartMs + (stop.warmupMs ?? 0);
    this.#endMs = stop.durationMs && this.#startMs + stop.durationMs;
    this.#maxRequests = stop.requests && shareOf(stop.requests, shard);
    this.signals = this.#end = new StageEnd(clock, stop.drainMs);
    this.#digest = new Digest({
      startMs: this.#startMs,
      endMs: this.#endMs,
      normalizer: options.normalizer,
      slos: options.slos,
    });
    this.#tally = new Tally(this.#stageStartMs);
    this.#monitor = new ClientMonitor(clock, host, this.watch);
    this.#cancelTimers = this.#setTimers();
    this.#queue = new SampleQueue(clock, {
      take: (batch) => this.#take(batch),
      work: () => this.#compareSome(),
      progress: () => this.#observe(),
    });
    options.stage.monitor?.begin?.(options);
    const put = (sample: Sample) => this.#queue.add(sample);
    this.#usage = new UsageCompleter(backend, { put, signal, clock });
  }

  /** Runs the stage to its end. */
  async run(): Promise<StageResult> {
    const { signal, source, progress } = this.#options;
    const interrupt = () => this.#end.stop("interrupted");
    const closeSource = () => void source.close();
    this.signals.stopped.addEventListener("abort", closeSource, { once: true });
    signal.addEventListener("abort", interrupt, { once: true });
    if (signal.aborted) interrupt();
    if (this.#maxRequests === 0) this.#end.stop("requests");
    await this.#offer()
      .catch((error) => this.#end.stop("interrupted", error));

    this.#monitor.end();
    this.watch?.[Symbol.dispose]();
    this.#end.stop("data");
    this.#cancelTimers(); // before anything is waited for: the timer that begins measuring may not have fired yet
    await this.#usage.settled();
    this.#queue.close();
    await this.#compareAll();
    await this.#options.network?.measure();
    signal.removeEventListener("abort", interrupt);
    progress(this.#progress());
    const { error } = this.#end.end!;
    return {
      report: this.#report(),
      nextId: this.#nextId,
      ...(error !== undefined && { error }),
    };
  }

  async next(): Promise<ReadySession | undefined> {
    try {
      const ready = await this.#options.source.next();
      if (ready === undefined) this.#end.stop("data");
      return this.signals.stopped.aborted ? undefined : ready;
    } catch (error) {
      this.#end.stop("interrupted", error);
      return undefined;
    }
  }

  admit(scheduledMs: number): { id: number; phase: Phase } | undefined {
    if (this.signals.stopped.aborted) return undefined;
    // The timer that ends the window may be late itself, on a client that cannot keep up.
    if (this.#isPastWindow(scheduledMs)) return undefined;
    const phase = this.#phaseAt(scheduledMs);
    const max = this.#maxRequests ?? Infinity;
    if (phase === "measure" && this.#started >= max) return undefined;
    this.#tally.started();
    if (phase === "measure" && ++this.#started >= max) {
      this.#end.stop("requests");
    }
    const id = this.#nextId;
    this.#nextId += this.#options.shard.count;
    return { id, phase };
  }

  ended(sample: Sample, request: InferenceRequest): void {
    this.#tally.ended(sample);
    this.#usage.add(sample, request);
  }

  dropped(scheduledMs: number): void {
    // After enough requests, after the end of the data and after the window, no more are wanted.
    const reason = this.#end.end?.reason;
    if (reason === "requests" || reason === "data") return;
    if (this.#isPastWindow(scheduledMs)) return;
    this.#tally.dropped();
    if (this.#phaseAt(scheduledMs) === "measure") this.#dropped++;
  }

  left(id: string): void {
    try {
      this.backend.endSession?.(id);
    } catch (error) {
      this.#end.stop("interrupted", error);
    }
  }

  #phaseAt(atMs: number): Phase {
    return atMs < this.#startMs ? "warmup" : "measure";
  }

  #isPastWindow(atMs: number): boolean {
    return this.#endMs !== undefined && atMs >= this.#endMs;
  }

  #offer(): Promise<void> {
    const { stage: { arrivals, maxInFlight = Infinity, readyAhead }, shard } =
      this.#options;
    if ("concurrency" in arrivals) {
      const { spreadMs = this.#defaultSpreadMs() } = arrivals;
      return closedLoop(this, {
        slots: slotsOf({ ...arrivals, spreadMs }),
        shard,
        random: random(this.#options.seed, `backoff ${this.stage}`),
      });
    }
    const limit = shareOf(maxInFlight, shard);
    if ("speed" in arrivals) {
      return recordedLoop(this, { speed: arrivals.speed, maxInFlight: limit });
    }
    return openLoop(this, {
      arrivals: takeShard(arrivals, shard),
      maxInFlight: limit,
      startsAtOnce: readyAhead,
    });
  }

  /**
   * The load as it was offered: of a closed loop with the time over which its first sessions started, of a replay with
   * the recorded traffic, if all of it was read.
   */
  #load(): StageReport["load"] {
    const { source, stage: { load, arrivals } } = this.#options;
    if ("speed" in arrivals) return { ...load, ...source.recorded };
    if (!("concurrency" in arrivals)) return load;
    const { concurrency, slots, spreadMs = this.#defaultSpreadMs() } = arrivals;
    return { concurrency, ...load, ...(!slots && { spreadMs }) };
  }

  /** Streams that start together also connect together, and hold up the event loop for each other. */
  #defaultSpreadMs(): number {
    const { warmupMs = 0, durationMs = Infinity, requests = Infinity } =
      this.#options.stop;
    return Math.min(
      SPREAD_MS,
      (warmupMs + durationMs) / 10,
      requests * SPREAD_MS_PER_REQUEST,
    );
  }

  /** Measuring begins and ends by timers, so that a server that hangs cannot hold a stage. */
  #setTimers(): () => void {
    const begin = () => this.#monitor.begin();
    const timers = [this.clock.at(this.#startMs, begin)];
    if (this.#endMs !== undefined) {
      timers.push(this.clock.at(this.#endMs, () => {
        this.#monitor.end();
        this.#end.stop("duration");
      }));
    }
    return () => {
      for (const cancel of timers) cancel();
      this.#end.close();
    };
  }

  #observe(): void {
    const { progress, stage: { monitor } } = this.#options;
    const snapshot = this.#progress();
    progress(snapshot);
    if (monitor?.isDecided(snapshot)) this.#end.stop("decided");
  }

  #take(batch: readonly Sample[]): void {
    for (const sample of batch) this.#digest.add(sample);
    this.#options.stage.monitor?.samples(batch);
    this.#options.samples(batch);
  }

  /** Compares a slice of the texts that wait, if too many do. Returns whether there are still too many. */
  #compareSome(): boolean {
    const { texts } = this.#digest;
    if (texts.isPressed) texts.work().next();
    return texts.isPressed;
  }

  /** Compares the texts that wait, when no request is in flight any more. */
  async #compareAll(): Promise<void> {
    const { texts } = this.#digest;
    let sliceMs = this.clock.now();
    let interruptedMs: number | undefined;
    for (const _ of texts.work()) {
      const nowMs = this.clock.now();
      if (nowMs < sliceMs + COMPARE_MS) continue;
      await this.clock.sleepUntil(nowMs);
      sliceMs = this.clock.now();
      if (!this.#options.signal.aborted) continue;
      interruptedMs ??= sliceMs;
      if (sliceMs > interruptedMs + COMPARE_INTERRUPTED_MS) {
        return texts.giveUp();
      }
    }
  }

  #report(): StageReport {
    const { stage, stop, repeat, slos, maxClientShare } = this.#options;
    return stageReport(this.#digest, {
      name: stage.name,
      ...(repeat !== undefined && { repeat }),
      load: this.#load(),
      ...(stage.stop && { stop: stage.stop }),
      window: {
        stageStartMs: this.#stageStartMs,
        startMs: this.#startMs,
        endMs: this.#windowEndMs(),
        warmupMs: stop.warmupMs ?? 0,
      },
      stopped: this.#end.end!.reason,
      dropped: this.#dropped,
      client: {
        ...this.#monitor.health(),
        connectAhead: this.#options.connectAhead,
        rtt: this.#options.network?.summary(),
      },
    }, { slos, maxClientShare });
  }

  /** If a number of requests or the data ended the stage, the window ends with its last request. */
  #windowEndMs(): number {
    const { reason, atMs } = this.#end.end!;
    if (reason === "duration") return this.#endMs ?? atMs;
    const lastMs = reason === "interrupted"
      ? atMs
      : this.#digest.lastEndMs ?? atMs;
    return Math.max(this.#startMs, Math.min(lastMs, this.#endMs ?? Infinity));
  }

  #progress(): Progress {
    const atMs = this.clock.now();
    const medians: Record<string, number> = {};
    for (const name of SHOWN) {
      const median = this.#digest.median(name);
      if (median !== undefined) medians[name] = median;
    }
    return {
      atMs,
      stage: this.stage,
      name: this.#options.stage.name,
      phase: this.#end.end ? "drain" : this.#phaseAt(atMs),
      inFlight: this.#tally.inFlight,
      counts: { ...this.#tally.counts },
      requestsPerSecond: this.#tally.requestsPerSecond(atMs),
      medians,
      ...(this.#endMs !== undefined && {
        remainingMs: Math.max(0, this.#endMs - atMs),
      }),
      ...(this.#maxRequests !== undefined && {
        remainingRequests: Math.max(0, this.#maxRequests - this.#started),
      }),
    };
  }
}
