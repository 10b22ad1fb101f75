import type { Bounds, SloUnit } from "../plugins/mod.ts";

/** Formats a number with three digits: `0.042`, `1.23`, `45.6`, `789`, `12,300`. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e7 || size < 0.0005) return value.toExponential(1);
  if (size >= 99.95) {
    return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  }
  const digits = size >= 9.995 ? 1 : size >= 0.09995 ? 2 : 3;
  return value.toFixed(digits).replace(/\.?0+$/, "");
}

/** Formats a value with its unit. Times of 10 s and more are in seconds. */
export function formatValue(value: number, unit: SloUnit): string {
  switch (unit) {
    case "ms":
      return Math.abs(value) >= 9999.5
        ? `${formatNumber(value / 1000)} s`
        : `${formatNumber(value)} ms`;
    case "share":
      return `${formatNumber(100 * value)} %`;
    case "ratio":
      return `${formatNumber(value)}×`;
    case "count":
      return formatNumber(value);
    case "/s":
      return `${formatNumber(value)}/s`;
    default:
      return `${formatNumber(value)} ${unit}`;
  }
}

/** Formats an interval with its unit: `201 – 230 ms`. */
export function formatInterval(
  { lower, upper }: Bounds,
  unit: SloUnit,
): string {
  const [from, to] = [formatValue(lower, unit), formatValue(upper, unit)];
  const sameUnit = /\D*$/.exec(from)![0] === /\D*$/.exec(to)![0];
  return `${sameUnit ? from.replace(/\D+$/, "") : from} – ${to}`;
}

/** Formats a number of things: `1 request`, `2 requests`. */
export function plural(count: number, noun: string): string {
  const number = Number.isInteger(count) && count >= 1000
    ? count.toString().replace(/\B(?=(\d{3})+$)/g, ",")
    : String(count);
  return `${number} ${noun}${count === 1 ? "" : "s"}`;
}
