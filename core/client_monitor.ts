import type { Clock } from "./clock.ts";
import { Column } from "./metrics/column.ts";
import type { StageRecord } from "./metrics/digest.ts";

/** Measures of the process, which the engine cannot read by itself. */
export interface Host {
  /** Processor time used so far, in milliseconds, over all threads. */
  cpuMs(): number;
  /** Resident memory. */
  rssBytes(): number;
  /** Begins to watch the event loop of this thread. */
  watch?(clock: Clock): LoopWatch & Disposable;
}

/**
 * Bounds how long bytes that are read now can have waited in the system because this thread was busy. It is a bound and
 * not a measure: a program cannot see when bytes arrive, only when it comes to read them.
 */
export interface LoopWatch {
  /** Source of the bound: the system's account of the thread, or timers alone. */
  readonly method: "scheduler" | "timers";
  /** Takes note that the thread runs now. */
  touch(nowMs: number): void;
  /** Time so far that the thread waited for a processor, in milliseconds; `undefined` where nothing accounts for it. */
  readonly queuedMs: number | undefined;
  /** How long bytes read now can have waited, in milliseconds. */
  waitedMs(nowMs: number): number;
}

/** Returns the clock with the watch taking note of every time that is read from it. */
export function watchedClock(clock: Clock, watch: LoopWatch): Clock {
  const now = () => {
    const nowMs = clock.now();
    watch.touch(nowMs);
    return nowMs;
  };
  return { ...clock, now };
}

/** Interval of the probes of the event loop. */
const PROBE_MS = 12.5;

/** Memory is measured once a second. */
const PROBES_PER_MEMORY = 1000 / PROBE_MS;

/** Measures this client during the measured window of a stage. */
export class ClientMonitor {
  readonly #clock: Clock;
  readonly #host: Host | undefined;
  readonly #watch: LoopWatch | undefined;
  #loopDelay = new Column();
  #rssBytes = 0;
  #began: {
    readonly atMs: number;
    readonly cpuMs: number;
    readonly queuedMs: number | undefined;
  } | undefined;
  #cpu: number | undefined;
  #queued: number | undefined;
  #cancel = () => {};

  constructor(clock: Clock, host?: Host, watch?: LoopWatch) {
    this.#clock = clock;
    this.#host = host;
    this.#watch = watch;
  }

  /** Begins the measured window. Nothing is recorded before. */
  begin(): void {
    const atMs = this.#clock.now();
    this.#began = {
      atMs,
      cpuMs: this.#host?.cpuMs() ?? 0,
      queuedMs: this.#watch?.queuedMs,
    };
    this.#measureMemory();
    this.#probe(atMs + PROBE_MS);
  }

  /** Ends the measured window: measures once more and stops. */
  end(): void {
    this.#cancel();
    if (!this.#began || this.#cpu !== undefined) return;
    this.#measureMemory();
    const { atMs, cpuMs, queuedMs } = this.#began;
    const elapsedMs = this.#clock.now() - atMs;
    if (!this.#host || elapsedMs <= 0) return;
    this.#cpu = (this.#host.cpuMs() - cpuMs) / elapsedMs;
    const queuedNowMs = this.#watch?.queuedMs;
    if (queuedMs === undefined || queuedNowMs === undefined) return;
    this.#queued = (queuedNowMs - queuedMs) / elapsedMs;
  }

  /** Returns the measured values. */
  health(): StageRecord["client"] {
    return {
      method: this.#watch?.method,
      queued: this.#queued,
      loopDelay: this.#loopDelay.summary(),
      cpu: this.#cpu,
      rssBytes: this.#rssBytes || undefined,
    };
  }

  /** Probes have fixed times, so that every probe that a blocked loop delays is recorded when the loop continues. */
  #probe(firstMs: number): void {
    this.#cancel = this.#clock.at(firstMs, () => {
      const nowMs = this.#clock.now();
      let dueMs = firstMs;
      for (; dueMs <= nowMs; dueMs += PROBE_MS) {
        this.#loopDelay.add(nowMs - dueMs);
        if (this.#loopDelay.n % PROBES_PER_MEMORY === 0) this.#measureMemory();
      }
      this.#probe(dueMs);
    });
  }

  #measureMemory(): void {
    if (!this.#host) return;
    this.#rssBytes = Math.max(this.#rssBytes, this.#host.rssBytes());
  }
}
