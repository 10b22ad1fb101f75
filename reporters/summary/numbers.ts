import type { Bounds, Unit } from "../../plugins/mod.ts";

/** Formats a number: one decimal below 10, two below 0.1, none above. Only 0 is shown as 0. */
export function rounded(value: number): string {
  const size = Math.abs(value);
  if (size >= 9_999_999.5) return value.toExponential(1);
  if (size >= 9.95) return value.toFixed(0);
  if (size > 0 && size < 0.0095) return value.toPrecision(1);
  return value.toFixed(size > 0 && size < 0.095 ? 2 : 1);
}

/** Formats a value of a metric: whole counts without decimals, ratios near 1 with two. */
export function formatValue(value: number, unit: Unit): string {
  if (unit === "ratio" && Math.abs(value) < 9.995) return value.toFixed(2);
  const counts = unit === "tokens" || unit === "count";
  return counts && Number.isInteger(value) && value < 1e7
    ? String(value)
    : rounded(value);
}

/** Formats a share as a percentage with one decimal below 100. Only 1 is shown as 100 %. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value === 0) return "0 %";
  if (value < 0.0095) return `${rounded(value)} %`;
  if (value > 99.9 && value < 100) return "> 99.9 %";
  const digits = value < 0.095 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} %`;
}

/** Formats a number of things: `1 request`, `2 requests`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Formats a value if there is one. */
export function optional(
  value: number | undefined,
  format: (value: number) => string,
): string | undefined {
  return value === undefined ? undefined : format(value);
}

/** Formats a confidence interval if there is one: `201–230`. */
export function formatInterval(
  bounds: Bounds | undefined,
  format: (value: number) => string,
): string | undefined {
  return bounds && `${format(bounds.lower)}–${format(bounds.upper)}`;
}

/** Formats milliseconds as seconds. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Formats a factor, such as RTFx. */
export function times(factor: number): string {
  return `${factor < 9.95 ? factor.toFixed(1) : factor.toFixed(0)}x`;
}

/** Formats a number with two decimals; −0 as 0. */
export function hundredths(value: number): string {
  return (Math.round(100 * value) / 100 + 0).toFixed(2);
}

/** Formats a number with four digits. */
export function fourDigits(value: number): string {
  return String(Number(value.toPrecision(4)));
}
