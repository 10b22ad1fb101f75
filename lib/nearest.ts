import { distance } from "fastest-levenshtein";

/**
 * The candidate that was most likely meant, for "did you mean": the one with the fewest edits, letter case aside, if
 * that is at most a third of its length, or one that begins with what was typed.
 *
 * @returns Undefined where none is near, or the name is a candidate itself.
 */
export function nearest(
  name: string,
  candidates: Iterable<string>,
): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate === name) return undefined;
    const known = candidate.toLowerCase();
    const begins = wanted.length >= 3 && known.startsWith(wanted);
    const steps = begins ? Math.min(1, known.length) : distance(wanted, known);
    if (steps < least && steps < Math.max(wanted.length, known.length)) {
      [best, least] = [candidate, steps];
    }
  }
  return best;
}
