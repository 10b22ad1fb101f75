import { createHash } from "node:crypto";
import { relative, sep } from "node:path";
import {
  type AudioSource,
  bytesSource,
  type Decoders,
  fileSource,
} from "../audio/mod.ts";
import type { Audio, Columns } from "../plugins/mod.ts";
import { audioPlace } from "./audio_value.ts";
import type { ColumnNames } from "./column_names.ts";
import type { Row } from "./manifest_format.ts";
import type { MediaPlace } from "./media_value.ts";
import type { RemoteAudios } from "./remote_audio.ts";
import { missing, textIn } from "./row_values.ts";
import { isCut, speechColumns } from "./speech.ts";

/** What turns values into audio. */
export interface Speech {
  readonly decoders: Decoders;
  readonly remote: RemoteAudios;
  /** What paths are relative to. */
  readonly folder: string;
}

/** A record's audio, and what goes with it. */
export interface AudioInOptions extends Speech {
  readonly columns: ColumnNames;
  readonly maxSeconds: number | undefined;
  readonly reference: string | undefined;
}

/** The audio of a record, with its reference. */
export function audioIn(row: Row, options: AudioInOptions): Promise<Columns> {
  const { columns, decoders, folder } = options;
  const name = columns.audio ?? "";
  if ((row[name] ?? "") === "") throw missing(name, row);
  refusePart(row, columns);
  const place = audioPlace(row[name], folder);
  if (place.kind !== "url") {
    return speechColumns(decoders, sourceOf(place, folder), options);
  }
  return remoteColumns(place.url, durationIn(row, columns.duration), options);
}

/** Audio in a message of a chat. */
export async function chatAudio(
  value: unknown,
  { decoders, remote, folder }: Speech,
  maxSeconds: number | undefined,
): Promise<Audio> {
  const place = audioPlace(value, folder);
  if (place.kind === "url") return remote(place.url, { durationMs: undefined });
  const source = sourceOf(place, folder);
  return await decoders.clip(
    source,
    maxSeconds === undefined ? {} : { maxSeconds },
  );
}

/** Fetches now only where it must be known whether the clip is cut, and its reference of no use. */
async function remoteColumns(
  url: URL,
  durationMs: number | undefined,
  { remote, reference, maxSeconds }: AudioInOptions,
): Promise<Columns> {
  const audio = remote(url, { durationMs });
  if (maxSeconds === undefined || reference === undefined) {
    return withReference({ audio }, reference);
  }
  const wholeMs = durationMs ?? await audio.wholeMs();
  return isCut(wholeMs, maxSeconds) ? { audio } : { audio, reference };
}

function withReference(
  columns: Columns,
  reference: string | undefined,
): Columns {
  return reference === undefined ? columns : { ...columns, reference };
}

function sourceOf(
  place: Exclude<MediaPlace, { kind: "url" }>,
  folder: string,
): AudioSource {
  if (place.kind === "file") {
    const id = relative(folder, place.path).replaceAll(sep, "/");
    return fileSource(place.path, { id });
  }
  const hash = createHash("sha256").update(place.bytes).digest("hex");
  const id = `sha256:${hash.slice(0, 16)}`;
  return bytesSource(place.bytes, "inline audio", { id });
}

/** NeMo's manifests may name a part of a file: to send all of it would be wrong without a word. */
function refusePart(row: Row, { duration }: ColumnNames): void {
  const offset = row["offset"];
  if (duration === undefined || typeof offset !== "number" || offset <= 0) {
    return;
  }
  throw new Error(
    `Cannot use a part of a file as each record must have a file of its own: current value of "offset" is ${offset}`,
  );
}

function durationIn(row: Row, name: string | undefined): number | undefined {
  const value = Number(textIn(row, name) || NaN);
  if (name === undefined || !(value > 0)) return undefined;
  return /_ms$/i.test(name) ? value : value * 1000;
}
