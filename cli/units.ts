import { UsageError } from "../plugins/mod.ts";

/** Milliseconds in a unit: a power of ten, so that decimals stay exact, times a factor. */
const DURATIONS = {
  ms: [0, 1],
  s: [3, 1],
  m: [3, 60],
  h: [3, 3600],
} as const;

/** Bytes in a unit, likewise. */
const SIZES = {
  B: [0, 1],
  kB: [3, 1],
  KB: [3, 1],
  MB: [6, 1],
  GB: [9, 1],
  KiB: [0, 2 ** 10],
  MiB: [0, 2 ** 20],
  GiB: [0, 2 ** 30],
} as const;

/**
 * Reads a duration with its unit: `250ms`, `60s`, `1.5h`, `1m30s`.
 *
 * @param option What it was given for, for the message.
 * @returns Milliseconds.
 * @throws {UsageError} If it is none.
 */
export function parseDuration(text: string, option = "duration"): number {
  const ms = durationOf(text);
  if (ms !== undefined) return ms;
  throw new UsageError(
    `Cannot read '${option}' as a duration is a number with ms, s, m or h: current value is ${
      shown(text)
    }`,
  );
}

/**
 * Reads a size with its unit: `512B`, `16KiB`, `1.5MB`.
 *
 * @param option What it was given for, for the message.
 * @returns Whole bytes.
 * @throws {UsageError} If it is none.
 */
export function parseBytes(text: string, option = "size"): number {
  const bytes = bytesOf(text);
  if (bytes !== undefined) return bytes;
  throw new UsageError(
    `Cannot read '${option}' as a size is a whole number of bytes, with B, kB, MB, GB, KiB, MiB or GiB: current value is ${
      shown(text)
    }`,
  );
}

/**
 * Reads a share: `5%` or `0.05`. A bare 1 is refused: it may be meant as 1 %.
 *
 * @param option What it was given for, for the message.
 * @returns 0 to 1.
 * @throws {UsageError} If it is none.
 */
export function parseShare(text: string, option = "share"): number {
  const [, number, sign] = text.match(/^(\d+(?:\.\d+)?|\.\d+)(%?)$/) ?? [];
  const share = sign === "%" ? scaled(number!, [-2, 1]) : Number(number);
  if (share < 1 || (share === 1 && sign === "%")) return share;
  const isPercent = sign === "" && share <= 100;
  throw new UsageError(
    `${option}: must be a share, as 5% or 0.05, but was ${
      JSON.stringify(text)
    }${isPercent ? `; did you mean ${text}%?` : ""}`,
  );
}

/** The milliseconds that a text stands for; undefined if it is no duration with a unit. */
export function durationOf(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|[smh]))+$/.test(text)) return undefined;
  let total = 0;
  let largest = Infinity;
  for (
    const [, number, unit] of text.matchAll(/(?<![\d.])([\d.]+)(ms|[smh])/g)
  ) {
    const scale = DURATIONS[unit as keyof typeof DURATIONS];
    const size = 10 ** scale[0] * scale[1];
    if (size >= largest) return undefined;
    largest = size;
    total += scaled(number!, scale);
  }
  return Number.isFinite(total) ? total : undefined;
}

/** The bytes that a text stands for; undefined if it is no size with a unit, or no whole number of bytes. */
export function bytesOf(text: string): number | undefined {
  const [, number, unit] = text.match(/^(\d+(?:\.\d+)?)([kKMG]?i?B)$/) ?? [];
  const scale = Object.hasOwn(SIZES, unit ?? "")
    ? SIZES[unit as keyof typeof SIZES]
    : undefined;
  if (number === undefined || !scale) return undefined;
  const bytes = scaled(number, scale);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

function scaled(number: string, [power, factor]: readonly [number, number]) {
  return Number(`${number}e${power}`) * factor;
}

function shown(text: string): string {
  return text === "" ? "empty" : text;
}
