import type { z } from "zod";
import { splitLines } from "../lib/bytes.ts";
import { tryJson } from "../lib/json.ts";
import { isRecord } from "../lib/record.ts";
import {
  messageOf,
  type PluginConfig,
  type Report,
  type RunConfig,
  type RunInfo,
  UsageError,
} from "../plugins/mod.ts";
import { parseOptions } from "../plugins/options.ts";
import { parseSpec } from "../plugins/spec.ts";
import { reportSchema, savedLineSchema } from "./schema.ts";

/** Line of a file of samples. */
export type SavedLine = z.infer<typeof savedLineSchema>;

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
    if (number === 1 && await isReport(path)) {
      throw new UsageError(
        `${path}: is a report, which does not contain samples; use a file that a run saved with --report jsonl=FILE`,
      );
    }
    const place = `${path}: line ${number}`;
    const value = text.endsWith("\n") ? parseJson(text, place) : tryJson(text);
    if (value === undefined) {
      warn(`${place}: skipped, as it was cut off`);
      break;
    }
    last = checked(savedLineSchema, value, place) as SavedLine;
    checkOrder(last, place, number);
    yield last;
  }
  if (!last) throw new UsageError(`${path}: has no samples`);
  if (last.schema !== "earshot.end/1") {
    warn(`${path}: was cut off before the end of its run`);
  }
}

/**
 * Reads a file that the `json` reporter wrote. Returns `undefined` for any other file.
 *
 * @throws {UsageError} If the report cannot be read or is not valid.
 */
export async function readReport(path: string): Promise<Report | undefined> {
  if (!await isReport(path)) return undefined;
  const report = parseJson(await Deno.readTextFile(path), path);
  return checked(reportSchema, report, path) as Report;
}

/** Whether a file begins as a report does, which is easily confused with samples. */
async function isReport(path: string): Promise<boolean> {
  using file = await openFile(path);
  const start = new Uint8Array(200);
  const length = await file.read(start).catch((cause) => {
    throw unreadable(path, cause); // a folder can be opened, but not read
  }) ?? 0;
  const text = new TextDecoder().decode(start.subarray(0, length));
  return /^\s*\{\s*"schema"\s*:\s*"earshot\.report\//.test(text);
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

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const line = text.replace(/\n$/, "");
    const shown = line.length > 60 ? `${line.slice(0, 60)}…` : line;
    throw new UsageError(
      `${place}: must be JSON, but was ${JSON.stringify(shown)}`,
      { cause },
    );
  }
}

/** Converts a report or the first line of samples of version 1 to version 2. Anything else stays, for the checks. */
export function upgradeResult(
  value: Record<string, unknown>,
): Record<string, unknown> {
  const { schema, run } = value;
  const [, kind] = /^(earshot\.(?:report|samples))\/1$/.exec(`${schema}`) ?? [];
  if (kind === undefined || !isRecord(run)) return value;
  try {
    const upgraded = upgradeRun(run as unknown as OldRun);
    return { ...value, schema: `${kind}/2`, run: upgraded };
  } catch {
    return value;
  }
}

/** Checks a report or a line, of either version. Unknown keys of a later one are kept. */
function checked(schema: z.ZodType, given: unknown, place: string): unknown {
  const value = isRecord(given) ? upgradeResult(given) : given;
  const { error } = schema.safeParse(value);
  if (!error) return value;
  const problems = error.issues.map(({ path, message }) => ({
    path: path.join("."),
    message,
  }));
  const [first] = problems;
  throw new UsageError(
    `${place}: '${first?.path}' is invalid: ${first?.message}`,
    { cause: error, problems },
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
