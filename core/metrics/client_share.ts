import type { ClientHealth, ShareSummary } from "../report.ts";
import type { Sample } from "../sample.ts";
import { Column } from "./column.ts";
import { isToken, type Metric } from "./table.ts";

/** The headline metrics, of each of which a part may be the client's own. */
export const SHARED = [
  "ttft",
  "latency",
  "responseTime",
  "finalization",
] as const;

/** Name of a share in reports. */
export type ShareName = `${typeof SHARED[number]}Share`;

function share(
  name: ShareName,
  label: string,
  formula: string,
  of: (sample: Sample, client: NonNullable<Sample["client"]>) =>
    | number
    | undefined,
): Metric & { readonly name: ShareName } {
  return {
    name,
    unit: "ms",
    label: `client's share of ${label}`,
    formula,
    of: (sample) =>
      sample.client && sample.outcome.status === "ok"
        ? of(sample, sample.client)
        : undefined,
  };
}

/** How much of each headline metric the client can have made itself: upper bounds, of requests that ended `ok`. */
export const shareMetrics = [
  share(
    "ttftShare",
    "TTFT",
    "sending + wait of the read with the first token",
    (sample, { firstTokenMs }) => plus(sendingMs(sample, true), firstTokenMs),
  ),
  share(
    "latencyShare",
    "E2E latency",
    "sending + wait of the last read",
    (sample, { endMs }) => plus(sendingMs(sample), endMs),
  ),
  share(
    "responseTimeShare",
    "response time",
    "sending + wait of the last read + dispatched − scheduled",
    (sample, { endMs }) =>
      plus(
        sendingMs(sample),
        endMs + sample.dispatchedMs - sample.scheduledMs,
      ),
  ),
  share(
    "finalizationShare",
    "finalization",
    "lateness of the last chunk + wait of the last read",
    (sample, { endMs }) =>
      sample.marks.final === undefined || sample.audioSent.length === 0
        ? undefined
        : plus(latenessMs(sample), endMs),
  ),
] as const;

/** Time that the client took to send: a request, or for streamed audio the lateness of its last chunk. */
function sendingMs(sample: Sample, untilFirstToken = false): number {
  if (sample.audioSent.length === 0) return sample.client?.sendingMs ?? 0;
  return latenessMs(
    sample,
    untilFirstToken ? sample.deltas.find(isToken)?.atMs : undefined,
  );
}

/** Lateness of the last chunk of audio sent before a time. */
function latenessMs({ audioSent }: Sample, beforeMs = Infinity): number {
  const last = audioSent.findLast(({ atMs }) => atMs <= beforeMs);
  return last?.dueMs === undefined ? 0 : Math.max(0, last.atMs - last.dueMs);
}

function plus(a: number, b: number | undefined): number | undefined {
  return b === undefined ? undefined : a + b;
}

/** The shares of the requests of a stage, each with the time of its largest value. */
export class ShareColumns {
  readonly #columns = shareMetrics.map((metric) => ({
    metric,
    values: new Column(),
    peak: { ms: -Infinity, atMs: 0 },
  }));

  /** Adds a sample. */
  add(sample: Sample): void {
    for (const { metric, values, peak } of this.#columns) {
      const ms = metric.of(sample);
      if (typeof ms !== "number") continue;
      values.add(ms);
      keepLarger(peak, { ms, atMs: sample.dispatchedMs });
    }
  }

  /** Adds the shares of other requests of the stage. */
  merge(other: ShareColumns): void {
    this.#columns.forEach(({ values, peak }, i) => {
      values.merge(other.#columns[i]!.values);
      keepLarger(peak, other.#columns[i]!.peak);
    });
  }

  /** The summaries by name, of the shares that have values. */
  summaries(): Pick<ClientHealth, ShareName> {
    const found: { [Name in ShareName]?: ShareSummary } = {};
    for (const { metric, values, peak } of this.#columns) {
      const summary = values.summary();
      if (summary) found[metric.name] = { ...summary, maxAtMs: peak.atMs };
    }
    return found;
  }
}

interface Peak {
  ms: number;
  atMs: number;
}

/** Of equal values the earlier counts, so that the order of adding does not. */
function keepLarger(peak: Peak, { ms, atMs }: Peak): void {
  if (ms < peak.ms || (ms === peak.ms && atMs >= peak.atMs)) return;
  peak.ms = ms;
  peak.atMs = atMs;
}
