import { random } from "../../plugins/mod.ts";
import { openingsOf } from "./words.ts";
import type { CountedText, Writer } from "./writer.ts";

/** A group of prefixes of one length. */
export interface PrefixGroup {
  /** Number of tokens of each prefix. */
  readonly tokens: number;
  /** Number of different prefixes. */
  readonly count: number;
  /** How often sessions use this group, in proportion to the weights of the others. */
  readonly weight: number;
}

/** Returns the prefix of a session, by its number. A prefix is written when it is first used. */
export type Prefixes = (session: number) => Promise<CountedText>;

/** Creates the prefixes for one seed. */
export function prefixesOf(
  groups: readonly PrefixGroup[],
  { seed, writer }: { readonly seed: number; readonly writer: Writer },
): Prefixes {
  const openings = openingsOf(seed);
  const written = new Map<number, Promise<CountedText>>();
  async function write(tokens: number, index: number): Promise<CountedText> {
    const text = await writer.write({
      tokens,
      random: random(seed, `synthetic/prefix/${index}`),
      // Below 0, where the openings of prompts never are.
      opening: openings(-1 - index),
    });
    return { text, tokens };
  }
  return (session) => {
    const draw = random(seed, `synthetic/prefix-of/${session}`);
    const { group, first } = drawGroup(groups, draw());
    const index = first + Math.floor(draw() * group.count);
    const prefix = written.get(index) ?? write(group.tokens, index);
    written.set(index, prefix);
    return prefix;
  };
}

/** Returns the group that a uniform number falls into, and the number of prefixes of the groups before it. */
function drawGroup(groups: readonly PrefixGroup[], uniform: number) {
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  let left = uniform * total;
  let first = 0;
  let drawn = { group: groups[0]!, first };
  for (const group of groups) {
    if (group.weight > 0) drawn = { group, first };
    if (left < group.weight) break;
    left -= group.weight;
    first += group.count;
  }
  return drawn;
}
