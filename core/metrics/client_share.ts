import type { ShareSummary } from "../report.ts";
import type { Sample } from "../sample.ts";
import { Column } from "./column.ts";
import { shareMetrics, type ShareName } from "./table.ts";

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
  summaries(): { readonly [Name in ShareName]?: ShareSummary } {
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
