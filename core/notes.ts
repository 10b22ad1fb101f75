import { tokensByChoice } from "./metrics/table.ts";
import type { StageReport } from "./report.ts";
import type { Sample } from "./sample.ts";

/** Counts the deltas that came in one network read with another one of the same answer. */
export class Coalescing {
  #deltas = 0;
  #shared = 0;

  /** Adds a sample. */
  add(sample: Sample): void {
    for (const deltas of tokensByChoice(sample)) {
      if (deltas.length < 2) continue;
      this.#deltas += deltas.length;
      for (let i = 0; i < deltas.length; i++) {
        const { atMs } = deltas[i]!;
        if (deltas[i - 1]?.atMs === atMs || deltas[i + 1]?.atMs === atMs) {
          this.#shared++;
        }
      }
    }
  }

  /** Adds the counts of other requests of the stage. */
  merge(other: Coalescing): void {
    this.#deltas += other.#deltas;
    this.#shared += other.#shared;
  }

  /** Share of the deltas, from 0 to 1; `undefined` for too few. */
  get share(): number | undefined {
    return this.#deltas < LEAST_DELTAS
      ? undefined
      : this.#shared / this.#deltas;
  }
}

/** Deltas below which nothing is said of their coalescing. */
const LEAST_DELTAS = 100;

/** Share of requests cut off by the end from which a rate is only a lower bound. */
const CUT_SHARE = 0.01;

/** Latencies that should fit into a window one after another, for its percentiles to rest on independent requests. */
const WAVES = 5;

/** Notes that a reader of the numbers needs to read them rightly; none reports a fault. */
export function notesOf(
  { counts, metrics: { latency }, window }: Pick<
    StageReport,
    "counts" | "metrics" | "window"
  >,
  coalescing: Coalescing,
): string[] {
  const notes: string[] = [];
  const { share = 0 } = coalescing;
  if (share > 0.5) {
    notes.push(
      `${
        percent(share)
      } of deltas came in one read with others: a proxy or the server gathers the stream; ITL is not meaningful`,
    );
  }
  const windowMs = window.endMs - window.startMs;
  if (latency && latency.n > 1 && windowMs < WAVES * latency.p95) {
    notes.push(
      `the window of ${
        seconds(windowMs)
      } is shorter than ${WAVES} times the p95 latency of ${
        seconds(latency.p95)
      }: percentiles rest on few independent requests; measure longer`,
    );
  }
  const { ok, error, timeout, cancelled } = counts;
  const cut = cancelled / (ok + error + timeout + cancelled);
  if (cut > CUT_SHARE) {
    notes.push(
      `${
        percent(cut)
      } of requests were cut off at the end: requests/s is a lower bound; a longer drain lets them end`,
    );
  }
  return notes;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toPrecision(3))} s`;
}
