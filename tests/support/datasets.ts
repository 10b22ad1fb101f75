import { dirname, join } from "node:path";
import { encodeWav } from "../../audio/mod.ts";
import type {
  Configured,
  Dataset,
  OpenContext,
  Reading,
  Session,
} from "../../plugins/mod.ts";

/** A temporary folder of files, removed when it is disposed. */
export interface TempFolder extends AsyncDisposable {
  readonly path: string;
  /** Returns the path of a file in it. */
  at(name: string): string;
}

/** Creates a folder with the given files. */
export async function tempFolder(
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<TempFolder> {
  const path = await Deno.makeTempDir({ prefix: "earshot-datasets-" });
  for (const [name, content] of Object.entries(files)) {
    const to = join(path, name);
    await Deno.mkdir(dirname(to), { recursive: true });
    await (typeof content === "string"
      ? Deno.writeTextFile(to, content)
      : Deno.writeFile(to, content));
  }
  return {
    path,
    at: (name) => join(path, name),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** A WAV file of a given length. Different `pitchHz` make different files. */
export function tone(
  durationMs: number,
  { pitchHz = 440, rateHz = 8000 } = {},
): Uint8Array<ArrayBuffer> {
  const samples = Math.round(durationMs * rateHz / 1000);
  const pcm16 = Int16Array.from(
    { length: samples },
    (_, i) => 9000 * Math.sin(2 * Math.PI * pitchHz * i / rateHz),
  );
  return encodeWav(pcm16, rateHz);
}

/** A picture of one pixel. */
export const PNG: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);

/** Opens a dataset as a run does. */
export async function openDataset(
  configured: Configured<"dataset">,
  warn: OpenContext["warn"] = CONTEXT.warn,
): Promise<Dataset & AsyncDisposable> {
  const dataset = await configured.open({ ...CONTEXT, warn });
  return {
    ...dataset,
    [Symbol.asyncDispose]: async () => await dataset[Symbol.asyncDispose]?.(),
  };
}

const CONTEXT: OpenContext = {
  env: () => undefined,
  signal: new AbortController().signal,
  warn() {},
};

/** Options of a reading. */
export interface ReadOptions extends Partial<Reading> {
  /** Number of sessions to read. @default {all} */
  readonly take?: number;
}

/** Reads the sessions of one pass. */
export async function read(
  dataset: Dataset,
  { take = Infinity, seed = 1, pass = 0, signal = CONTEXT.signal }:
    ReadOptions = {},
): Promise<Session[]> {
  const sessions: Session[] = [];
  for await (const session of dataset.sessions({ seed, pass, signal })) {
    sessions.push(session);
    if (sessions.length >= take) break;
  }
  return sessions;
}

/** Opens a dataset, reads one pass of it and closes it. */
export async function readAll(
  configured: Configured<"dataset">,
  options: ReadOptions = {},
): Promise<Session[]> {
  await using dataset = await openDataset(configured);
  return await read(dataset, options);
}

/** Summary of each session: its id, then the reference or the problem. */
export function summaryOf(sessions: readonly Session[]): unknown[] {
  return sessions.map(({ id, turns, problem }) =>
    problem === undefined
      ? [id, turns[0]?.columns.reference]
      : [id, { problem }]
  );
}
