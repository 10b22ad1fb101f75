import { z } from "zod";
import { random } from "../plugins/mod.ts";

/** The items that are read, and their order. The same seed gives the same order. */
export interface OrderingOptions {
  /** Whether each pass through the data has another order, drawn from the run's seed. @default {false} */
  shuffle?: boolean;
  /** Number of items to keep: the first ones, after shuffling. Every pass keeps the same. @default {all} */
  limit?: number;
}

/** The schema of {@linkcode OrderingOptions}. */
export const orderingShape = {
  shuffle: z.boolean().default(false).describe(
    "Read each pass in another order, drawn from the run's seed",
  ),
  limit: z.int().positive().optional().describe(
    "Number of items to keep, after shuffling; every pass keeps the same (default: all)",
  ),
};

/** Options that fix the order in which items are read. */
export interface OrderOptions {
  readonly shuffle: boolean;
  readonly limit?: number | undefined;
  readonly seed: number;
  readonly pass: number;
  /** Separates the random sequences of several lists. @default {"shuffle"} */
  readonly list?: string;
}

/** Indices of the items to read, in order. Every pass keeps the same items: the first ones of pass 0. */
export function orderOf(
  count: number,
  { limit = count, ...order }: OrderOptions,
): number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (!order.shuffle) return all.slice(0, limit);
  const kept = shuffled(all, { ...order, pass: 0 }).slice(0, limit);
  return order.pass > 0 ? shuffled(kept, order) : kept;
}

/** A copy of the items, shuffled by Fisher and Yates's method: every order is equally likely. */
function shuffled<Item>(
  items: readonly Item[],
  { seed, pass, list = "shuffle" }: OrderOptions,
): Item[] {
  const result = [...items];
  const chance = random(seed, `${list}/${pass}`);
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(chance() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
