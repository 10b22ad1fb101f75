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
import type {
  MinSamples,
  NormalizerName,
  RunStopRules,
  StopRules,
} from "./config.ts";
import type { InferenceRequest } from "./request.ts";
import type { Phase, Sample } from "./sample.ts";
import { type Shard, shareOf, takeShard } from "./shard.ts";
import type { Slo } from "./slo.ts";
import type { NetworkProbe } from "./network.ts";
import { SampleQueue } from "./sample_queue.ts";
import { random } from "../lib/random.ts";
import type { ReadySession, SessionSource } from "./source.ts";
import { StageEnd } from "./stop/stage_end.ts";
import type { Stop, StopJudge } from "./stop/stop_judge.ts";
import { StopWatch } from "./stop/stop_watch.ts";
import { UsageCompleter } from "./usage.ts";
import { StageWindow } from "./stop/window.ts";

/** Options that every stage of a run has in common. */
export interface SharedOptions {
  /** Backend that requests are sent to. */
  readonly backend: Backend;
  /** Largest share of a headline metric that may be the client's own if the stage is valid. */
  readonly maxClientShare?: number;
  /** Number of values below which a percentile has too few. */
  readonly minSamples?: MinSamples;
  /** Whether prompts of the data begin alike on purpose. */
  readonly sharesPrefixes?: boolean;
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
  /** When the run ends. */
  readonly stopRun: RunStopRules;
  /** Judges the rules of the run: it has seen the stages before. */
  readonly runJudge: StopJudge;
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
  readonly activity: StageContext["activity"];
  readonly stage: number;
  readonly signals: StageContext["signals"];
  readonly #options: StageOptions;
  readonly #window: StageWindow;
  readonly #end: StageEnd;
  readonly #digest: Digest;
  readonly #tally: Tally;
  readonly #monitor: ClientMonitor;
  readonly #stops: StopWatch;
  readonly #queue: SampleQueue;
  readonly #usage: UsageCompleter;
  #nextId: number;
  /** Arrivals of the measured window that were not started. */
  #dropped = 0;

