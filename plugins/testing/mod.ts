/**
 * Contract suites for plugins of each kind, and a manual clock for tests.
 *
 * @module
 */
export {
  type ManualClock,
  manualClock,
  type ManualClockOptions,
} from "./manual_clock.ts";
export {
  backendChecks,
  type BackendSuiteOptions,
  testBackend,
} from "./backend.ts";
export type { Check, SuiteOptions } from "./checks.ts";
export {
  datasetChecks,
  type DatasetSuiteOptions,
  testDataset,
} from "./dataset.ts";
export {
  dialectChecks,
  type DialectSuiteOptions,
  testDialect,
} from "./dialect.ts";
export { loadChecks, type LoadSuiteOptions, testLoad } from "./load.ts";
export { reporterChecks, testReporter } from "./reporter.ts";
