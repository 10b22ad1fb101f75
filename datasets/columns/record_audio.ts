import {
  type AudioClip,
  type AudioSource,
  bytesSource,
  type Decoders,
  fileSource,
} from "../../audio/mod.ts";
import type { Audio, Columns } from "../../plugins/mod.ts";
import type { Row } from "../formats/manifest.ts";
import { cut, isCut, speechColumns } from "../speech.ts";
import {
  audioPlace,
  download,
  type MediaContext,
  mediaId,
  type MediaPlace,
  urlWithoutQuery,
} from "./media.ts";
import type { ColumnNames } from "./names.ts";
import { described, missing } from "./values.ts";

/** Decoders and limits for reading the audio of records. */
export interface AudioContext extends MediaContext {
  readonly decoders: Decoders;
  readonly maxSeconds: number | undefined;
  /**
   * Lengths of downloaded audio by id. They outlast the audio: a backend that caches prepared audio does not download it
   * in the next pass.
   */
  readonly lengthsMs: Map<string, number>;
}

/** The audio of a record and its reference. */
export async function audioIn(
  row: Row,
  columns: ColumnNames,
  reference: string | undefined,
  context: AudioContext,
): Promise<Columns> {
  const name = columns.audio ?? "";
  if ((row[name] ?? "") === "") throw missing(name, row);
  const span = declaredSpan(row, columns);
  const { decoders, folder, maxSeconds } = context;
  const place = audioPlace(row[name], folder);
  if (place.kind !== "url") {
    const file = await decoders.clip(sourceOf(place, folder));
    return speechColumns(clipIn(file, span), reference, maxSeconds);
  }
  const audio = remoteAudio(place.url, span, context);
  if (reference === undefined) return { audio };
  if (maxSeconds === undefined) return { audio, reference };
  // A clip that is cut has no reference, so its length must be known now.
  const wholeMs = lengthOf(span) ?? await audio.wholeMs();
  return isCut(wholeMs, maxSeconds) ? { audio } : { audio, reference };
}

/** The audio in a message of a chat. */
export async function chatAudio(
  value: unknown,
  context: AudioContext,
): Promise<Audio> {
  const { decoders, folder, maxSeconds } = context;
  const place = audioPlace(value, folder);
  if (place.kind === "url") return remoteAudio(place.url, {}, context);
  const options = maxSeconds === undefined ? {} : { maxSeconds };
  return await decoders.clip(sourceOf(place, folder), options);
}

function sourceOf(
  place: Exclude<MediaPlace, { kind: "url" }>,
  folder: string,
): AudioSource {
  const id = mediaId(place, folder);
  return place.kind === "file"
    ? fileSource(place.path, { id })
    : bytesSource(place.bytes, "inline audio", { id });
}

/** Audio that is downloaded when it is first used. */
export interface RemoteAudio extends Audio {
  /** Downloads it and returns its length before it is cut, in milliseconds. */
  wholeMs(): Promise<number>;
}

/** Audio behind a URL, or a part of it. Its length is the declared one until the file has been downloaded. */
export function remoteAudio(
  url: URL,
  span: DeclaredSpan,
  context: Omit<AudioContext, "folder">,
): RemoteAudio {
  const { decoders, maxSeconds, lengthsMs } = context;
  const fileId = mediaId({ kind: "url", url }, "");
  const id = spanId(fileId, span);
  const declaredMs = lengthOf(span) ?? NaN;
  const maxMs = (maxSeconds ?? Infinity) * 1000;
  const fetchWhole = async () => {
    const bytes = await download(url, context);
    const source = bytesSource(bytes, urlWithoutQuery(url), { id: fileId });
    const whole = clipIn(await decoders.clip(source), span);
    lengthsMs.set(id, Math.min(whole.durationMs, maxMs));
    return whole;
  };
  let fetched: Promise<AudioClip> | undefined;
  const load = () => fetched ??= fetchWhole();
  const loadCut = async () => cut(await load(), maxSeconds);
  return {
    id,
    get durationMs() {
      return lengthsMs.get(id) ?? Math.min(declaredMs, maxMs);
    },
    wholeMs: async () => (await load()).durationMs,
    file: async () => (await loadCut()).file(),
    pcm16: async (rateHz) => (await loadCut()).pcm16(rateHz),
  };
}

/** The part of an audio file that a record declares, in milliseconds. */
export interface DeclaredSpan {
  readonly startMs?: number | undefined;
  readonly endMs?: number | undefined;
  /** Length of the part, or of the file if neither start nor end is declared. */
  readonly durationMs?: number | undefined;
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
    const [start, end] = [startMs ?? 0, endMs].map(seconds);
    throw new Error(
      `"${names.end}": must be after the start at ${start}, but was ${end}`,
    );
  }
  return { startMs, endMs, durationMs };
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
  const refusal = (rule: string, ignored = "columns.duration=") =>
    new Error(`${file.id}: ${rule}; '${ignored}' ignores it`);
  const lasts = seconds(fileMs);
  if (
    endMs !== undefined && durationMs !== undefined &&
    !isNear(durationMs, endMs - startMs) && !isNear(durationMs, fileMs)
  ) {
    const [part, declared] = [endMs - startMs, durationMs].map(seconds);
    throw refusal(
      `the duration must be the ${part} from start to end, or the ${lasts} of the file, but was ${declared}`,
    );
  }
  if (startMs === 0 && isAsLong) return file;
  if (span.startMs === undefined && endMs === undefined) {
    const declared = seconds(lengthMs!);
    throw refusal(`must last the declared ${declared}, but lasts ${lasts}`);
  }
  const stopMs = lengthMs === undefined ? fileMs : startMs + lengthMs;
  if (startMs < fileMs && stopMs <= fileMs + TOLERANCE_MS) {
    return file.part({ startMs, endMs: Math.min(stopMs, fileMs) });
  }
  if (lengthMs !== undefined && isAsLong) return file;
  const [start, stop] = [startMs, stopMs].map(seconds);
  throw refusal(
    `must contain the declared part from ${start} to ${stop}, but lasts ${lasts}`,
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
  const value = row[name ?? ""] ?? "";
  if (name === undefined || value === "" || Number.isNaN(value)) {
    return undefined;
  }
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
