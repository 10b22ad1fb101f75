import { z } from "zod";
import type { Row } from "../formats/manifest.ts";
import { missing, refusal } from "./values.ts";

/** Unit of recorded times that are numbers. */
export type TimeUnit = "s" | "ms" | "us" | "ns";

/** Milliseconds of each unit. */
const UNIT_MS: Readonly<Record<TimeUnit, number>> = {
  s: 1000,
  ms: 1,
  us: 1e-3,
  ns: 1e-6,
};

/** From here on a number was most likely of a smaller unit. */
const YEAR_2100_MS = Date.UTC(2100);

/** The schema of {@linkcode TimeUnit}. */
export const timeUnit: z.ZodType<TimeUnit> = z.enum(["s", "ms", "us", "ns"]);

/**
 * Returns the recorded time of a record, in milliseconds: a number of the unit, or a date such as
 * `2026-01-31T12:00:00.5Z`.
 *
 * @throws {Error} If it is neither, or the record has none.
 */
export function timeIn(row: Row, name: string, unit: TimeUnit): number {
  const value = row[name];
  if ((value ?? "") === "") throw missing(name, row);
  const isText = typeof value === "string";
  const number = isText ? Number(value) : value;
  const ms = typeof number === "number" && Number.isFinite(number)
    ? number * UNIT_MS[unit]
    : isText && /^\d{4}-\d\d-\d\d/.test(value)
    ? Date.parse(value)
    : NaN;
  if (ms >= YEAR_2100_MS) {
    throw refusal(
      `${
        JSON.stringify(name)
      }: must be before the year 2100 as a number of ${unit}; timeUnit sets another unit`,
      value,
    );
  }
  if (ms >= 0) return ms;
  throw refusal(
    `${JSON.stringify(name)}: must be a time: a number from 0 on, or a date`,
    value,
  );
}
