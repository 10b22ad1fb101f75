/**
 * Measures speech and language inference servers: streams speech at the speed of speech, reads what comes back at
 * the same time, and says whether the measurement can be trusted.
 *
 * @example A run from code
 * ```ts
 * import { concurrent, echo, repeat, run } from "@earshot/earshot";
 *
 * const report = await run({
 *   backend: echo({ delayMs: 2 }),
 *   dataset: repeat({ text: "hello" }),
 *   load: concurrent({ streams: [4] }),
 *   stop: { requests: 20 },
 * });
 * console.log(report.stages[0]?.metrics.latency?.p50);
 * ```
 *
 * @module
 */
import { catalogue } from "./catalogue.ts";
import type { Report, RunConfigInput } from "./plugins/mod.ts";
import * as runner from "./plugins/run.ts";
import { zip } from "./datasets/zip.ts";
import { concurrent } from "./loads/concurrent.ts";

export * from "./plugins/mod.ts";
export type { RunContext, RunOptions } from "./plugins/run.ts";
export { defineConfig } from "./plugins/config.ts";
export { systemClock } from "./core/clock.ts";
export type { Host, LoopWatch } from "./core/client_monitor.ts";

export { echo, type EchoOptions } from "./backends/echo.ts";
export { chat } from "./backends/openai/chat.ts";
export type { ChatOptions } from "./backends/openai/chat.ts";
export {
  completions,
  type CompletionsOptions,
} from "./backends/openai/completions.ts";
export type {
  GenerationOptions,
  OpenAiOptions,
} from "./backends/openai/options.ts";
export {
  embeddings,
  type EmbeddingsOptions,
} from "./backends/openai/embeddings.ts";
export { responses } from "./backends/openai/responses.ts";
export type { ResponsesOptions } from "./backends/openai/responses.ts";
export type { SpeechToTextOptions } from "./backends/openai/audio/transcriptions.ts";
export {
  transcriptions,
  type TranscriptionsOptions,
  translations,
  type TranslationsOptions,
} from "./backends/openai/audio/transcriptions.ts";
export { realtime } from "./backends/realtime/realtime.ts";
export type { RealtimeOptions } from "./backends/realtime/realtime.ts";
export type { TargetOptions } from "./backends/connect/options.ts";

export {
  audioFolder,
  type AudioFolderOptions,
} from "./datasets/audio_folder.ts";
export { clips, type ClipsOptions } from "./datasets/clips.ts";
export type { ColumnOptions } from "./datasets/columns/names.ts";
export { csvManifest, type CsvManifestOptions } from "./datasets/text.ts";
export {
  huggingface,
  type HuggingfaceOptions,
} from "./datasets/huggingface/dataset.ts";
export { jsonlManifest, type JsonlManifestOptions } from "./datasets/text.ts";
export type { ManifestDatasetOptions } from "./datasets/records.ts";
export { repeat, type RepeatOptions } from "./datasets/repeat.ts";
export type { OrderingOptions } from "./datasets/order.ts";
export { sharegpt, type ShareGptOptions } from "./datasets/sharegpt.ts";
export type { SpeechOptions } from "./datasets/speech.ts";
export { textFile, type TextFileOptions } from "./datasets/text.ts";
export type { TextFormat } from "./datasets/formats/open.ts";
export { zip } from "./datasets/zip.ts";
export { trace, type TraceOptions } from "./datasets/trace/dataset.ts";
export type { TraceColumns, TraceFormat } from "./datasets/trace/rows.ts";
export type { TimeUnit } from "./datasets/columns/times.ts";
export { synthetic } from "./datasets/synthetic/dataset.ts";
export type { Distribution } from "./datasets/synthetic/distribution.ts";
export type {
  SharedPrefixes,
  SyntheticOptions,
} from "./datasets/synthetic/options.ts";

export { burst, type BurstOptions } from "./loads/burst.ts";
export {
  concurrent,
  type ConcurrentOptions,
  sync,
  throughput,
  type ThroughputOptions,
} from "./loads/concurrent.ts";
export type { LevelOptions } from "./loads/levels.ts";
export {
  constant,
  gamma,
  type GammaOptions,
  poisson,
  type RateOptions,
} from "./loads/open_loop.ts";
export { ramp, type RampOptions } from "./loads/ramp.ts";
export { replay, type ReplayOptions } from "./loads/replay.ts";
export { search, type SearchOptions } from "./loads/search.ts";
export { steps, type StepsOptions } from "./loads/steps.ts";
export { sweep, type SweepOptions } from "./loads/sweep.ts";
export { users, type UsersOptions } from "./loads/users.ts";

export {
  type ConsoleOptions,
  consoleReporter,
} from "./reporters/console/console.ts";
export { type CsvOptions, csvReporter } from "./reporters/csv.ts";
export { type HtmlOptions, htmlReporter } from "./reporters/html/html.ts";
export { type JsonlOptions, jsonlReporter } from "./reporters/jsonl.ts";
export { type JsonOptions, jsonReporter } from "./reporters/json.ts";
export { type JunitOptions, junitReporter } from "./reporters/junit.ts";
export {
  type MarkdownOptions,
  markdownReporter,
} from "./reporters/markdown.ts";

export { catalogue } from "./catalogue.ts";

/**
 * Runs plugins that are given as objects, and returns the report.
 *
 * @example Usage
 * ```ts
 * import { concurrent, echo, repeat, run } from "@earshot/earshot";
 * import assert from "node:assert/strict";
 *
 * const report = await run({
 *   backend: echo({ delayMs: 5 }),
 *   dataset: repeat({ text: "hello" }),
 *   load: concurrent({ streams: [2] }),
 *   stop: { requests: 10 },
 * });
 * assert.equal(report.stages[0]?.counts.ok, 10);
 * ```
 *
 * @throws {UsageError} If options are invalid, or no item of the data can be used.
 * @throws {RequestError} If the backend cannot reach its server at all.
 */
export function run(options: runner.RunOptions): Promise<Report> {
  const load = options.load ?? concurrent({ streams: [1] });
  return runner.run({ catalogue, ...options, load });
}

/**
 * Runs a configuration and returns the report.
 *
 * @example Usage
 * ```ts
 * import { runConfig } from "@earshot/earshot";
 * import assert from "node:assert/strict";
 *
 * const report = await runConfig({
 *   version: 1,
 *   backend: { use: "echo", with: { delayMs: 5 } },
 *   data: [{ use: "repeat", with: { text: "hello" } }],
 *   stop: { requests: 10 },
 * });
 * assert.equal(report.stages[0]?.counts.ok, 10);
 * ```
 *
 * @throws {UsageError} If the configuration is invalid: the error lists every problem.
 * @throws {RequestError} If the backend cannot reach its server at all.
 */
export function runConfig(
  config: RunConfigInput,
  context: runner.RunContext = {},
): Promise<Report> {
  return runner.runConfig(config, { ...context, catalogue, join: zip });
}