  constructor(options: StageOptions) {
    const { stop, backend, host, signal } = options;
    this.watch = host?.watch?.(options.clock);
    const clock = this.watch
      ? watchedClock(options.clock, this.watch)
      : options.clock;
    this.backend = backend;
    this.clock = clock;
    this.stage = options.index;
    this.#options = options;
    this.#nextId = options.firstId;
    this.signals = this.#end = new StageEnd(clock, stop.drainMs);
    this.#window = this.#divide();
    const { startMs, endMs, stageStartMs } = this.#window;
    this.#digest = new Digest({
      stageStartMs,
      startMs,
      endMs,
      normalizer: options.normalizer,
      slos: options.slos,
    });
    this.#tally = new Tally(stageStartMs);
    this.#monitor = new ClientMonitor(clock, host, this.watch);
    this.#stops = new StopWatch({
      ...options,
      clock,
      end: (stop) => this.#stopFor(stop),
      giveUp: (reason) => this.#end.giveUp(reason),
    });
    this.activity = this.#stops.activity;
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
    const interrupt = () => this.#interrupt();
    const closeSource = () => void source.close();
    this.signals.stopped.addEventListener("abort", closeSource, { once: true });
    signal.addEventListener("abort", interrupt, { once: true });
    if (signal.aborted) interrupt();
    if (this.#window.isEmpty || this.#options.runJudge.isSpent) {
      this.#end.stop("requests");
    }
    await this.#offer().catch((error) => this.#interrupt(error));

    this.#monitor.end();
    this.watch?.[Symbol.dispose]();
    this.#end.stop("data");
    // Before anything is waited for: the timer that begins measuring may not have fired yet.
    this.#window.cancel();
    this.#stops.cancel();
    this.#end.close();
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
      this.#interrupt(error);
      return undefined;
    }
  }

  admit(scheduledMs: number): { id: number; phase: Phase } | undefined {
    if (this.signals.stopped.aborted) return undefined;
    const phase = this.#window.admit(scheduledMs);
    if (phase === undefined) return undefined;
    this.#tally.started();
    this.#end.started(scheduledMs);
    this.#stops.started(scheduledMs);
    const id = this.#nextId;
    this.#nextId += this.#options.shard.count;
    return { id, phase };
  }

  ended(sample: Sample, request: InferenceRequest): void {
    this.#tally.ended(sample);
    this.#window.ended(sample.phase);
    this.#stops.ended(sample);
    this.#usage.add(sample, request);
  }

  dropped(scheduledMs: number): void {
    // After enough requests, the end of the data, a decision and the window, no more are wanted.
    const { reason = "duration" } = this.#end.end ?? {};
    if (["requests", "data", "decided"].includes(reason)) return;
    const phase = this.#window.phaseAt(scheduledMs);
    if (phase === "cooldown") return;
    this.#tally.dropped();
    if (phase === "measure") this.#dropped++;
  }

  left(id: string): void {
    try {
      this.backend.endSession?.(id);
    } catch (error) {
      this.#interrupt(error);
    }
  }

  #divide(): StageWindow {
    const { stop, shard } = this.#options;
    return new StageWindow({
      clock: this.clock,
      stop,
      shard,
      events: {
        begin: (atMs) => {
          if (!this.#end.end) this.#monitor.begin();
          this.#stops.begin(atMs);
          return this.#digest.begin(atMs);
        },
        end: (atMs) => {
          this.#monitor.end();
          this.#digest.end(atMs);
        },
        over: (reason) => this.#end.stop(reason),
        rest: () =>
          this.#end.giveUp(
            new Error("The cool-down, which the request belonged to, was over"),
          ),
      },
    });
  }

  #interrupt(error?: unknown): void {
    this.#window.close(this.clock.now());
    this.#end.stop("interrupted", { error });
  }

  /** Ends the stage by a rule other than the length of its window. */
  #stopFor(stop: Stop): void {
    if (this.signals.stopped.aborted) return;
    this.#window.close(this.clock.now());
    this.#end.stop(stop.reason, stop);
  }

  #look(): void {
    const { inFlight } = this.#tally;
    this.#stops.look(inFlight);
    if (!this.#window.awaitsSteady) return;
    if (this.#stops.isSteady(inFlight)) this.#window.steady();
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
    const { requests = Infinity } = this.#options.stop;
    return Math.min(
      SPREAD_MS,
      this.#window.plannedMs / 10,
      requests * SPREAD_MS_PER_REQUEST,
    );
  }

  #observe(): void {
    const { progress, stage: { monitor } } = this.#options;
    const snapshot = this.#progress();
    this.#look();
    progress(snapshot);
    if (monitor?.isDecided(snapshot)) this.#stopFor({ reason: "decided" });
  }

  #take(batch: readonly Sample[]): void {
    for (const sample of batch) {
      this.#digest.add(sample);
      this.#stops.add(sample);
    }
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
    const { stage, repeat } = this.#options;
    const { reason, atMs, cause } = this.#end.end!;
    const { lastEndMs } = this.#digest;
    return stageReport(this.#digest, {
      name: stage.name,
      ...(repeat !== undefined && { repeat }),
      load: this.#load(),
      ...(stage.stop && { stop: stage.stop }),
      window: this.#window.result({ atMs, lastEndMs }),
      stopped: reason,
      ...(cause && { stopCause: cause }),
      dropped: this.#dropped,
      client: {
        ...this.#monitor.health(),
        connectAhead: this.#options.connectAhead,
        rtt: this.#options.network?.summary(),
      },
    }, this.#options);
  }

  #progress(): Progress {
    const atMs = this.clock.now();
    const { ms, requests } = this.#window.remaining(atMs);
    const medians: Record<string, number> = {};
    for (const name of SHOWN) {
      const median = this.#digest.median(name);
      if (median !== undefined) medians[name] = median;
    }
    return {
      atMs,
      stage: this.stage,
      name: this.#options.stage.name,
      phase: this.#end.end ? "drain" : this.#window.phaseAt(atMs),
      inFlight: this.#tally.inFlight,
      counts: { ...this.#tally.counts },
      requestsPerSecond: this.#tally.requestsPerSecond(atMs),
      medians,
      ...(ms !== undefined && { remainingMs: ms }),
      ...(requests !== undefined && { remainingRequests: requests }),
    };
  }
}
