/** A word of an utterance: right, or wrong in one of three ways. */
export type WordDifference =
  | readonly [kind: "same", word: string]
  | readonly [kind: "substituted", reference: string, hypothesis: string]
  | readonly [kind: "deleted", reference: string]
  | readonly [kind: "inserted", hypothesis: string];

/** Number of words of a text that are compared for the page; the word error rate is of whole texts. */
export const MAX_WORDS = 200;

/**
 * Aligns the words `a` of a reference with the words `b` of a hypothesis, with the fewest errors and then the fewest substitutions, as the word error rate does.
 */
export function wordDifferences(
  a: readonly string[],
  b: readonly string[],
): WordDifference[] {
  const width = b.length + 1;
  const unit = a.length + b.length + 1;
  const costs = costTable(a, b, unit);
  const differences: WordDifference[] = [];
  for (let i = a.length, j = b.length; i > 0 || j > 0;) {
    const cost = costs[i * width + j]!;
    const [expected, given] = [a[i - 1], b[j - 1]];
    const through = i > 0 && j > 0 ? costs[(i - 1) * width + j - 1]! : Infinity;
    if (expected !== undefined && expected === given && cost === through) {
      differences.push(["same", expected]);
      [i, j] = [i - 1, j - 1];
    } else if (i > 0 && cost === costs[(i - 1) * width + j]! + unit) {
      differences.push(["deleted", a[--i]!]);
    } else if (j > 0 && cost === costs[i * width + j - 1]! + unit) {
      differences.push(["inserted", b[--j]!]);
    } else {
      differences.push(["substituted", a[--i]!, b[--j]!]);
    }
  }
  return differences.reverse();
}

/** Levenshtein's table, row by row. A cost holds both counts: errors × unit + substitutions. */
function costTable(
  a: readonly string[],
  b: readonly string[],
  unit: number,
): Float64Array {
  const width = b.length + 1;
  const costs = new Float64Array((a.length + 1) * width);
  for (let j = 1; j < width; j++) costs[j] = j * unit;
  for (let i = 1; i <= a.length; i++) {
    costs[i * width] = i * unit;
    for (let j = 1; j < width; j++) {
      const at = i * width + j;
      const through = costs[at - width - 1]! +
        (a[i - 1] === b[j - 1] ? 0 : unit + 1);
      const step = Math.min(costs[at - 1]!, costs[at - width]!) + unit;
      costs[at] = Math.min(through, step);
    }
  }
  return costs;
}

/** Number of words that are wrong. */
export function countErrors(differences: readonly WordDifference[]): number {
  return differences.filter(([kind]) => kind !== "same").length;
}
