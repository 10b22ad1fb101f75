import type { SeriesQuantiles, StageReport } from "../../plugins/mod.ts";
import type { Row, Table } from "./model.ts";
import { rounded, seconds } from "./numbers.ts";

/** Number of intervals from which on a trend is worth a line. */
const FEWEST = 6;

/** The series of a stage as trends. Empty for a short stage. */
export function trendTable({ series }: StageReport): Table {
  const length = series?.requestsPerSecond.length ?? 0;
  const columns = [
    { head: "from 0", align: "left" },
    { head: "largest" },
  ] as const;
  if (!series || length < FEWEST) return { columns, parts: [] };
  const row = (
    label: string,
    values: readonly (number | null)[] | undefined,
    unit = "",
  ): Row[] => {
    const known = values?.filter((value) => value !== null) ?? [];
    if (!values || known.length < FEWEST) return [];
    const largest = known.reduce((most, value) => Math.max(most, value));
    return [{ label, cells: [{ values }, `${rounded(largest)}${unit}`] }];
  };
  const median = (label: string, quantiles: SeriesQuantiles | undefined) =>
    row(`${label} p50`, quantiles?.p50, " ms");
  const hasErrors = series.errors.some((errors) => errors > 0);
  const title = `over time, ${seconds(length * series.widthMs)}`;
  return {
    columns,
    parts: [{
      title,
      rows: [
        ...row("requests/s", series.requestsPerSecond),
        ...row("in flight", series.inFlight),
        ...row("output tokens/s", series.outputTokensPerSecond),
        ...median("TTFT", series.ttft),
        ...median("finalization", series.finalization),
        ...median("E2E latency", series.latency),
        ...(hasErrors ? row("errors", series.errors) : []),
      ],
    }],
  };
}
