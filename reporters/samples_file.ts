import { splitLines } from "../lib/bytes.ts";
import {
  messageOf,
  type RunInfo,
  type Sample,
  type Skipped,
  type StageReport,
  UsageError,
} from "../plugins/mod.ts";
import { isRecord } from "../lib/record.ts";
import { type OldRun, upgradeRun } from "./older_files.ts";
import { savedLineSchema } from "./schema.ts";

/** First line of a file of samples: information available when the run began. */
export interface SavedRun extends RunInfo {
  /** Format and version. */
  readonly schema: "earshot.samples/2";
}

/** Line of a request with all observations. */
export interface SavedSample extends Sample {
  /** Format and version. */
  readonly schema: "earshot.sample/1";
}

/** Line at the end of a stage: information that samples do not contain. */
export interface SavedStage extends
  Pick<
    StageReport,
    "name" | "load" | "stop" | "window" | "stopped" | "client"
  > {
  /** Format and version. */
  readonly schema: "earshot.stage/1";
  /** Index of the stage, from 0. */
  readonly index: number;
  /** Number of arrivals that never started and have no sample. */
  readonly dropped: number;
}

/** Last line: a file without it was cut off. */
export interface SavedEnd {
  /** Format and version. */
  readonly schema: "earshot.end/1";
  /** Whether the run was interrupted before its end. */
  readonly interrupted: boolean;
  /** Items that could not be used. */
  readonly skipped: Skipped;
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
  for await (const { text, isWhole } of linesOf(path)) {
    number++;
    if (number === 1 && !text.includes("earshot.samples/")) {
      await refuseReport(path);
    }
    const place = `${path}: line ${number}`;
    const value = parseLine(text, place, isWhole);
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
async function refuseReport(path: string): Promise<void> {
  using file = await openFile(path);
  const start = new Uint8Array(200);
  const length = await file.read(start) ?? 0;
  const text = new TextDecoder().decode(start.subarray(0, length));
  if (!/^\s*\{\s*"schema"\s*:\s*"earshot\.report\//.test(text)) return;
  throw new UsageError(
    `${path}: is a report, which does not contain samples; use a file that a run saved with --report jsonl=FILE`,
  );
}

interface TextLine {
  readonly text: string;
  /** Whether the file contains the end of the line. */
  readonly isWhole: boolean;
}

async function* linesOf(path: string): AsyncGenerator<TextLine> {
  const file = await openFile(path);
  const decoder = new TextDecoder();
  try {
    for await (const bytes of splitLines(file.readable)) {
      const line = decoder.decode(bytes);
      const isWhole = line.endsWith("\n");
      yield { text: isWhole ? line.slice(0, -1) : line, isWhole };
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

function parseLine(text: string, place: string, isWhole: boolean): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!isWhole) return undefined;
    const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    throw new UsageError(
      `${place}: must be JSON, but was ${JSON.stringify(shown)}`,
      { cause },
    );
  }
}

/** Converts the first line of an older file to the present form. */
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
    `${place}: '${first?.path}' is not as earshot saves it: ${first?.message}`,
    { cause: result.error, problems },
  );
}

function checkOrder(line: SavedLine, place: string, number: number): void {
  if ((line.schema === "earshot.samples/2") === (number === 1)) return;
  throw new UsageError(
    `${place}: schema must be 'earshot.samples/2' in the first line only, but was '${line.schema}'`,
  );
}
