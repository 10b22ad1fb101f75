import { splitLines } from "../lib/bytes.ts";
import { isRecord } from "../lib/record.ts";
import {
  messageOf,
  type PluginConfig,
  type Report,
  type RunConfig,
  type RunInfo,
  type Sample,
  type StageReport,
  UsageError,
} from "../plugins/mod.ts";
import { parseOptions } from "../plugins/options.ts";
import { parseSpec } from "../plugins/spec.ts";
import { savedLineSchema } from "./schema.ts";

/** First line of a file of samples: facts that are known when the run begins. */
export interface SavedRun extends RunInfo {
  /** Format and version. */
  readonly schema: "earshot.samples/2";
}

/** Line of a request, with all its observations. */
export interface SavedSample extends Sample {
  /** Format and version. */
  readonly schema: "earshot.sample/1";
}

type StageFacts = "name" | "load" | "stop" | "window" | "stopped" | "client";

/** Line at the end of a stage: facts that samples do not contain. */
export interface SavedStage extends Pick<StageReport, StageFacts> {
  /** Format and version. */
  readonly schema: "earshot.stage/1";
  /** Index of the stage, from 0. */
  readonly index: number;
  /** Number of arrivals that never started and have no sample. */
  readonly dropped: number;
}

/** Last line: a file without it was cut off. */
export interface SavedEnd extends Pick<Report, "interrupted" | "skipped"> {
  /** Format and version. */
  readonly schema: "earshot.end/1";
}

/** Line of a file of samples. */
export type SavedLine = SavedRun | SavedSample | SavedStage | SavedEnd;

/** Options of {@linkcode readSamples}. */
export interface ReadSamplesOptions {
  /** Receives warnings of a file that was cut off. @default Drops them */
  readonly warn?: (message: string) => void;
}

/**
 * Reads a file that the `jsonl` reporter wrote, line by line. A last line that was cut off, as when the run was killed, is
 * skipped with a warning.
 *
 * @throws {UsageError} If the file cannot be read or has another format; names the line.
 */
export async function* readSamples(
  path: string,
  { warn = () => {} }: ReadSamplesOptions = {},
): AsyncGenerator<SavedLine, void, undefined> {
  let number = 0;
  let last: SavedLine | undefined;
  for await (const text of linesOf(path)) {
    number++;
    if (number === 1 && !text.includes("earshot.samples/")) {
      await rejectReport(path);
    }
    const place = `${path}: line ${number}`;
    const value = parseLine(text, place);
    if (value === undefined) {
      warn(`${place}: skipped, as it was cut off`);
      break;
    }
    last = checkLine(upgradeLine(value), place);
    checkOrder(last, place, number);
    yield last;
  }
  if (!last) throw new UsageError(`${path}: has no samples`);
  if (last.schema !== "earshot.end/1") {
    warn(`${path}: was cut off before the end of its run`);
  }
}

/** Rejects a report, which is easily confused with samples. */
async function rejectReport(path: string): Promise<void> {
  using file = await openFile(path);
  const start = new Uint8Array(200);
  const length = await file.read(start) ?? 0;
  const text = new TextDecoder().decode(start.subarray(0, length));
  if (!/^\s*\{\s*"schema"\s*:\s*"earshot\.report\//.test(text)) return;
  throw new UsageError(
    `${path}: is a report, which does not contain samples; use a file that a run saved with --report jsonl=FILE`,
  );
}

/** Returns the lines of a file; only the last may have no line break. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const file = await openFile(path);
  const decoder = new TextDecoder();
  try {
    for await (const line of splitLines(file.readable)) {
      yield decoder.decode(line);
    }
  } catch (cause) {
    throw unreadable(path, cause); // a folder can be opened, but not read
  }
}

async function openFile(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): UsageError {
  return new UsageError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
}

/** Parses a line. Returns `undefined` if it was cut off. */
function parseLine(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!text.endsWith("\n")) return undefined;
    const line = text.slice(0, -1);
    const shown = line.length > 60 ? `${line.slice(0, 60)}…` : line;
    throw new UsageError(
      `${place}: must be JSON, but was ${JSON.stringify(shown)}`,
      { cause },
    );
  }
}

/** Converts the first line of a version 1 file to version 2. */
function upgradeLine(value: unknown): unknown {
  if (!isRecord(value) || value.schema !== "earshot.samples/1") return value;
  if (!isRecord(value.run)) return value;
  try {
    const run = upgradeRun(value.run as unknown as OldRun);
    return { ...value, schema: "earshot.samples/2", run };
  } catch {
    return value; // the schema says what is wrong
  }
}

/** Checks a line. Unknown keys of a later version are kept. */
function checkLine(value: unknown, place: string): SavedLine {
  const result = savedLineSchema.safeParse(value);
  if (result.success) return value as SavedLine;
  const problems = result.error.issues.map(({ path, message }) => ({
    path: path.join("."),
    message,
  }));
  const [first] = problems;
  throw new UsageError(
    `${place}: '${first?.path}' is invalid: ${first?.message}`,
    { cause: result.error, problems },
  );
}

function checkOrder(line: SavedLine, place: string, number: number): void {
  if ((line.schema === "earshot.samples/2") === (number === 1)) return;
  throw new UsageError(
    `${place}: schema must be 'earshot.samples/2' in the first line only, but was '${line.schema}'`,
  );
}

/** A plugin as `earshot.report/1` and `earshot.samples/1` describe it. */
interface OldPlugin {
  readonly name: string;
  readonly options?: unknown;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** The key `run` of `earshot.report/1` and `earshot.samples/1`. */
export interface OldRun extends Omit<RunInfo["run"], "config" | "facts"> {
  readonly seed: number;
  readonly config: {
    readonly backend: OldPlugin;
    readonly dataset: OldPlugin;
    readonly load: string;
    readonly stop: RunConfig["stop"];
    readonly normalizer: string;
    readonly slo?: readonly string[];
  };
}

/** Converts the run of a version 1 file to version 2. */
export function upgradeRun({ seed, config, ...run }: OldRun): RunInfo["run"] {
  const { backend, dataset, load, stop, normalizer, slo = [] } = config;
  return {
    ...run,
    config: {
      version: 1,
      backend: upgradePlugin(backend),
      data: Array.isArray(dataset.options)
        ? dataset.options.map(upgradePlugin)
        : [upgradePlugin(dataset)],
      load: upgradeLoad(load),
      stop,
      slos: slo,
      seed,
      normalizer: normalizer === "none" ? "none" : "basic",
      strict: false,
      reports: [],
    },
    facts: {
      ...(backend.facts && { backend: backend.facts }),
      ...(dataset.facts && { data: dataset.facts }),
    },
  };
}

function upgradePlugin({ name, options }: OldPlugin): PluginConfig {
  return { use: name, with: isRecord(options) ? options : {} };
}

/** Version 1 has the load as text: `concurrent=1,8`. */
function upgradeLoad(text: string): PluginConfig {
  if (text === "") return { use: "inline:load", with: {} };
  const spec = parseSpec(text);
  const primary = spec.name === "concurrent" ? "streams" : "rates";
  const { options } = parseOptions(spec, { primary, options: ANY });
  return {
    use: spec.name,
    with: { ...options, [primary]: [options[primary] ?? []].flat() },
  };
}

/** A schema that accepts any options. */
const ANY = {
  "~standard": {
    version: 1,
    vendor: "earshot",
    validate: (value: unknown) => ({ value }),
  },
} as const;
