import type { Clock } from "./clock.ts";
import { Column } from "./metrics/column.ts";
import type { ClientHealth } from "./report.ts";

/** Measures of the process, which the engine cannot read by itself. */
export interface Host {
  /** Processor time used so far, in milliseconds, over all threads. */
  cpuMs(): number;
  /** Resident memory. */
  rssBytes(): number;
}

/** Measures the client during a measured window. */
export interface Monitor {
  /** Begins the measured window: earlier values are dropped. */
  begin(): void;
  /** Ends the measured window: measures once more and stops. */
  end(): void;
  /** The measured values. */
  health(): Pick<ClientHealth, "loopDelay" | "cpu" | "rssBytes">;
}

/** Interval of the probes of the event loop: four fit into the largest delay that is still `valid`. */
const PROBE_MS = 12.5;

/** Memory is measured once a second. */
const PROBES_PER_MEMORY = 1000 / PROBE_MS;

/** Creates a monitor. Nothing is recorded before `begin`. */
export function monitor(clock: Clock, host: Host | undefined): Monitor {
  let loopDelay: Column = new Column();
  let rssBytes = 0;
  let began: { atMs: number; cpuMs: number } | undefined;
  let cpu: number | undefined;
  let cancel = () => {};

  /** Probes have fixed times, so that every probe that a blocked loop delays is recorded when the loop continues. */
  function probe(firstMs: number): void {
    cancel = clock.at(firstMs, () => {
      const nowMs = clock.now();
      let dueMs = firstMs;
      for (; dueMs <= nowMs; dueMs += PROBE_MS) {
        loopDelay.add(nowMs - dueMs);
        if (loopDelay.n % PROBES_PER_MEMORY === 0) measureMemory();
      }
      probe(dueMs);
    });
  }

  function measureMemory(): void {
    if (host) rssBytes = Math.max(rssBytes, host.rssBytes());
  }

  return {
    begin() {
      loopDelay = new Column();
      rssBytes = 0;
      began = { atMs: clock.now(), cpuMs: host?.cpuMs() ?? 0 };
      measureMemory();
      probe(clock.now() + PROBE_MS);
    },
    end() {
      cancel();
      if (!began || cpu !== undefined) return;
      measureMemory();
      const elapsedMs = clock.now() - began.atMs;
      if (host && elapsedMs > 0) cpu = (host.cpuMs() - began.cpuMs) / elapsedMs;
    },
    health() {
      const delays = loopDelay.summary();
      return {
        ...(delays && { loopDelay: delays }),
        ...(cpu !== undefined && { cpu }),
        ...(rssBytes > 0 && { rssBytes }),
      };
    },
  };
}
