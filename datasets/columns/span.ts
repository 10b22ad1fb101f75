import type { AudioClip } from "../../audio/mod.ts";
import type { ColumnNames } from "./names.ts";
import type { Row } from "../formats/manifest.ts";
import { described } from "./media.ts";

/** What a record says of the part of a file that it means, in milliseconds. */
export interface DeclaredSpan {
  readonly startMs?: number;
  readonly endMs?: number;
  /** Of the part, or of the file where neither start nor end is given. */
  readonly durationMs?: number;
}

/** How far what is declared may be from the file: manifests round, to tens of milliseconds at worst. */
const TOLERANCE_MS = 50;

/**
 * The span in the columns of a record. What is empty, null or no number at all (`NaN`) is not declared, and neither is
 * a duration of 0 or less, as manifests have it that do not know.
 *
 * @throws {Error} If a value is no time, or they contradict each other.
 */
export function declaredSpan(row: Row, names: ColumnNames): DeclaredSpan {
  const startMs = timeIn(row, names, "start");
  const endMs = timeIn(row, names, "end");
  const durationMs = timeIn(row, names, "duration");
  const span = {
    ...(startMs !== undefined && { startMs }),
    ...(endMs !== undefined && { endMs }),
    ...(durationMs !== undefined && { durationMs }),
  };
  if (endMs === undefined) return span;
  const lengthMs = endMs - (startMs ?? 0);
  if (lengthMs <= 0) {
    throw new Error(
      `${quoted(names.end)}: must be after the start at ${
        seconds(startMs ?? 0)
      }, but was ${seconds(endMs)}`,
    );
  }
  return span;
}

/** How long the audio of a record is by what it declares; `undefined` where that takes the file. */
export function lengthOf(
  { startMs = 0, endMs, durationMs }: DeclaredSpan,
): number | undefined {
  return endMs === undefined ? durationMs : endMs - startMs;
}

/**
 * What a record means of its file: all of it, or the part that it declares, cut to the sample. A file that is as long
 * as the part, and does not hold it, was cut already.
 *
 * @throws {Error} If the file does not hold the part, or is not as long as it should be.
 */
export function clipIn(file: AudioClip, span: DeclaredSpan): AudioClip {
  const fileMs = file.durationMs;
  const { startMs = 0, endMs } = span;
  const lengthMs = lengthOf(span);
  const isPart = span.startMs !== undefined || endMs !== undefined;
  const isAsLong = lengthMs === undefined || isNear(lengthMs, fileMs);
  requireOneLength(file, span);
  if (startMs === 0 && isAsLong) return file;
  if (!isPart) {
    throw new Error(
      `${file.id}: must last the ${
        seconds(lengthMs!)
      } that its record declares, but lasts ${
        seconds(fileMs)
      }; 'columns.duration=' passes over what is declared`,
    );
  }
  const stopMs = lengthMs === undefined ? fileMs : startMs + lengthMs;
  if (startMs < fileMs && stopMs <= fileMs + TOLERANCE_MS) {
    return file.part({ startMs, endMs: Math.min(stopMs, fileMs) });
  }
  if (lengthMs !== undefined && isAsLong) return file;
  throw new Error(
    `${file.id}: must hold the part from ${seconds(startMs)} to ${
      seconds(stopMs)
    } that its record declares, but lasts ${
      seconds(fileMs)
    }; 'columns.start=,columns.end=' passes over what is declared`,
  );
}

/**
 * A duration beside start and end is that of the part or of the file.
 *
 * @throws {Error} If it is neither.
 */
function requireOneLength(
  file: AudioClip,
  { startMs = 0, endMs, durationMs }: DeclaredSpan,
): void {
  if (endMs === undefined || durationMs === undefined) return;
  const lengthMs = endMs - startMs;
  if ([lengthMs, file.durationMs].some((ms) => isNear(ms, durationMs))) return;
  throw new Error(
    `${file.id}: the duration must be the ${
      seconds(lengthMs)
    } from start to end, or the ${
      seconds(file.durationMs)
    } of the file, but was ${
      seconds(durationMs)
    }; 'columns.duration=' passes over it`,
  );
}

function isNear(oneMs: number, otherMs: number): boolean {
  return Math.abs(oneMs - otherMs) <= TOLERANCE_MS;
}

/** A part's id, where its file is not there yet: two parts of one file are two things. */
export function spanId(id: string, span: DeclaredSpan): string {
  const { startMs, endMs } = span;
  if (startMs === undefined && endMs === undefined) return id;
  const from = startMs ?? 0;
  const lengthMs = lengthOf(span);
  const to = lengthMs === undefined ? "" : shown((from + lengthMs) / 1000);
  return `${id}#t=${shown(from / 1000)},${to}`;
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
    `${quoted(name)}: must be a time in seconds from 0, but was ${
      described(value)
    }; 'columns.${role}=' passes over it`,
  );
}

function quoted(name: string | undefined): string {
  return JSON.stringify(name ?? "");
}

function seconds(ms: number): string {
  return `${shown(ms / 1000, 3)} s`;
}

function shown(value: number, digits = 6): string {
  return String(Number(value.toFixed(digits)));
}
