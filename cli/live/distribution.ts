import type { CompactHistogram } from "../../core/statistics/histogram.ts";

/** Values of a histogram, read once: its buckets that have values, in ascending order. */
export interface Distribution {
  /** Number of values. */
  readonly n: number;
  /** Middle of each bucket. */
  readonly middles: readonly number[];
  /** Number of values in each bucket. */
  readonly counts: readonly number[];
}

/** Reads a histogram. */
export function distributionOf(histogram: CompactHistogram): Distribution {
  const middles: number[] = [], counts: number[] = [];
  for (const { from, to, count } of histogram.ranges()) {
    middles.push((from + to) / 2);
    counts.push(count);
  }
  return { n: histogram.n, middles, counts };
}

/** The middle of the bucket in which the nearest rank to a quantile lies. `undefined` without values. */
export function quantileOf(
  { n, middles, counts }: Distribution,
  p: number,
): number | undefined {
  let above = Math.max(1, Math.ceil(p * n));
  const at = counts.findIndex((count) => (above -= count) <= 0);
  return middles[at];
}

/** A logarithmic axis of times in milliseconds. */
export interface Scale {
  readonly fromMs: number;
  readonly toMs: number;
  /** Number of columns. */
  readonly width: number;
}

/** Smallest time that an axis begins with: shorter ones are in its first column. */
const LEAST_MS = 0.01;

/** An axis that shows all values, from and to 1, 2 or 5 times a power of ten, so that it seldom changes. */
export function scaleOf(
  distributions: readonly Distribution[],
  width: number,
): Scale {
  let least = Infinity, most = LEAST_MS;
  for (const { middles } of distributions) {
    least = Math.min(least, middles[0] ?? Infinity);
    most = Math.max(most, middles.at(-1) ?? 0);
  }
  const fromMs = steps(Math.max(LEAST_MS, least)).below;
  return { fromMs, toMs: steps(Math.max(fromMs, most)).above, width };
}

/** The steps around a value: the largest at most that, the smallest above it. */
function steps(value: number): { below: number; above: number } {
  const power = 10 ** Math.floor(Math.log10(value));
  const all = [1, 2, 5, 10, 20].map((step) => step * power);
  const above = all.findIndex((step) => step > value);
  return { below: all[Math.max(0, above - 1)]!, above: all[above]! };
}

/** The column of a value. */
function columnOf(ms: number, { fromMs, toMs, width }: Scale): number {
  if (!(ms > fromMs)) return 0;
  const place = Math.log(ms / fromMs) / Math.log(toMs / fromMs);
  return Math.min(width - 1, Math.floor(place * width));
}

/** Labels of an axis in its width: both ends, and the powers of ten between them that have room. */
export function scaleLabels(scale: Scale): string {
  const { fromMs, toMs, width } = scale;
  const last = timeLabel(toMs);
  let line = timeLabel(fromMs);
  const end = width - last.length;
  const first = 10 ** Math.ceil(Math.log10(fromMs));
  for (let ms = first; ms < toMs; ms *= 10) {
    const label = timeLabel(ms), at = columnOf(ms, scale);
    if (at < line.length + 2 || at + label.length + 2 > end) continue;
    line = line.padEnd(at) + label;
  }
  return line.length < end ? line.padEnd(end) + last : line.slice(0, width);
}

function timeLabel(ms: number): string {
  const text = (value: number) => String(Number(value.toPrecision(1)));
  return ms < 1000 ? `${text(ms)} ms` : `${text(ms / 1000)} s`;
}

const BLOCKS = " ▁▂▃▄▅▆▇█";
const ASCII = " .:-=+*#@";

/** Draws a distribution as a line of blocks whose heights are relative to the highest. A single value is visible. */
export function drawDistribution(
  { middles, counts: given }: Distribution,
  scale: Scale,
  { isUnicode }: { readonly isUnicode: boolean },
): string {
  const counts = new Float64Array(scale.width);
  for (const [i, count] of given.entries()) {
    counts[columnOf(middles[i]!, scale)]! += count;
  }
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  const levels = [...isUnicode ? BLOCKS : ASCII];
  const highest = levels.length - 1;
  return Array.from(
    counts,
    (count) => levels[Math.ceil(highest * count / most)] ?? " ",
  ).join("");
}
