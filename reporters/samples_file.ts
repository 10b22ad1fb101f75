import { messageOf, UsageError } from "../plugins/mod.ts";
import type { SavedLine } from "./saved_line.ts";
import { savedLineSchema } from "./schema.ts";

export type {
  SavedEnd,
  SavedLine,
  SavedRun,
  SavedSample,
  SavedStage,
} from "./saved_line.ts";

/** How samples are read. */
export interface ReadSamplesOptions {
  /** Told what does not stop the reading: a file that was cut short. @default Says nothing */
  readonly warn?: (message: string) => void;
}

/**
 * Reads a file that the `jsonl` reporter wrote, line by line. A last line that was cut short, as
 * when the run was killed, is left out with a warning.
 *
 * @throws {UsageError} If the file cannot be read or is of another kind: the line is named.
 */
export async function* readSamples(
  path: string,
  { warn = () => {} }: ReadSamplesOptions = {},
): AsyncGenerator<SavedLine, void, undefined> {
  let number = 0;
  let last: SavedLine | undefined;
  for await (const { text, whole } of linesOf(path)) {
    number++;
    if (number === 1 && !text.includes("earshot.samples/")) {
      await refuseReport(path);
    }
    const place = `'${path}' line ${number}`;
    const value = parsed(text, place, whole);
    if (value === undefined) {
      warn(`Left out ${place}: it was cut short`);
      break;
    }
    last = checked(value, place);
    refuseOrder(last, place, number);
    yield last;
  }
  if (!last) throw new UsageError(`Cannot read samples as '${path}' has none`);
  if (last.schema !== "earshot.end/1") {
    warn(`'${path}' was cut short: its run did not come to its end`);
  }
}

/** A report is what one has at hand when samples are asked for. */
async function refuseReport(path: string): Promise<void> {
  using file = await opened(path);
  const start = new Uint8Array(200);
  const length = await file.read(start) ?? 0;
  const text = new TextDecoder().decode(start.subarray(0, length));
  if (!/^\s*\{\s*"schema"\s*:\s*"earshot\.report\//.test(text)) return;
  throw new UsageError(
    `Cannot read samples as they must come from a file that a run saved with --report jsonl=FILE: current value is '${path}', which is a report and no longer has them`,
  );
}

interface TextLine {
  readonly text: string;
  /** Whether its end is in the file. */
  readonly whole: boolean;
}

async function* linesOf(path: string): AsyncGenerator<TextLine> {
  const file = await opened(path);
  let rest: string[] = [];
  const text = file.readable.pipeThrough(new TextDecoderStream());
  try {
    for await (const piece of text) {
      const [first = "", ...others] = piece.split("\n");
      rest.push(first);
      for (const next of others) {
        yield { text: rest.join(""), whole: true };
        rest = [next];
      }
    }
  } catch (cause) {
    throw unreadable(path, cause); // a folder can be opened, but not read
  }
  const end = rest.join("");
  if (end !== "") yield { text: end, whole: false };
}

async function opened(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): UsageError {
  return new UsageError(
    `samples must be a readable file, but was '${path}' (${messageOf(cause)})`,
    { cause },
  );
}

function parsed(text: string, place: string, whole: boolean): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!whole) return undefined;
    throw new UsageError(
      `Cannot read ${place} as it must be JSON: current value is ${
        excerpt(text)
      }`,
      { cause },
    );
  }
}

/** What is not known of a later version stays in. */
function checked(value: unknown, place: string): SavedLine {
  const result = savedLineSchema.safeParse(value);
  if (result.success) return value as SavedLine;
  const problems = result.error.issues.map(({ path, message }) => ({
    path: path.join("."),
    message,
  }));
  const [first] = problems;
  throw new UsageError(
    `Cannot read ${place} as '${first?.path}' is not as saved by earshot: ${first?.message}`,
    { cause: result.error, problems },
  );
}

function refuseOrder(line: SavedLine, place: string, number: number): void {
  if ((line.schema === "earshot.samples/1") === (number === 1)) return;
  throw new UsageError(
    `Cannot read ${place} as 'earshot.samples/1' must be the schema of the first line and of no other: current value is '${line.schema}'`,
  );
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
