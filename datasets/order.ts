import { random } from "../plugins/mod.ts";

/** What fixes an order. */
export interface OrderOptions {
  readonly shuffle: boolean;
  readonly limit?: number | undefined;
  readonly seed: number;
  readonly pass: number;
}

/** Which of `count` items to read, in order: every pass keeps the same ones, those that pass 0 meets first. */
export function orderOf(
  count: number,
  { shuffle, limit = count, seed, pass }: OrderOptions,
): number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (!shuffle) return all.slice(0, limit);
  const first = reorder(all, { seed, pass: 0 });
  const kept = first.slice(0, limit);
  return pass > 0 ? reorder(kept, { seed, pass }) : kept;
}

/** A copy of items in an order of the pass's own. */
export function reorder<Item>(
  items: readonly Item[],
  { seed, pass }: Pick<OrderOptions, "seed" | "pass">,
): Item[] {
  const result = [...items];
  shuffleInPlace(result, random(seed, `shuffle/${pass}`));
  return result;
}

/** Fisher and Yates's shuffle: each order is as likely as any other. */
export function shuffleInPlace<Item>(
  items: Item[],
  chance: () => number,
): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(chance() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}
