import { UsageError } from "./errors.ts";

/**
 * One of several parts of a run that start at the same time, on other threads or machines. Each reads the same data
 * and the same arrivals and takes its share by position: every `count`-th, from `index` on.
 */
export interface Shard {
  /** From 0. */
  readonly index: number;
  /** Number of shards. */
  readonly count: number;
}

/** The only shard of a run. */
export const WHOLE: Shard = { index: 0, count: 1 };

/** @throws {UsageError} If the shard is not one of `count`. */
export function checkShard({ index, count }: Shard): void {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new UsageError(
      `shard.count must be a whole number from 1 on, but was ${count}`,
    );
  }
  if (!Number.isSafeInteger(index) || index < 0 || index >= count) {
    throw new UsageError(
      `shard.index must be a whole number from 0 to ${
        count - 1
      }, but was ${index}`,
    );
  }
}

/** Whether the item at a position belongs to a shard. */
export function isInShard(position: number, { index, count }: Shard): boolean {
  return position % count === index;
}

/** The items of a shard, in their order. */
export function* takeShard<T>(
  items: Iterable<T>,
  shard: Shard,
): Generator<T, void> {
  let position = 0;
  for (const item of items) if (isInShard(position++, shard)) yield item;
}

/** How many of `total` items belong to a shard. The shares of all shards add up to the total. */
export function shareOf(total: number, { index, count }: Shard): number {
  return Math.max(0, Math.ceil((total - index) / count));
}
