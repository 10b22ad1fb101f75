/** Returns a quantile of sorted values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)]!;
  const above = sorted[Math.ceil(place)]!;
  return below + (above - below) * (place - Math.floor(place));
}

/** Prints a line with the distribution of each set of values, in milliseconds. */
export function printDistributions(
  title: string,
  rows: Iterable<readonly [name: string, values: readonly number[]]>,
): void {
  const lines = [line(title, ["n", "min", "p50", "p95", "p99", "max"])];
  for (const [name, values] of rows) {
    const shares = [0, 0.5, 0.95, 0.99, 1].map((share) =>
      quantile(values, share).toFixed(2)
    );
    lines.push(line(name, [String(values.length), ...shares]));
  }
  console.log(lines.join("\n"));
}

function line(name: string, cells: readonly string[]): string {
  return name.padEnd(40) + cells.map((cell) => cell.padStart(8)).join("");
}
