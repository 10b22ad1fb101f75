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

/** The part of a stage's report that its notes are based on. */
export type Noted = Pick<
  StageReport,
  "load" | "counts" | "metrics" | "window" | "client"
>;

/** Notes that a reader of the numbers needs to read them rightly; none reports a fault. */
export function notesOf(stage: Noted, coalescing: Coalescing): string[] {
  const { counts, metrics: { latency }, window } = stage;
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
  const degraded = degradedReplay(stage);
  if (degraded !== undefined) notes.push(degraded);
  return notes;
}

/** Lag of a replay that is never held against it, in milliseconds. */
const LAG_FLOOR_MS = 1;
/** Requests from which the p99 of the lag is judged. */
const LEAST_LAGS = 100;

/** That a replay was not as recorded: its requests were later than the gaps between them are long. */
function degradedReplay(
  { load, counts, window, client: { scheduleLag } }: Noted,
): string | undefined {
  const { ok, error, timeout, cancelled } = counts;
  const started = ok + error + timeout + cancelled;
  const gapMs = (window.endMs - window.startMs) / started;
  if (load["kind"] !== "replay" || !scheduleLag) return undefined;
  const { n, p99 } = scheduleLag;
  if (n < LEAST_LAGS || p99 <= Math.max(gapMs, LAG_FLOOR_MS)) return undefined;
  return `degraded replay: schedule lag p99 ${
    milliseconds(p99)
  } is above the mean gap of ${
    milliseconds(gapMs)
  } between starts: short bursts were not sent as recorded; replay at a lower speed or from several machines`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function milliseconds(ms: number): string {
  return `${Number(ms.toPrecision(3))} ms`;
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toPrecision(3))} s`;
}
