/**
 * The API for plugins.
 *
 * @module
 */
export { type Catalogue, type LoadOptions, loadPlugin } from "./load.ts";
export type { FetchOptions } from "./load_remote.ts";
export * from "./plugin.ts";
export * from "./dialect.ts";
export type { Issue, Result, StandardSchemaV1 } from "./schema.ts";
export {
  type TemporaryFolder,
  temporaryFolder,
} from "../lib/temporary_folder.ts";
export {
  constantArrivals,
  gammaArrivals,
  poissonArrivals,
  rescaledArrivals,
} from "../core/arrivals.ts";
export { type ClientLimit, clientLimit } from "../core/failures.ts";
export { systemCodeOf } from "../lib/system_code.ts";
export {
  searchCapacity,
  type SearchOptions as CapacitySearchOptions,
} from "../core/capacity/search.ts";
export type { Clock } from "../core/clock.ts";
export { type AbortTask, onAbort } from "../lib/abort.ts";
export * from "../core/contract.ts";
export * from "../core/errors.ts";
export { JoinedText } from "../lib/text.ts";
export { type Random, random } from "../lib/random.ts";
export type * from "../core/config.ts";
export type * from "../core/intervals.ts";
export type * from "../core/report.ts";
export type * from "../core/run_results.ts";
export { stagesOutsideSearches } from "../core/report.ts";
export type * from "../core/request.ts";
export type * from "../core/sample.ts";
export type * from "../core/time_series.ts";
export {
  formatSloValue,
  type Slo,
  type SloOperator,
  type SloQuantile,
} from "../core/slo.ts";
export { explainStop } from "../core/stop/stop_judge.ts";
export { samplesNeeded, valuesNeeded } from "../core/sample_floors.ts";
export { metricsWithIntervals } from "../core/metrics/metric_columns.ts";
export { CompactHistogram } from "../core/statistics/histogram.ts";
export { normalizers } from "../core/quality.ts";
export type { Bounds } from "../core/statistics/distributions.ts";
export {
  clientMetrics,
  isToken,
  type Metric,
  metrics,
  metricsOf,
  type MetricValue,
  type ShareMetric,
  shareMetrics,
  type ShareName,
} from "../core/metrics/table.ts";
