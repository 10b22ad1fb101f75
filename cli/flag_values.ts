import type { MinSamples } from "../core/config.ts";
import { UsageError } from "../core/errors.ts";
import { parseDuration, parseShare } from "../lib/units.ts";
import { wholeNumber } from "./flags.ts";

/** @throws {UsageError} If the text is not a time with its unit. */
export function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new UsageError(
    `must be a duration with ms, s, m or h, but was ${shown(text)}`,
  );
}

/** @throws {UsageError} If the text is not a time above 0. */
export function positiveDuration(text: string): number {
  const ms = durationOf(text);
  if (ms > 0) return ms;
  throw new UsageError(`must be above 0, but was ${text}`);
}

/** @throws {UsageError} If the text is not a whole number above 0. */
export function positiveNumber(text: string): number {
  return wholeNumber(text, 1);
}

/** @throws {UsageError} If the text is neither a whole number above 0 nor `mlperf`. */
export function minSamplesOf(text: string): MinSamples {
  if (text === "mlperf") return text;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UsageError(
    `must be a whole number from 1 on, or mlperf, but was ${shown(text)}`,
  );
}

/** @throws {UsageError} If the text is not a share, such as `5%`. */
export function shareOf(text: string): number {
  const share = parseShare(text);
  if (share !== undefined) return share;
  const isPercent = Number(text) > 0 && Number(text) <= 100;
  const meant = isPercent ? `; did you mean ${text}%?` : "";
  throw new UsageError(
    `must be a share such as 5% or 0.05, but was ${shown(text)}${meant}`,
  );
}

/** Quotes a value for an error. */
export function shown(text: string): string {
  return JSON.stringify(text);
}

const COLORS: readonly string[] = ["auto", "always", "never"];

/** @throws {UsageError} If the value of `--color` is not one of its words. */
export function colorOf(text: string): string {
  if (COLORS.includes(text)) return text;
  throw new UsageError(
    `--color must be auto, always or never, but was ${JSON.stringify(text)}`,
  );
}
