import { UsageError } from "../../plugins/mod.ts";
import type { FileManifest } from "./manifest.ts";
import type { Row } from "./manifest_format.ts";
import { listed, picked } from "../picked.ts";

/** Records that are looked at to tell what is in a column. */
const HEAD = 100;

/**
 * A manifest of records that are in memory.
 *
 * @param path The file that they come from, for errors.
 * @throws {UsageError} If there are none.
 */
export function manifestOf(path: string, rows: readonly Row[]): FileManifest {
  if (rows.length === 0) {
    throw new UsageError(
      `Cannot read ${path} as it must have a record: current value has none`,
    );
  }
  const read = (i: number) => Promise.resolve({ line: i + 1, row: rows[i]! });
  const items: FileManifest["items"] = (order, make) =>
    picked(rows.length, order, async (i) => make(await read(i)));
  return {
    columns: [...new Set(rows.flatMap((row) => Object.keys(row)))],
    head: rows.slice(0, HEAD),
    count: rows.length,
    items,
    rows: (order) => listed(rows.length, order, read),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
