import type { AudioClip } from "../../audio/mod.ts";
import type { Row } from "../formats/manifest.ts";
import type { ColumnNames } from "./names.ts";
import { described } from "./values.ts";

/** The part of an audio file that a record declares, in milliseconds. */
export interface DeclaredSpan {
  readonly startMs?: number;
  readonly endMs?: number;
  /** Length of the part, or of the file if neither start nor end is declared. */
  readonly durationMs?: number;
}

/** Accepted difference between declared times and the file: manifests round to tens of milliseconds at worst. */
const TOLERANCE_MS = 50;

/**
 * Reads the span in the columns of a record. Empty values, null, `NaN`, and durations of 0 or less, which some
 * manifests use for unknown ones, declare nothing.
 *
 * @throws {Error} If a value is not a time, or the end is not after the start.
 */
export function declaredSpan(row: Row, names: ColumnNames): DeclaredSpan {
  const startMs = timeIn(row, names, "start");
  const endMs = timeIn(row, names, "end");
  const durationMs = timeIn(row, names, "duration");
  if (endMs !== undefined && endMs <= (startMs ?? 0)) {
    const start = seconds(startMs ?? 0);
    throw new Error(
      `"${names.end}": must be after the start at ${start}, but was ${
        seconds(endMs)
      }`,
    );
  }
  return {
    ...(startMs !== undefined && { startMs }),
    ...(endMs !== undefined && { endMs }),
    ...(durationMs !== undefined && { durationMs }),
  };
}

/** Returns the declared length; undefined if only the file has it. */
export function lengthOf(
  { startMs = 0, endMs, durationMs }: DeclaredSpan,
): number | undefined {
  return endMs === undefined ? durationMs : endMs - startMs;
}

/**
 * Returns the declared part of a file, cut to the sample, or the whole file. A file that is as long as the part, and
 * does not contain it, has been cut already.
 *
 * @throws {Error} If the file does not contain the part, or its length is not the declared one.
 */
export function clipIn(file: AudioClip, span: DeclaredSpan): AudioClip {
  const { startMs = 0, endMs, durationMs } = span;
  const fileMs = file.durationMs;
  const lengthMs = lengthOf(span);
  const isAsLong = lengthMs === undefined || isNear(lengthMs, fileMs);
  const refusal = (rule: string, columns: string) =>
    new Error(`${file.id}: ${rule}; '${columns}' ignores it`);
  if (
    endMs !== undefined && durationMs !== undefined &&
    !isNear(durationMs, endMs - startMs) && !isNear(durationMs, fileMs)
  ) {
    throw refusal(
      `the duration must be the ${
        seconds(endMs - startMs)
      } from start to end, or the ${seconds(fileMs)} of the file, but was ${
        seconds(durationMs)
      }`,
      "columns.duration=",
    );
  }
  if (startMs === 0 && isAsLong) return file;
  if (span.startMs === undefined && endMs === undefined) {
    throw refusal(
      `must last the declared ${seconds(lengthMs!)}, but lasts ${
        seconds(fileMs)
      }`,
      "columns.duration=",
    );
  }
  const stopMs = lengthMs === undefined ? fileMs : startMs + lengthMs;
  if (startMs < fileMs && stopMs <= fileMs + TOLERANCE_MS) {
    return file.part({ startMs, endMs: Math.min(stopMs, fileMs) });
  }
  if (lengthMs !== undefined && isAsLong) return file;
  throw refusal(
    `must contain the declared part from ${seconds(startMs)} to ${
      seconds(stopMs)
    }, but lasts ${seconds(fileMs)}`,
    "columns.start=,columns.end=",
  );
}

function isNear(oneMs: number, otherMs: number): boolean {
  return Math.abs(oneMs - otherMs) <= TOLERANCE_MS;
}

/** Returns the id of a part whose file is not read yet, distinct from other parts of the same file. */
export function spanId(id: string, span: DeclaredSpan): string {
  const { startMs, endMs } = span;
  if (startMs === undefined && endMs === undefined) return id;
  const from = startMs ?? 0;
  const lengthMs = lengthOf(span);
  const to = lengthMs === undefined ? "" : rounded((from + lengthMs) / 1000, 6);
  return `${id}#t=${rounded(from / 1000, 6)},${to}`;
}

function timeIn(
  row: Row,
  names: ColumnNames,
  role: "start" | "end" | "duration",
): number | undefined {
  const name = names[role];
  const value = name === undefined ? undefined : row[name] ?? undefined;
  if (name === undefined || value === undefined || value === "") {
    return undefined;
  }
  if (Number.isNaN(value)) return undefined;
  const isText = typeof value === "string" || typeof value === "number";
  const time = isText ? Number(value) : NaN;
  if (role === "duration" && time <= 0) return undefined;
  if (time >= 0 && time < Infinity) {
    return /_ms$/i.test(name) ? time : time * 1000;
  }
  throw new Error(
    `"${name}": must be a time in seconds from 0, but was ${
      described(value)
    }; 'columns.${role}=' ignores it`,
  );
}

function seconds(ms: number): string {
  return `${rounded(ms / 1000, 3)} s`;
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
