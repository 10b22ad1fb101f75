import type { Clock } from "./clock.ts";
import { Column } from "./metrics/column.ts";
import type { ClientHealth } from "./report.ts";

/** What the process can tell of itself; the engine has no way to ask. */
export interface Host {
  /** Processor time used so far, in milliseconds, over all threads. */
  cpuMs(): number;
  /** Resident memory. */
  rssBytes(): number;
}

/** Watches the client itself during a measured window. */
export interface Monitor {
  /** The measured window begins: what was seen before is forgotten. */
  begin(): void;
  /** The measured window is over: looks once more, and no further. */
  end(): void;
  /** What was seen. */
  health(): Pick<ClientHealth, "loopDelay" | "cpu" | "rssBytes">;
}

/** How often the loop is probed. Four probes fall into the largest delay that is still `valid`. */
const PROBE_MS = 12.5;

/** Memory is looked at once a second. */
const LOOK_EVERY = 1000 / PROBE_MS;

/** Starts to watch. Nothing is recorded before `begin`. */
export function monitor(clock: Clock, host: Host | undefined): Monitor {
  let loopDelay: Column = new Column();
  let rssBytes = 0;
  let began: { atMs: number; cpuMs: number } | undefined;
  let cpu: number | undefined;
  let cancel = () => {};

  /** Probes stand on a fixed grid, so that a blocked loop is seen by every probe that it delayed: all when it goes on. */
  function probe(firstMs: number): void {
    cancel = clock.at(firstMs, () => {
      const nowMs = clock.now();
      let dueMs = firstMs;
      for (; dueMs <= nowMs; dueMs += PROBE_MS) {
        loopDelay.add(nowMs - dueMs);
        if (loopDelay.n % LOOK_EVERY === 0) look();
      }
      probe(dueMs);
    });
  }

  function look(): void {
    if (host) rssBytes = Math.max(rssBytes, host.rssBytes());
  }

  return {
    begin() {
      loopDelay = new Column();
      rssBytes = 0;
      began = { atMs: clock.now(), cpuMs: host?.cpuMs() ?? 0 };
      look();
      probe(clock.now() + PROBE_MS);
    },
    end() {
      cancel();
      if (!began || cpu !== undefined) return;
      look();
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
