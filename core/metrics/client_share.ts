import type { ShareSummary } from "../report.ts";
import type { Sample } from "../sample.ts";
import { Column } from "./column.ts";
import { type MetricValue, shareMetrics, type ShareName } from "./table.ts";

/** The shares of the requests of a stage, each with the time of its largest value. */
export class ShareColumns {
  readonly #columns = shareMetrics.map((metric) => ({
    metric,
    values: new Column(),
    /** The metric less its share: no request can have taken less. */
    least: new Column(),
    peak: { ms: -Infinity, atMs: 0 },
  }));

  /**
   * Adds a sample.
   *
   * @param whole Its metrics in the order of their table, if it ended `ok`.
   */
  add(sample: Sample, whole: readonly MetricValue[]): void {
    for (const { metric, values, least, peak } of this.#columns) {
      const ms = metric.of(sample), wholeMs = whole[metric.wholePlace];
      if (typeof ms !== "number" || typeof wholeMs !== "number") continue;
      values.add(ms);
      least.add(wholeMs - ms);
      keepLarger(peak, { ms, atMs: sample.dispatchedMs });
    }
  }

  /** Adds the shares of other requests of the stage. */
  merge(other: ShareColumns): void {
    this.#columns.forEach(({ values, least, peak }, i) => {
      values.merge(other.#columns[i]!.values);
      least.merge(other.#columns[i]!.least);
      keepLarger(peak, other.#columns[i]!.peak);
    });
  }

  /**
   * The summaries by name, of the shares that have values.
   *
   * @param quantile Returns a quantile of a metric, by its name.
   */
  summaries(
    quantile: (metric: string, p: number) => number | undefined,
  ): { readonly [Name in ShareName]?: ShareSummary } {
    const found: { [Name in ShareName]?: ShareSummary } = {};
    for (const { metric, values, least, peak } of this.#columns) {
      const summary = values.summary();
      if (!summary) continue;
      // Quantiles of very many values are not exact, and could be the other way round.
      const added = (p: number) =>
        Math.max(0, quantile(metric.whole.name, p)! - least.quantile(p)!);
      found[metric.name] = {
        ...summary,
        added: { p50: added(0.5), p90: added(0.9), p99: added(0.99) },
        maxAtMs: peak.atMs,
      };
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
