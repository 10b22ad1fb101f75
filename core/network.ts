import { settlesWithin } from "../lib/disposal.ts";
import type { Clock } from "./clock.ts";
import type { Backend } from "./contract.ts";
import { Column } from "./metrics/column.ts";
import type { Summary } from "./report.ts";

/** Round trips that are measured before a stage, and again after it. */
const ROUND_TRIPS = 5;

/** How long a round trip may take: a backend may never answer. */
const TRIP_LIMIT_MS = 10_000;

/** Measures round trips to the server, one after another. Those that fail are left out. */
export class NetworkProbe {
  readonly #backend: Backend;
  readonly #call: { readonly clock: Clock; readonly signal: AbortSignal };
  readonly #times = new Column();

  constructor(backend: Backend, call: { clock: Clock; signal: AbortSignal }) {
    this.#backend = backend;
    this.#call = call;
  }

  /** Measures a few round trips. */
  async measure(): Promise<void> {
    for (let i = 0; i < ROUND_TRIPS && !this.#call.signal.aborted; i++) {
      const trip = this.#backend.roundTripMs?.(this.#call)
        .then((ms) => this.#times.add(ms), () => {});
      if (!trip) return;
      if (!await settlesWithin(TRIP_LIMIT_MS, trip, this.#call.clock)) return;
    }
  }

  /** The round trips so far. */
  summary(): Summary | undefined {
    return this.#times.summary();
  }
}
