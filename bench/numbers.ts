/** The middle value; the mean of the two in the middle of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return (sorted[Math.floor(half)]! + sorted[Math.ceil(half)]!) / 2;
}

/** Cuts digits that mean nothing. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** A share, for people. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
