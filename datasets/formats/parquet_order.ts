import { random } from "../../plugins/mod.ts";
import { orderOf, type OrderOptions, shuffleInPlace } from "../order.ts";

/** Blocks that are held together, and the records that are read of them, in order. */
export interface Window {
  /** Indices of the blocks. */
  readonly blocks: readonly number[];
  /** The records: which of the window's blocks, and which record of the block. */
  records(): readonly Place[];
}

/** Where a record is. */
export interface Place {
  /** Index in the window's `blocks`. */
  readonly block: number;
  /** Index in the block. */
  readonly row: number;
}

/** What needs to be known of a block. */
export interface BlockSize {
  readonly rows: number;
  readonly bytes: number;
}

/** Shuffled records are drawn from blocks of about this size together. */
const WINDOW_BYTES = 2 ** 26;

/**
 * In which order to read blocks and their records, without ever holding more than a window of them: shuffled, the
 * blocks are put in an order, as many of them as fit in a window are taken at a time, and the records of these are
 * mixed. What fits in one window is shuffled as if it were a list. Every pass has the same windows with the same
 * records, in an order of its own.
 */
export function windowsOf(
  blocks: readonly BlockSize[],
  order: OrderOptions,
  windowBytes = WINDOW_BYTES,
): Window[] {
  const { shuffle, limit = Infinity, seed, pass } = order;
  if (!shuffle) return inTurn(blocks, limit);
  const drawn = orderOf(blocks.length, { shuffle, seed, pass: 0 });
  const windows: Window[] = [];
  let left = limit;
  for (const taken of grouped(drawn, blocks, windowBytes)) {
    if (left <= 0) break;
    const index = windows.length;
    const rows = taken.map((block) => blocks[block]!.rows);
    const keep = Math.min(left, rows.reduce((sum, each) => sum + each, 0));
    left -= keep;
    windows.push({
      blocks: taken,
      records: () => mixed(rows, { index, keep, seed, pass }),
    });
  }
  if (pass > 0) shuffleInPlace(windows, random(seed, `windows/${pass}`));
  return windows;
}

function inTurn(blocks: readonly BlockSize[], limit: number): Window[] {
  const windows: Window[] = [];
  let left = limit;
  for (const [block, { rows }] of blocks.entries()) {
    if (left <= 0) break;
    const keep = Math.min(left, rows);
    left -= keep;
    windows.push({ blocks: [block], records: () => placesIn([keep]) });
  }
  return windows;
}

/** As many blocks at a time as fit, one at least. */
function* grouped(
  drawn: readonly number[],
  blocks: readonly BlockSize[],
  windowBytes: number,
): Generator<number[]> {
  let taken: number[] = [];
  let size = 0;
  for (const block of drawn) {
    const { bytes } = blocks[block]!;
    if (taken.length > 0 && size + bytes > windowBytes) {
      yield taken;
      taken = [];
      size = 0;
    }
    taken.push(block);
    size += bytes;
  }
  if (taken.length > 0) yield taken;
}

interface Mixing {
  readonly index: number;
  readonly keep: number;
  readonly seed: number;
  readonly pass: number;
}

function mixed(
  rows: readonly number[],
  { index, keep, seed, pass }: Mixing,
): Place[] {
  const places = placesIn(rows);
  shuffleInPlace(places, random(seed, `window/${index}/0`));
  const kept = places.slice(0, keep);
  if (pass > 0) shuffleInPlace(kept, random(seed, `window/${index}/${pass}`));
  return kept;
}

function placesIn(rows: readonly number[]): Place[] {
  return rows.flatMap((count, block) =>
    Array.from({ length: count }, (_, row) => ({ block, row }))
  );
}
