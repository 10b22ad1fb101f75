import type { HistogramDetails } from "../reporters/html/stage_details.ts";

/** A bar of a histogram: the share of the values between its edges. */
export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

/** Number of bars of a histogram. */
const BARS = 40;

/**
 * Returns bars of equal width on a logarithmic axis. The values of a bucket that two bars share are divided by width. Values
 * that are not positive count as the smallest ones.
 */
export function logBars(histogram: HistogramDetails, bars = BARS): Bar[] {
  const buckets = positiveBuckets(histogram);
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (!first || !last) return [];
  const start = Math.log(first.from);
  // A single narrow bucket becomes one bar and not many.
  const width = Math.max(
    (Math.log(last.to) - start) / bars,
    Math.log(first.to) - start,
  );
  const count = Math.max(1, Math.ceil((Math.log(last.to) - start) / width));
  const shares = new Array<number>(count).fill(0);
  const n = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  for (const { from, to, count: values } of buckets) {
    const [low, high] = [Math.log(from) - start, Math.log(to) - start];
    for (let i = Math.floor(low / width); i < count; i++) {
      const overlap = Math.min(high, (i + 1) * width) -
        Math.max(low, i * width);
      if (overlap <= 0) break;
      shares[i]! += values / n * overlap / (high - low);
    }
  }
  return shares.map((share, i) => ({
    from: Math.exp(start + i * width),
    to: Math.exp(start + (i + 1) * width),
    share,
  }));
}

/** Points of the share of values that are at most a value, from 0 to 1. */
export function cumulative(
  histogram: HistogramDetails,
): (readonly [value: number, share: number])[] {
  const buckets = positiveBuckets(histogram);
  const [first] = buckets;
  if (!first) return [];
  const n = buckets.reduce((sum, { count }) => sum + count, 0);
  let sum = 0;
  return [
    [first.from, 0],
    ...buckets.map(({ to, count }) => [to, (sum += count) / n] as const),
  ];
}

function positiveBuckets({ from, to, counts }: HistogramDetails) {
  const buckets = from.map((lower, i) => ({
    from: lower > 0 ? lower : SMALLEST / 1.1,
    to: to[i]! > 0 ? Math.max(to[i]!, SMALLEST) : SMALLEST,
    count: counts[i]!,
  }));
  return buckets;
}

/** Place of the values that are not positive. */
const SMALLEST = 2 ** -10;

/** A named value on an axis. */
export interface Mark {
  readonly name: string;
  readonly value: number;
}

/** Share of an axis that the name of a mark needs. */
const NAME_WIDTH = 0.12;

/** Joins the names of marks that are too close for a name each: only the last one of such a group has a name, of all. */
export function joinMarks(
  marks: readonly Mark[],
  { min, max }: { readonly min: number; readonly max: number },
): Mark[] {
  const distance = (a: Mark, b: Mark) =>
    Math.log(b.value / a.value) / Math.log(max / min);
  let names: string[] = [];
  return marks.map((mark, i) => {
    names.push(mark.name);
    const next = marks[i + 1];
    if (next && distance(mark, next) < NAME_WIDTH) {
      return { ...mark, name: "" };
    }
    const name = names.join(" ");
    names = [];
    return { ...mark, name };
  });
}
