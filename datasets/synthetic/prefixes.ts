import { random } from "../../plugins/mod.ts";
import { openingsOf } from "./words.ts";
import type { Writer, Written } from "./writer.ts";

/** Texts that many sessions share. */
export interface PrefixBucket {
  /** How many tokens each of them has. */
  readonly tokens: number;
  /** How many different ones there are. */
  readonly count: number;
  /** How often sessions have one of these, in proportion to the weights of the other buckets. */
  readonly weight: number;
}

/** The prefix of each session, by its number; written when it is first asked for. */
export type Prefixes = (session: number) => Promise<Written>;

/** The prefixes for one seed. */
export function prefixesOf(
  buckets: readonly PrefixBucket[],
  { seed, writer }: { readonly seed: number; readonly writer: Writer },
): Prefixes {
  const opening = openingsOf(seed);
  const known = new Map<number, Promise<Written>>();
  async function write(tokens: number, at: number): Promise<Written> {
    const chance = random(seed, `synthetic/prefix/${at}`);
    // Below 0, where the prompts' own openings never get to.
    const text = await writer.write({
      tokens,
      chance,
      opening: opening(-1 - at),
    });
    return { text, tokens };
  }
  return (session) => {
    const chance = random(seed, `synthetic/prefix-of/${session}`);
    const { bucket, first } = drawBucket(buckets, chance());
    const at = first + Math.floor(chance() * bucket.count);
    const written = known.get(at) ?? write(bucket.tokens, at);
    known.set(at, written);
    return written;
  };
}

/** The bucket that a uniform number falls into, and how many prefixes those before it have. */
function drawBucket(buckets: readonly PrefixBucket[], uniform: number) {
  const total = buckets.reduce((sum, { weight }) => sum + weight, 0);
  let left = uniform * total;
  let first = 0;
  let drawn = { bucket: buckets[0]!, first };
  for (const bucket of buckets) {
    if (bucket.weight > 0) drawn = { bucket, first };
    if (left < bucket.weight) break;
    left -= bucket.weight;
    first += bucket.count;
  }
  return drawn;
}
