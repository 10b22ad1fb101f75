import { orderOf, type OrderOptions, reorder } from "./order.ts";

/** Reads items in the order that seed and pass fix. */
export async function* listed<Item>(
  count: number,
  order: OrderOptions,
  read: (i: number) => Promise<Item>,
): AsyncGenerator<Item> {
  for (const i of orderOf(count, order)) yield await read(i);
}

/**
 * Reads items in the order that seed and pass fix. Where `read` makes nothing of one it is passed over, and the
 * limit counts the others: every pass keeps the same ones, those that pass 0 meets first.
 */
export async function* picked<Item>(
  count: number,
  { limit = Infinity, ...order }: OrderOptions,
  read: (i: number) => Promise<Item | undefined>,
): AsyncGenerator<Item> {
  const reshuffles = order.shuffle && order.pass > 0 && limit < count;
  const indexes = reshuffles
    ? reorder(await firstOf(count, { ...order, limit }, read), order)
    : orderOf(count, order);
  let kept = 0;
  for (const i of indexes) {
    const item = await read(i);
    if (item === undefined) continue;
    yield item;
    if (++kept >= limit) return;
  }
}

/** Which items pass 0 keeps. They are read for it, as nothing else tells what is made of them. */
async function firstOf<Item>(
  count: number,
  { limit = Infinity, ...order }: OrderOptions,
  read: (i: number) => Promise<Item | undefined>,
): Promise<number[]> {
  const kept: number[] = [];
  for (const i of orderOf(count, { ...order, pass: 0 })) {
    if (kept.length >= limit) break;
    if (await read(i) !== undefined) kept.push(i);
  }
  return kept;
}
