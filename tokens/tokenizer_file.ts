import { dirname, join } from "node:path";

/** What a tokenizer is made of, as its files have it. */
export interface TokenizerFile {
  /** The content of `tokenizer.json`. */
  readonly tokenizer: Readonly<Record<string, unknown>>;
  /** The content of `tokenizer_config.json`; empty where there is none. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Reads a `tokenizer.json`, or the one in a folder, and the `tokenizer_config.json` beside it where there is one.
 *
 * @throws {Error} If there is none, or it is no JSON object.
 */
export async function readTokenizerFile(path: string): Promise<TokenizerFile> {
  const { isDirectory } = await statOf(path);
  const file = isDirectory ? join(path, "tokenizer.json") : path;
  const tokenizer = await objectIn(file);
  if (tokenizer === undefined) {
    throw new Error(
      `Cannot open a tokenizer as the folder must hold a tokenizer.json: current value is ${path}`,
    );
  }
  const beside = join(dirname(file), "tokenizer_config.json");
  return { tokenizer, config: await objectIn(beside) ?? {} };
}

async function statOf(path: string): Promise<Deno.FileInfo> {
  const found = await Deno.stat(path).catch(unlessNotFound);
  if (found) return found;
  const rule = "there must be such a file or folder";
  throw new Error(
    `Cannot open a tokenizer as ${rule}: current value is ${path}`,
  );
}

/** The JSON object in a file; undefined if there is no such file. */
async function objectIn(
  file: string,
): Promise<Record<string, unknown> | undefined> {
  const text = await Deno.readTextFile(file).catch(unlessNotFound);
  return text === undefined ? undefined : parsed(text, file);
}

function parsed(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message would repeat what is in the file.
    throw refused(file, text === "" ? "empty" : "no JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  const found = Array.isArray(value) ? "a list" : `a ${typeof value}`;
  throw refused(file, value === null ? "null" : found);
}

function refused(file: string, found: string): Error {
  return new Error(
    `Cannot read ${file} as it must hold a JSON object: current value is ${found}`,
  );
}

function unlessNotFound(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
