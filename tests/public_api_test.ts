// Names are a promise: whoever adds, renames or removes one says so here too.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const PLUGIN: readonly string[] = [
  "Audio",
  "AnsweredTurn",
  "AudioSent",
  "Backend",
  "BaseDefinition",
  "BackendPlugin",
  "Call",
  "Catalogue",
  "ClientHealth",
  "Clock",
  "Columns",
  "Configured",
  "Counts",
  "Dataset",
  "DatasetPlugin",
  "Definition",
  "Delta",
  "Environment",
  "ErrorRate",
  "Failure",
  "FailureNote",
  "Image",
  "FetchOptions",
  "InferenceRequest",
  "Instances",
  "Instant",
  "Issue",
  "JoinedText",
  "Kind",
  "LoadDefinition",
  "LoadOptions",
  "LoadPlugin",
  "LoadProfile",
  "MediaFile",
  "Message",
  "MessagePart",
  "Metric",
  "OpenContext",
  "Outcome",
  "Output",
  "Phase",
  "Plugin",
  "PluginUse",
  "Problem",
  "Progress",
  "Random",
  "Rates",
  "Reading",
  "Report",
  "Reporter",
  "ReporterPlugin",
  "RequestError",
  "Result",
  "RunConfig",
  "RunInfo",
  "Sample",
  "SampleInput",
  "Session",
  "Skipped",
  "SloResult",
  "SloUnit",
  "Stage",
  "StageReport",
  "StandardSchemaV1",
  "StopRules",
  "Summary",
  "TemporaryFolder",
  "TokenCounter",
  "ToolCall",
  "Turn",
  "Unit",
  "Usage",
  "UsageError",
  "Verdict",
  "Window",
  "clientMetrics",
  "constantArrivals",
  "define",
  "defineBackend",
  "defineDataset",
  "defineLoad",
  "defineReporter",
  "isRequestError",
  "isToken",
  "isUsageError",
  "joinedText",
  "loadPlugin",
  "messageOf",
  "metrics",
  "metricsOf",
  "onAbort",
  "poissonArrivals",
  "random",
  "temporaryFolder",
];

const LIBRARY: readonly string[] = [
  "AudioFolderOptions",
  "ChatOptions",
  "ClipsOptions",
  "ColumnOptions",
  "CompletionsOptions",
  "ConcurrentOptions",
  "ConsoleOptions",
  "CsvManifestOptions",
  "CsvOptions",
  "Distribution",
  "EchoOptions",
  "EmbeddingsOptions",
  "GenerationOptions",
  "Host",
  "HuggingfaceOptions",
  "JsonOptions",
  "JsonlManifestOptions",
  "JsonlOptions",
  "ManifestDatasetOptions",
  "NormalizerName",
  "OpenAiOptions",
  "OrderingOptions",
  "RateOptions",
  "RealtimeOptions",
  "TargetOptions",
  "RepeatOptions",
  "ResponsesOptions",
  "RunOptions",
  "SharedPrefixes",
  "TranscriptionsOptions",
  "TranslationsOptions",
  "ShareGptOptions",
  "SpeechOptions",
  "SpeechToTextOptions",
  "SyntheticOptions",
  "TextFileOptions",
  "TextFormat",
  "audioFolder",
  "catalogue",
  "chat",
  "clips",
  "completions",
  "concurrent",
  "consoleReporter",
  "constant",
  "csvManifest",
  "csvReporter",
  "echo",
  "embeddings",
  "huggingface",
  "jsonReporter",
  "jsonlManifest",
  "jsonlReporter",
  "poisson",
  "realtime",
  "repeat",
  "responses",
  "run",
  "sharegpt",
  "synthetic",
  "systemClock",
  "textFile",
  "transcriptions",
  "translations",
  "zip",
];

const AUDIO: readonly string[] = [
  "AudioBytes",
  "AudioClip",
  "AudioError",
  "AudioFormat",
  "AudioInfo",
  "AudioSource",
  "AudioSourceOptions",
  "ClipOptions",
  "ClipSpan",
  "DecodedAudio",
  "Decoders",
  "DecodersOptions",
  "bytesSource",
  "chunksOf",
  "decodeAudio",
  "downmix",
  "encodeWav",
  "fileSource",
  "inspectAudio",
  "openDecoders",
  "resample",
  "toPcm16",
];

const TOKENS: readonly string[] = [
  "CHARACTERS_PER_TOKEN",
  "Tokenizer",
  "estimateTokens",
  "openTokenizer",
];

const TESTING: readonly string[] = [
  "BackendSuiteOptions",
  "Check",
  "DatasetSuiteOptions",
  "LoadSuiteOptions",
  "ManualClock",
  "ManualClockOptions",
  "SuiteOptions",
  "backendChecks",
  "datasetChecks",
  "loadChecks",
  "manualClock",
  "reporterChecks",
  "testBackend",
  "testDataset",
  "testLoad",
  "testReporter",
];

const ENTRIES: readonly (readonly [string, readonly string[]])[] = [
  ["mod.ts", [...PLUGIN, ...LIBRARY]],
  ["plugins/mod.ts", PLUGIN],
  ["audio/mod.ts", AUDIO],
  ["tokens/mod.ts", TOKENS],
  ["plugins/testing/mod.ts", TESTING],
];

for (const [path, names] of ENTRIES) {
  Deno.test(`${path} exports what it promises, types included, and nothing else`, async () => {
    assert.deepEqual(await namesOf(path), names.toSorted());
  });
}

Deno.test("deno.json maps the package's entries to the modules that are held here", async () => {
  const file = new URL("../deno.json", import.meta.url);
  const { exports } = JSON.parse(await Deno.readTextFile(file));
  assert.deepEqual(exports, {
    ".": "./mod.ts",
    "./plugin": "./plugins/mod.ts",
    "./audio": "./audio/mod.ts",
    "./tokens": "./tokens/mod.ts",
    "./testing": "./plugins/testing/mod.ts",
  });
});

/** What `deno doc` writes, as far as it is looked at. */
interface Documented {
  readonly nodes: Readonly<
    Record<string, { readonly symbols: readonly { readonly name: string }[] }>
  >;
}

async function namesOf(path: string): Promise<string[]> {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", file],
    stdin: "null",
    stderr: "null",
  }).output();
  assert.equal(code, 0);
  const { nodes }: Documented = JSON.parse(new TextDecoder().decode(stdout));
  return Object.values(nodes).flatMap(({ symbols }) =>
    symbols.map(({ name }) => name)
  ).toSorted();
}
