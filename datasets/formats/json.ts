import { isRecord } from "../../lib/record.ts";
import { messageOf, UsageError } from "../../plugins/mod.ts";
import { quotedNames } from "../../lib/text.ts";
import { openBytes, refuseUtf16 } from "./file_bytes.ts";
import {
  isBlank,
  lineFormat,
  type Manifest,
  type ManifestFormat,
  manifestOf,
  type ManifestOptions,
  noRecords,
  openManifest,
  type RecordResult,
  type Row,
} from "./manifest.ts";

/** JSON Lines: an object per line. Blank lines are skipped. */
export function jsonlFormat(): ManifestFormat {
  return lineFormat((bytes) => {
    const value = parseJson(bytes, "each line");
    if (isRecord(value)) return value;
    throw new UsageError(notObject("line", value));
  });
}

/** Options for opening a JSON file. */
export interface JsonOptions extends ManifestOptions {
  /** The key of the file's object that holds the records. @default {found} */
  readonly rows?: string | undefined;
}

/** Largest JSON file, in bytes: it is parsed in memory, which takes several times its size. */
const MAX_BYTES = 2 ** 28;
/** Bytes in which the first line is looked for. */
const HEAD_BYTES = 2 ** 20;

/**
 * Opens a JSON file: an array of objects, an object with such an array, an object with an array for each column, an
 * object per line, or one record.
 *
 * @throws {UsageError} If it has another shape, is larger than 256 MiB and not JSON Lines, or has no records.
 */
export async function openJson(
  path: string,
  { rows, ...options }: JsonOptions,
): Promise<Manifest> {
  const bytes = await readJson(path, rows);
  if (bytes === "lines") return openManifest(path, jsonlFormat(), options);
  if (isBlank(bytes)) throw noRecords(path);
  const value = parseJson(bytes, `${path}: the file`);
  const records = recordsIn(path, value, rows);
  return manifestOf(path, records.map(recordOf));
}

/** The file's bytes, or `lines` if each of its lines is a record. */
async function readJson(
  path: string,
  rows?: string,
): Promise<Uint8Array | "lines"> {
  const file = await openBytes(path);
  try {
    await refuseUtf16(path, file);
    const { size } = file;
    const head = new TextDecoder().decode(
      await file.read(0, Math.min(size, HEAD_BYTES)),
    );
    if (rows === undefined && holdsLines(head)) return "lines";
    if (size <= MAX_BYTES) return await file.read(0, size);
    const list = head.trimStart().startsWith("[") ? "" : rows ?? "KEY";
    throw new UsageError(
      `${path}: a JSON file must have at most ${MAX_BYTES} bytes, but has ${size}; convert it to JSON Lines: jq -c '.${list}[]' ${path} > records.jsonl`,
    );
  } finally {
    await file.close();
  }
}

/** Whether the first line is a JSON object by itself and another one follows. */
function holdsLines(head: string): boolean {
  const text = head.trimStart();
  const end = text.indexOf("\n");
  if (end < 0 || !text.startsWith("{")) return false;
  if (!text.slice(end).trimStart().startsWith("{")) return false;
  try {
    return isRecord(parseText(text.slice(0, end)));
  } catch {
    return false;
  }
}

/** Keys that usually hold the records. The first of them in the file is taken, whatever else the file has. */
const USUAL_KEYS = "data rows items records examples instances samples".split(
  " ",
);

/** Keys whose lists are one chat: an object that has one is a record itself. */
const CHATS = ["messages", "conversation", "conversations"];

/** The records in a JSON value. */
function recordsIn(
  path: string,
  value: unknown,
  rows?: string,
): readonly unknown[] {
  if (rows === undefined && Array.isArray(value)) return value;
  if (!isRecord(value)) {
    const rule = rows === undefined ? "array or object" : "object with 'rows'";
    throw new UsageError(
      `${path}: the file must be a JSON ${rule}, but was ${kindOf(value)}`,
    );
  }
  if (rows === undefined) return recordsInObject(path, value);
  const list = value[rows];
  if (Array.isArray(list)) return list;
  throw new UsageError(
    `rows: ${path} must be an object with an array under ${
      JSON.stringify(rows)
    }, but has ${quotedNames(Object.keys(value))}`,
  );
}

function recordsInObject(path: string, object: Row): readonly unknown[] {
  const keys = Object.keys(object);
  const lists = keys.filter((key) => Array.isArray(object[key]));
  const listAt = (key: string) => object[key] as readonly unknown[];
  const tables = lists.filter((key) =>
    !CHATS.includes(key) && isRecord(listAt(key)[0])
  );
  const usual = tables.find((key) => USUAL_KEYS.includes(key.toLowerCase()));
  if (usual !== undefined) return listAt(usual);
  const isChat = lists.some((key) => CHATS.includes(key));
  if (isChat || lists.length === 0 && keys.length > 0) return [object];
  const hasOnlyLists = lists.length > 0 && lists.length === keys.length;
  if (tables.length === 1 && !(hasOnlyLists && lists.length > 1)) {
    return listAt(tables[0]!);
  }
  if (hasOnlyLists) return rowsOfColumns(path, object, keys);
  throw new UsageError(
    `${path}: the records must be an array of objects, or such an array under one key, which 'rows' may name, but the file has ${
      tables.length > 1
        ? `several: ${quotedNames(tables)}`
        : keys.length > 0
        ? quotedNames(keys)
        : "no keys"
    }`,
  );
}

/** The records of an object that has an array for each column. */
function rowsOfColumns(
  path: string,
  object: Row,
  names: readonly string[],
): Row[] {
  const columns = names.map((name) => object[name] as readonly unknown[]);
  const count = columns[0]!.length;
  const odd = columns.findIndex(({ length }) => length !== count);
  if (odd >= 0) {
    throw new UsageError(
      `${path}: the columns must have one length, unless 'rows' names the list of records, but were ${count} in ${
        JSON.stringify(names[0])
      } and ${columns[odd]!.length} in ${JSON.stringify(names[odd])}`,
    );
  }
  return columns[0]!.map((_, row) =>
    Object.fromEntries(names.map((name, i) => [name, columns[i]![row]]))
  );
}

function recordOf(value: unknown, i: number): RecordResult {
  const line = i + 1;
  if (!isRecord(value)) return { line, problem: notObject("record", value) };
  // A record as Hugging Face's dataset viewer wraps it.
  const { row } = value;
  return { line, row: "row_idx" in value && isRecord(row) ? row : value };
}

function notObject(subject: string, value: unknown): string {
  return `each ${subject} must be a JSON object, but was ${kindOf(value)}`;
}

/** @throws {UsageError} If the bytes are not JSON. */
function parseJson(bytes: Uint8Array, subject: string): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // The parser quotes the text around an error, which should not contain a line break.
    return parseText(text.trim());
  } catch (cause) {
    throw new UsageError(
      `${subject} must be JSON in UTF-8: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** Parses JSON. `NaN` and the infinities, which Python writes and JSON does not have, become `null`. */
function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const mended = text.replace(
      STRINGS_AND_NUMBERS,
      (token) => token.startsWith('"') ? token : "null",
    );
    if (mended === text) throw error;
    return JSON.parse(mended);
  }
}

/** Strings, and the numbers of Python that JSON does not have. */
const STRINGS_AND_NUMBERS =
  /"(?:[^"\\]|\\[^])*(?:"|\\?$)|-?\bInfinity\b|\bNaN\b/g;

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
