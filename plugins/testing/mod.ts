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
export { type BackendSuiteOptions, testBackend } from "./backend.ts";
export type { SuiteOptions } from "./checks.ts";
export { type DatasetSuiteOptions, testDataset } from "./dataset.ts";
export { type DialectSuiteOptions, testDialect } from "./dialect.ts";
export { type LoadSuiteOptions, testLoad } from "./load.ts";
export { testReporter } from "./reporter.ts";
