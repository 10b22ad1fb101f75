import type { Clock } from "./clock.ts";
import { Column } from "./metrics/column.ts";
import type { StageRecord } from "./metrics/digest.ts";

/** Measures of the process, which the engine cannot read by itself. */
export interface Host {
  /** Processor time used so far, in milliseconds, over all threads. */
  cpuMs(): number;
  /** Resident memory. */
  rssBytes(): number;
}

/** Interval of the probes of the event loop: four fit into the largest delay that is still `valid`. */
const PROBE_MS = 12.5;

/** Memory is measured once a second. */
const PROBES_PER_MEMORY = 1000 / PROBE_MS;

/** Measures this client during the measured window of a stage. */
export class ClientMonitor {
  readonly #clock: Clock;
  readonly #host: Host | undefined;
  #loopDelay = new Column();
  #rssBytes = 0;
  #began: { readonly atMs: number; readonly cpuMs: number } | undefined;
  #cpu: number | undefined;
  #cancel = () => {};

  constructor(clock: Clock, host: Host | undefined) {
    this.#clock = clock;
    this.#host = host;
  }

  /** Begins the measured window. Nothing is recorded before. */
  begin(): void {
    const atMs = this.#clock.now();
    this.#began = { atMs, cpuMs: this.#host?.cpuMs() ?? 0 };
    this.#measureMemory();
    this.#probe(atMs + PROBE_MS);
  }

  /** Ends the measured window: measures once more and stops. */
  end(): void {
    this.#cancel();
    if (!this.#began || this.#cpu !== undefined) return;
    this.#measureMemory();
    const { atMs, cpuMs } = this.#began;
    const elapsedMs = this.#clock.now() - atMs;
    if (!this.#host || elapsedMs <= 0) return;
    this.#cpu = (this.#host.cpuMs() - cpuMs) / elapsedMs;
  }

  /** Returns the measured values. */
  health(): StageRecord["client"] {
    return {
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
