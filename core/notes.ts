import { seconds } from "../lib/units.ts";
import { tokensByChoice } from "./metrics/table.ts";
import { CachedPrompts } from "./notes/cached_prompts.ts";
import { ContextOverflow } from "./notes/context_overflow.ts";
import { type Lengths, OutputLengths } from "./notes/output_lengths.ts";
import type { StageReport } from "./report.ts";
import type { Sample } from "./sample.ts";

/** Sums over the samples of a stage that its notes are made from, besides its figures. */
export class NoteSums {
  /** Deltas that came together. */
  readonly coalescing = new Coalescing();
  /** Lengths of answers. */
  readonly lengths = new OutputLengths();
  /** Prompts that a cache may have answered. */
  readonly prompts = new CachedPrompts();
  /** Requests longer than the server's context. */
  readonly overflow = new ContextOverflow();

  /** Adds a sample of the measured window. */
  add(sample: Sample): void {
    const { outcome } = sample;
    if (outcome.status !== "ok") return this.overflow.add(outcome.failure);
    this.coalescing.add(sample);
    this.lengths.add(sample);
    this.prompts.add(sample);
  }

  /** Adds the sums of other requests of the stage. */
  merge(other: NoteSums): void {
    this.coalescing.merge(other.coalescing);
    this.lengths.merge(other.lengths);
    this.prompts.merge(other.prompts);
    this.overflow.merge(other.overflow);
  }
}

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

/** Facts of a run that notes depend on. */
export interface NoteOptions {
  /** Whether prompts begin alike on purpose, so that the server's cache is part of what is measured. @default {false} */
  readonly sharesPrefixes?: boolean | undefined;
}

/** Notes that a reader of the numbers needs to read them rightly; none reports a fault. */
export function notesOf(
  stage: Noted,
  sums: NoteSums,
  options: NoteOptions = {},
): string[] {
  const { counts, metrics: { latency }, window } = stage;
  const notes: string[] = [];
  const { share = 0 } = sums.coalescing;
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
  notes.push(...lengthNotes(sums.lengths));
  const refused = refusedAsTooLong(counts, sums.overflow);
  if (refused !== undefined) notes.push(refused);
  const cached = cachedPrompts(sums.prompts, options);
  if (cached !== undefined) notes.push(cached);
  return notes;
}

/** Share of answers of another length from which the load is not what was asked for. */
const OTHER_SHARE = 0.01;

/** That answers do not have the length that was asked for, or were cut although they might have been longer. */
function lengthNotes(lengths: OutputLengths): string[] {
  const { other, exact, cut, limited } = lengths;
  const notes: string[] = [];
  if (other && other.n > OTHER_SHARE * exact) {
    notes.push(
      `${
        percent(other.n / exact)
      } of the answers whose exact number of output tokens was requested have another number${
        inTheMedian(other)
      }: the load is not as requested; check that the server supports ignore_eos and min_tokens`,
    );
  }
  if (cut && cut.n > OTHER_SHARE * limited) {
    notes.push(
      `${
        percent(cut.n / limited)
      } of the answers were cut by the server below the requested limit${
        inTheMedian(cut)
      }: at its context length or a limit of its own; raise it, or use shorter prompts`,
    );
  }
  return notes;
}

function inTheMedian({ got, asked }: Lengths): string {
  return ` (median ${Math.round(got)} instead of ${Math.round(asked)})`;
}

/** That the server refused requests that are longer than its context. */
function refusedAsTooLong(
  { ok, error, timeout }: Noted["counts"],
  { refused }: ContextOverflow,
): string | undefined {
  if (refused === 0) return undefined;
  return `the server refused ${refused} of ${
    ok + error + timeout
  } requests as longer than its context: the figures lack the longest prompts; raise its context length, or use shorter prompts and answers`;
}

/** Cached ÷ all input tokens from which figures are those of cached prompts. */
const CACHED_SHARE = 0.3;
/** The same of the requests whose prompt was sent before, where the server does not report its cache. */
const REPEATED_SHARE = 0.1;

/** That the server had seen the prompts before, or may have. */
function cachedPrompts(
  { cachedShare, timesSent = 1 }: CachedPrompts,
  { sharesPrefixes = false }: NoteOptions,
): string | undefined {
  const isRepeated = 1 - 1 / timesSent > REPEATED_SHARE;
  const sent = `each session of the data was sent ${
    Number(timesSent.toPrecision(2))
  } times on average`;
  if (cachedShare === undefined) {
    return isRepeated
      ? `${sent}, and the server does not report what it had cached: if it caches prompts, TTFT and throughput are too good; use more data, or turn its prefix cache off`
      : undefined;
  }
  if (cachedShare < CACHED_SHARE || sharesPrefixes) return undefined;
  const cause = isRepeated
    ? `${sent}; use more data, or turn its prefix cache off`
    : "prompts begin alike, or an earlier stage or run had sent them; use another seed or more data, or turn its prefix cache off";
  return `${
    percent(cachedShare)
  } of the input tokens were in the server's cache, so that TTFT and throughput are those of cached prompts: ${cause}`;
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
