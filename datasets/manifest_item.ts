import { createHash } from "node:crypto";
import { relative, sep } from "node:path";
import {
  type AudioSource,
  bytesSource,
  type Decoders,
  fileSource,
} from "../audio/mod.ts";
import type { Columns, Session } from "../plugins/mod.ts";
import { type AudioPlace, audioPlace } from "./audio_value.ts";
import type { ColumnNames } from "./column_names.ts";
import type { Met } from "./manifest.ts";
import type { Row } from "./manifest_format.ts";
import type { RemoteAudios } from "./remote_audio.ts";
import { isCut, speechColumns, speechSession } from "./speech.ts";

/** What records are made into sessions with. */
export interface ItemsOptions {
  /** The manifest, for errors. */
  readonly path: string;
  readonly columns: ColumnNames;
  readonly maxSeconds: number | undefined;
  /** There where the manifest has audio. */
  readonly speech?: Speech | undefined;
}

/** What turns values into audio. */
export interface Speech {
  readonly decoders: Decoders;
  readonly remote: RemoteAudios;
  /** What paths are relative to. */
  readonly folder: string;
}

/** Makes a session of a record. */
export async function sessionOf(
  met: Met,
  id: string,
  options: ItemsOptions,
): Promise<Session> {
  const session = await speechSession(id, () => {
    if ("problem" in met) throw new Error(met.problem);
    return columnsOf(met.row, options);
  });
  const { problem } = session;
  if (problem === undefined) return session;
  return { ...session, problem: `${options.path}:${met.line}: ${problem}` };
}

/** What a record calls itself, if it does. */
export function idIn(met: Met, { id }: ColumnNames): string | undefined {
  return "row" in met ? textIn(met.row, id) || undefined : undefined;
}

async function columnsOf(row: Row, options: ItemsOptions): Promise<Columns> {
  const { columns, speech, maxSeconds } = options;
  const text = textIn(row, columns.text);
  if (columns.text !== undefined && text === undefined) {
    throw missing(columns.text, row);
  }
  const reference = textIn(row, columns.reference);
  const heard = speech && columns.audio !== undefined
    ? await audioIn(row, { ...speech, columns, maxSeconds, reference })
    : withReference({}, reference);
  return text === undefined ? heard : { text, ...heard };
}

interface AudioInOptions extends Speech {
  readonly columns: ColumnNames;
  readonly maxSeconds: number | undefined;
  readonly reference: string | undefined;
}

function audioIn(row: Row, options: AudioInOptions): Promise<Columns> {
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
  place: Exclude<AudioPlace, { kind: "url" }>,
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

/** The text in a column; nothing, where there is none. */
function textIn(row: Row, name: string | undefined): string | undefined {
  const value = name === undefined ? undefined : row[name];
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  if (value === undefined || value === null) return undefined;
  throw new TypeError(
    `Cannot use ${JSON.stringify(name)} as it must be text: current value is ${
      Array.isArray(value) ? "an array" : JSON.stringify(value).slice(0, 60)
    }`,
  );
}

function missing(name: string, row: Row): Error {
  const is = row[name] === undefined ? "missing" : JSON.stringify(row[name]);
  return new Error(
    `Cannot use the record as it must have ${
      JSON.stringify(name)
    }: current value is ${is}`,
  );
}
