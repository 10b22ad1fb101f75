import type { Unit } from "../../plugins/mod.ts";

/** A number as people read it: a decimal below 10, two below 0.1, none above; what is not 0 never reads 0. */
export function rounded(value: number): string {
  const size = Math.abs(value);
  if (size >= 9_999_999.5) return value.toExponential(1);
  if (size >= 9.95) return value.toFixed(0);
  if (size > 0 && size < 0.0095) return value.toPrecision(1);
  return value.toFixed(size > 0 && size < 0.095 ? 2 : 1);
}

/** A value of a metric: counts that are whole stay so, and ratios near 1 get their decimals. */
export function valueOf(value: number, unit: Unit): string {
  if (unit === "ratio" && Math.abs(value) < 9.995) return value.toFixed(2);
  const counts = unit === "tokens" || unit === "count";
  return counts && Number.isInteger(value) && value < 1e7
    ? String(value)
    : rounded(value);
}

/** A share as a percentage: a decimal below 100, and never 100 where something is left. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value === 0) return "0 %";
  if (value < 0.0095) return `${rounded(value)} %`;
  if (value > 99.9 && value < 100) return "> 99.9 %";
  return `${
    value < 99.95 ? value.toFixed(value < 0.095 ? 2 : 1) : value.toFixed(0)
  } %`;
}

/** Milliseconds, shown as seconds. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Bytes, shown in mebibytes. */
export function mebibytes(bytes: number): string {
  return `${rounded(bytes / 2 ** 20)} MiB`;
}

/** A factor, as of real time. */
export function times(factor: number): string {
  return `${factor < 9.95 ? factor.toFixed(1) : factor.toFixed(0)}x`;
}
