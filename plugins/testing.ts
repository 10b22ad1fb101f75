/**
 * For those who write plugins: what each kind promises, as tests, and a clock that stands still.
 *
 * @module
 */
export {
  type ManualClock,
  manualClock,
  type ManualClockOptions,
} from "../core/testing/manual_clock.ts";
export {
  backendChecks,
  type BackendSuiteOptions,
  testBackend,
} from "./testing_backend.ts";
export type { Check, SuiteOptions } from "./testing_checks.ts";
export {
  datasetChecks,
  type DatasetSuiteOptions,
  testDataset,
} from "./testing_dataset.ts";
export { reporterChecks, testReporter } from "./testing_reporter.ts";
