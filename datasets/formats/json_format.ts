import { messageOf } from "../../plugins/mod.ts";
import { BYTE, type JsonCursor, jsonCursor } from "./json_cursor.ts";
import { jsonRow } from "./jsonl.ts";
import {
  type Entry,
  FileError,
  type ManifestFormat,
  type Row,
} from "./manifest_format.ts";
import { isRecord } from "../../lib/record.ts";

/**
 * JSON with its records in an array: the file's own, or that of a key of its object. No more of it is held than one
 * record, which is found by its brackets; a record by itself is read by the engine's own parser.
 *
 * @param key Which key of the file's object holds the records, where it is an object.
 */
export function jsonFormat(key?: string): ManifestFormat {
  return {
    mark: "#",
    row: recordOf,
    async *entries(bytes) {
      const cursor = jsonCursor(bytes);
      let count = 0;
      try {
        if (key !== undefined) await enter(cursor, key);
        for await (const entry of elements(cursor)) {
          count++;
          yield entry;
        }
        await end(cursor, key !== undefined);
      } catch (error) {
        // What came before it can be used all the same.
        const at = cursor.at();
        const row = () => {
          throw new FileError(messageOf(error), { cause: error });
        };
        yield { line: count + 1, start: at, end: at, row };
      }
    },
  };
}

/** A record. Those of Hugging Face's viewer are unwrapped. */
function recordOf(bytes: Uint8Array): Row {
  const row = jsonRow(bytes, "record");
  return "row_idx" in row && isRecord(row["row"]) ? row["row"] : row;
}

async function* elements(cursor: JsonCursor): AsyncGenerator<Entry> {
  await expect(cursor, BYTE.openArray, "the records must be in an array");
  if (await cursor.peek() === BYTE.closeArray) return await cursor.skip();
  for (let line = 1;; line++) {
    const { start, end, bytes } = await cursor.value();
    yield { line, start, end, row: () => recordOf(bytes) };
    if (await cursor.peek() === BYTE.closeArray) return await cursor.skip();
    await expect(cursor, BYTE.comma, "a comma must stand between records");
  }
}

/** Goes to the value of a key of the file's object. */
async function enter(cursor: JsonCursor, key: string): Promise<void> {
  for await (const found of keysOf(cursor)) {
    if (found === key) return;
    await cursor.value({ keep: false });
  }
  throw new Error(`the file's object must have ${JSON.stringify(key)}`);
}

/** Holds that nothing is left but the rest of the file's object. */
async function end(cursor: JsonCursor, isObject: boolean): Promise<void> {
  while (isObject && await cursor.peek() === BYTE.comma) {
    await cursor.skip();
    await keyOf(cursor);
    await cursor.value({ keep: false });
  }
  if (isObject) {
    await expect(cursor, BYTE.closeObject, "the file's object must be closed");
  }
  if (await cursor.peek() === undefined) return;
  throw new Error(
    "nothing may follow the records: a file with a record in each line is called .jsonl",
  );
}

/**
 * The keys of the file's object, each while the cursor stands before its value. The one who reads them goes past
 * the value.
 *
 * @throws {Error} If it is none, or cut off.
 */
export async function* keysOf(cursor: JsonCursor): AsyncGenerator<string> {
  await expect(
    cursor,
    BYTE.openObject,
    "'rows' must name a key of the file's object",
  );
  if (await cursor.peek() === BYTE.closeObject) return await cursor.skip();
  while (true) {
    yield await keyOf(cursor);
    if (await cursor.peek() === BYTE.closeObject) return await cursor.skip();
    await expect(cursor, BYTE.comma, "a comma must stand between keys");
  }
}

async function keyOf(cursor: JsonCursor): Promise<string> {
  const { bytes } = await cursor.value();
  const text = new TextDecoder().decode(bytes);
  await expect(cursor, BYTE.colon, "a colon must follow each key");
  try {
    return String(JSON.parse(text));
  } catch (cause) {
    throw new Error(`the file must be JSON: ${messageOf(cause)}`, { cause });
  }
}

async function expect(
  cursor: JsonCursor,
  byte: number,
  rule: string,
): Promise<void> {
  const found = await cursor.peek();
  if (found === byte) return await cursor.skip();
  const is = found === undefined
    ? "the file ends there"
    : `current value is ${JSON.stringify(String.fromCharCode(found))}`;
  throw new Error(`${rule}: ${is}`);
}
