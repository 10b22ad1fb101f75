/** Returns the median: of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return (sorted[Math.floor(half)]! + sorted[Math.ceil(half)]!) / 2;
}

/** Rounds to the digits that are significant. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Formats a share as a percentage. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
