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
  shuffleInPlace(all, random(seed, "shuffle/0"));
  const kept = all.slice(0, limit);
  if (pass > 0) shuffleInPlace(kept, random(seed, `shuffle/${pass}`));
  return kept;
}

/** Fisher and Yates's shuffle: each order is as likely as any other. */
function shuffleInPlace(items: number[], chance: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(chance() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}
