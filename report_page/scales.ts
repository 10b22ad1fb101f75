/** Range of a logarithmic axis with the values that it labels. */
export interface LogScale {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
}

/** Steps of a power of ten that an axis labels, from many to few. */
const STEPS = [[1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]];

/**
 * Returns a logarithmic range around some positive values, with a little room, and at most `most` labels at round values.
 * Values that are not positive have no place on it.
 */
export function logScale(values: Iterable<number>, most = 7): LogScale {
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of values) {
    if (!(value > 0 && Number.isFinite(value))) continue;
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  if (least > greatest) [least, greatest] = [1, 10];
  // At least a third of a power of ten, so that noise does not fill the axis.
  const center = Math.sqrt(least * greatest);
  const min = Math.min(least / 1.1, center / 1.5);
  const max = Math.max(greatest * 1.1, center * 1.5);
  const all = STEPS.map((steps) => ticksBetween(min, max, steps));
  const [densest, sparsest] = [all[0]!, all.at(-1)!];
  const ticks = all.find(({ length }) => length >= 2 && length <= most) ??
    thinned(sparsest.length > most ? sparsest : densest, most);
  return { min, max, ticks };
}

function ticksBetween(
  min: number,
  max: number,
  steps: readonly number[],
): number[] {
  const ticks: number[] = [];
  const last = Math.floor(Math.log10(max));
  for (let power = Math.floor(Math.log10(min)); power <= last; power++) {
    for (const step of steps) {
      const tick = Number(`${step}e${power}`);
      if (tick >= min && tick <= max) ticks.push(tick);
    }
  }
  return ticks;
}

function thinned(ticks: readonly number[], most: number): number[] {
  const every = Math.ceil(ticks.length / most);
  return ticks.filter((_, i) => i % every === 0);
}
