import { isUsageError, messageOf, UsageError } from "../../plugins/mod.ts";
import { type FileBytes, openBytes, refuseUtf16 } from "./file_bytes.ts";
import { BYTE, jsonCursor } from "./json_cursor.ts";
import { jsonFormat, keysOf } from "./json_format.ts";
import { jsonlFormat, parseJson } from "./jsonl.ts";
import {
  type FileManifest,
  type ManifestOptions,
  openManifest,
} from "./manifest.ts";
import { manifestOf } from "./manifest_rows.ts";
import type { Row } from "./manifest_format.ts";

/** How a JSON file is opened. */
export interface JsonManifestOptions extends ManifestOptions {
  /** Which key of the file's object holds the records. @default {found} */
  readonly rows?: string | undefined;
}

/** What a JSON file turned out to hold. */
type Shape =
  | { readonly kind: "array" | "lines" | "columns" | "one" }
  | { readonly kind: "rows"; readonly key: string };

/** Keys that records are kept under: the first that is met counts, whatever else there is. */
const USUAL: readonly string[] = [
  "data",
  "rows",
  "items",
  "records",
  "examples",
  "instances",
  "samples",
];

/** Lists that are one chat, and no records: the file's object is a record itself. */
const CHATS: readonly string[] = ["messages", "conversation", "conversations"];

/** What is no list of records is held as a whole, so it must be a file that can be. */
const MAX_WHOLE_BYTES = 2 ** 28;

/**
 * Opens a JSON file: an array of objects, an object with such an array, an object with an array for each column, an
 * object in each line, or one record alone.
 *
 * @throws {UsageError} If it is none of these, has no records, or a record is wrong.
 */
export async function openJson(
  path: string,
  { rows, ...options }: JsonManifestOptions,
): Promise<FileManifest> {
  const shape = rows === undefined
    ? await shapeOf(path)
    : { kind: "rows", key: rows } as const;
  if (shape.kind === "one") return manifestOf(path, [await wholeOf(path)]);
  if (shape.kind === "columns") {
    return manifestOf(path, columnsIn(path, await wholeOf(path)));
  }
  const format = shape.kind === "lines"
    ? jsonlFormat()
    : jsonFormat(shape.kind === "rows" ? shape.key : undefined);
  return await openManifest(path, format, options);
}

async function shapeOf(path: string): Promise<Shape> {
  const file = await openBytes(path);
  try {
    await refuseUtf16(path, file);
    return await lookedInto(file);
  } catch (cause) {
    if (isUsageError(cause)) throw cause;
    throw new UsageError(`Cannot read ${path} as ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    await file.close();
  }
}

async function lookedInto(file: FileBytes): Promise<Shape> {
  const cursor = jsonCursor(file.all());
  const first = await cursor.peek();
  if (first === undefined) {
    throw new Error("it must have a record: current value has none");
  }
  if (first === BYTE.openArray) return { kind: "array" };
  if (first !== BYTE.openObject) {
    throw new Error(
      `it must hold a JSON array or object: current value begins with ${
        JSON.stringify(String.fromCharCode(first))
      }`,
    );
  }
  const lists: string[] = [];
  const others: string[] = [];
  const tables: string[] = [];
  for await (const key of keysOf(cursor)) {
    const isList = await cursor.peek() === BYTE.openArray;
    (isList ? lists : others).push(key);
    if (isList && !CHATS.includes(key)) {
      await cursor.skip();
      const holdsObjects = await cursor.peek() === BYTE.openObject;
      if (holdsObjects && USUAL.includes(key.toLowerCase())) {
        return { kind: "rows", key };
      }
      if (holdsObjects) tables.push(key);
      await cursor.rest();
    } else await cursor.value({ keep: false });
  }
  if (await cursor.peek() === BYTE.openObject) return { kind: "lines" };
  if (isOne(lists, others)) return { kind: "one" };
  if (tables.length === 1 && lists.length === 1) {
    return { kind: "rows", key: tables[0]! };
  }
  if (lists.length > 0 && others.length === 0) return { kind: "columns" };
  if (tables.length === 1) return { kind: "rows", key: tables[0]! };
  throw new Error(
    `its records must be an array of objects, or such an array under one key of its object, which 'rows' may name: ${
      told(tables, [...lists, ...others])
    }`,
  );
}

function told(tables: readonly string[], keys: readonly string[]): string {
  const list = (names: readonly string[]) =>
    names.slice(0, 20).map((name) => JSON.stringify(name)).join(", ");
  return tables.length > 1
    ? `current value has several, ${list(tables)}`
    : `current value has ${list(keys) || "no keys"}`;
}

/** Whether an object without records is one: a chat, or nothing but single values. */
function isOne(lists: readonly string[], others: readonly string[]): boolean {
  return lists.some((key) => CHATS.includes(key)) ||
    (lists.length === 0 && others.length > 0);
}

/** The records of a file that has an array for each column. */
function columnsIn(path: string, whole: Row): Row[] {
  const columns = whole as Readonly<Record<string, readonly unknown[]>>;
  const names = Object.keys(columns);
  const lengthOf = (name: string) => columns[name]?.length ?? 0;
  const count = lengthOf(names[0]!);
  const odd = names.find((name) => lengthOf(name) !== count);
  if (odd !== undefined) {
    throw new UsageError(
      `Cannot read ${path} as its columns must be of one length, unless 'rows' names the one with the records: current value is ${count} in ${
        JSON.stringify(names[0])
      } and ${lengthOf(odd)} in ${JSON.stringify(odd)}`,
    );
  }
  return Array.from(
    { length: count },
    (_, i) =>
      Object.fromEntries(names.map((name) => [name, columns[name]?.[i]])),
  );
}

/** A file's object, all of it. */
async function wholeOf(path: string): Promise<Row> {
  const { size } = await Deno.stat(path);
  if (size > MAX_WHOLE_BYTES) {
    throw new UsageError(
      `Cannot read ${path} as a file that is no list of records must have at most ${MAX_WHOLE_BYTES} bytes, since it cannot be read piece by piece: current value is ${size}`,
    );
  }
  try {
    return parseJson(await Deno.readFile(path)) as Row;
  } catch (cause) {
    throw new UsageError(
      `Cannot read ${path} as it must be JSON in UTF-8: ${messageOf(cause)}`,
      { cause },
    );
  }
}
