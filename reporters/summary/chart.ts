const BARS = "▁▂▃▄▅▆▇█";

/**
 * Draws values over time as bars from 0 to the largest, in at most `width` characters. Neighbours that share a character
 * are averaged. An interval without a value is a space.
 */
export function drawTrend(
  values: readonly (number | null)[],
  width: number,
): string {
  const count = Math.min(values.length, Math.max(1, Math.floor(width)));
  const means = Array.from({ length: count }, (_, i) =>
    meanOf(values.slice(
      Math.floor(i * values.length / count),
      Math.floor((i + 1) * values.length / count),
    )));
  const largest = Math.max(0, ...means.map((mean) => mean ?? 0));
  return means.map((mean) => {
    if (mean === undefined) return " ";
    if (!(largest > 0)) return BARS[0];
    const height = Math.ceil(mean / largest * BARS.length);
    return BARS[Math.max(1, height) - 1];
  }).join("");
}

function meanOf(values: readonly (number | null)[]): number | undefined {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return undefined;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
