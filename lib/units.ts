/** Milliseconds in a unit: a power of ten, so that decimals stay exact, times a factor. */
const DURATIONS = { ms: [0, 1], s: [3, 1], m: [3, 60], h: [3, 3600] } as const;

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
 * Parses a duration with its unit: `250ms`, `60s`, `1.5h`, `1m30s`.
 *
 * @returns Milliseconds, or undefined if the text is not a duration.
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|[smh]))+$/.test(text)) return undefined;
  let total = 0;
  let largest = Infinity;
  const parts = text.matchAll(/(?<![\d.])([\d.]+)(ms|[smh])/g);
  for (const [, number, unit] of parts) {
    const scale = DURATIONS[unit as keyof typeof DURATIONS];
    const size = 10 ** scale[0] * scale[1];
    if (size >= largest) return undefined;
    largest = size;
    total += scaled(number!, scale);
  }
  return Number.isFinite(total) ? total : undefined;
}

/**
 * Parses a size with its unit: `512B`, `16KiB`, `1.5MB`.
 *
 * @returns Bytes, or undefined if the text is not a size or not a whole number of bytes.
 */
export function parseBytes(text: string): number | undefined {
  const [, number, unit] = text.match(/^(\d+(?:\.\d+)?)([kKMG]?i?B)$/) ?? [];
  const scale = Object.hasOwn(SIZES, unit ?? "")
    ? SIZES[unit as keyof typeof SIZES]
    : undefined;
  if (number === undefined || !scale) return undefined;
  const bytes = scaled(number, scale);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/**
 * Parses a share: `5%` or `0.05`. A bare 1 is refused, since it may be meant as 1 %.
 *
 * @returns 0 to 1, or undefined if the text is not a share.
 */
export function parseShare(text: string): number | undefined {
  const [, number, sign] = text.match(/^(\d+(?:\.\d+)?|\.\d+)(%?)$/) ?? [];
  const share = sign === "%" ? scaled(number!, [-2, 1]) : Number(number);
  return share < 1 || (share === 1 && sign === "%") ? share : undefined;
}

function scaled(number: string, [power, factor]: readonly [number, number]) {
  return Number(`${number}e${power}`) * factor;
}

/** Formats a time in seconds with three digits: `12.5 s`. */
export function seconds(ms: number): string {
  return `${Number((ms / 1000).toPrecision(3))} s`;
}
