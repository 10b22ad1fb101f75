import { isUsageError, messageOf, UsageError } from "../../plugins/mod.ts";
import { openBytes } from "./file_bytes.ts";
import type { Manifest, Met, RowsOptions } from "./manifest.ts";
import type { Row } from "./manifest_format.ts";
import { type Block, openParquet, type ParquetFile } from "./parquet.ts";
import { type Window, windowsOf } from "./parquet_order.ts";
import type { RandomBytes } from "./parquet_footer.ts";
import { openRowsThread, type RowsReader } from "./parquet_reader.ts";
import { readAhead } from "../../lib/read_ahead.ts";

/** The first records, to tell what is in a column. */
const HEAD = 100;

/** Windows that are held at a time: the one that is read, and the next on its way. */
const AHEAD = 2;
/** Blocks of a window that are fetched at a time. */
const AT_ONCE = 8;

/**
 * Opens a Parquet file as a manifest. Of a file that was cut short, or whose first records are damaged, it tells
 * here; of a later damaged page when its records come. Never holds more than two windows of records.
 *
 * @throws {UsageError} If it cannot be read, has no records, or was cut short.
 */
export async function openParquetManifest(path: string): Promise<Manifest> {
  await using stack = new AsyncDisposableStack();
  const file = await openBytes(path);
  stack.defer(() => file.close());
  const reader = stack.use(openRowsThread());
  const manifest = await opened(path, file, reader);
  const held = stack.move();
  return {
    ...manifest,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function opened(
  path: string,
  file: RandomBytes,
  reader: RowsReader,
): Promise<Manifest> {
  try {
    return await parquetManifest([await openParquet(path, file, { reader })]);
  } catch (error) {
    // The records that tell what is in a column are read now: where they are damaged, that is the file's fault.
    throw isUsageError(error)
      ? error
      : new UsageError(messageOf(error), { cause: error });
  }
}

/**
 * Several Parquet files with the same columns, as one manifest. A record's line is its number in all of them.
 *
 * @throws {UsageError} If they have no records, or differ in their columns.
 */
export async function parquetManifest(
  files: readonly [ParquetFile, ...ParquetFile[]],
  signal?: AbortSignal,
): Promise<Manifest> {
  const [first] = files;
  for (const file of files) mustBeAlike(first, file);
  const count = files.reduce((sum, file) => sum + file.count, 0);
  if (count === 0) {
    throw new UsageError(
      `Cannot read ${first.name} as it must have a record: current value has none`,
    );
  }
  const filled = files.find((file) => file.count > 0) ?? first;
  return {
    columns: first.columns,
    head: await filled.head(HEAD, signal),
    count,
    rows: (reading) => rowsOf(files, reading),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function* rowsOf(
  files: readonly ParquetFile[],
  { columns, signal, ...order }: RowsOptions,
): AsyncGenerator<Met> {
  const blocks = numbered(files.flatMap((file) => file.blocks(columns)));
  const over = new AbortController();
  const ends = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  const loaded = readAhead(
    windowsOf(blocks, order),
    (window) => load(window, { blocks, signal: ends }),
    { ahead: AHEAD, signal: ends },
  );
  for await (const { window, held } of loaded) {
    if (ends.aborted) return;
    let isRead = false;
    try {
      for (const { block, row } of window.records()) {
        yield metIn(held[block]!, row);
      }
      isRead = true;
    } finally {
      // Whoever stops reading does not wait for what is under way.
      if (!isRead) over.abort();
    }
  }
}

/** A block and the number of records before it. */
type Numbered = Block & { readonly before: number };

function numbered(blocks: readonly Block[]): Numbered[] {
  let before = 0;
  return blocks.map((block) => {
    const { rows } = block;
    before += rows;
    return { ...block, before: before - rows };
  });
}

/** A block's records, or why it has none. */
interface Held {
  readonly before: number;
  readonly rows: readonly Row[] | string;
}

async function load(
  window: Window,
  { blocks, signal }: {
    readonly blocks: readonly Numbered[];
    readonly signal: AbortSignal;
  },
): Promise<{ window: Window; held: Held[] }> {
  const held = readAhead(window.blocks, async (index) => {
    const block = blocks[index]!;
    // What cannot be read is a problem of its records alone.
    const rows = await block.read(signal).catch(messageOf);
    return { before: block.before, rows };
  }, { ahead: AT_ONCE, signal });
  return { window, held: await Array.fromAsync(held) };
}

function metIn({ before, rows }: Held, row: number): Met {
  const line = before + row + 1;
  if (typeof rows === "string") return { line, problem: rows };
  return { line, row: rows[row]! };
}

function mustBeAlike(first: ParquetFile, file: ParquetFile): void {
  const missing = first.columns.find((name) => !file.columns.includes(name));
  if (missing === undefined) return;
  throw new UsageError(
    `Cannot read ${file.name} as it must have the columns of ${first.name}: current value has no ${
      JSON.stringify(missing)
    }`,
  );
}
