import { createHash } from "node:crypto";
import { relative, sep } from "node:path";
import {
  type AudioSource,
  bytesSource,
  type Decoders,
  fileSource,
} from "../../audio/mod.ts";
import type { Audio, Columns } from "../../plugins/mod.ts";
import { audioPlace } from "./audio.ts";
import type { ColumnNames } from "./names.ts";
import type { Row } from "../formats/manifest_format.ts";
import type { MediaPlace } from "./media.ts";
import type { RemoteAudios } from "./remote_audio.ts";
import { missing } from "./values.ts";
import { clipIn, type DeclaredSpan, declaredSpan, lengthOf } from "./span.ts";
import { isCut, speechColumns } from "../speech.ts";

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
  const span = declaredSpan(row, columns);
  const place = audioPlace(row[name], folder);
  if (place.kind !== "url") {
    const source = sourceOf(place, folder);
    return speechColumns(
      decoders,
      source,
      options,
      (file) => clipIn(file, span),
    );
  }
  return remoteColumns(place.url, span, options);
}

/** Audio in a message of a chat. */
export async function chatAudio(
  value: unknown,
  { decoders, remote, folder }: Speech,
  maxSeconds: number | undefined,
): Promise<Audio> {
  const place = audioPlace(value, folder);
  if (place.kind === "url") return remote(place.url, {});
  const source = sourceOf(place, folder);
  return await decoders.clip(
    source,
    maxSeconds === undefined ? {} : { maxSeconds },
  );
}

/** Fetches now only where it must be known whether the clip is cut, and its reference of no use. */
async function remoteColumns(
  url: URL,
  span: DeclaredSpan,
  { remote, reference, maxSeconds }: AudioInOptions,
): Promise<Columns> {
  const audio = remote(url, span);
  if (maxSeconds === undefined || reference === undefined) {
    return withReference({ audio }, reference);
  }
  const wholeMs = lengthOf(span) ?? await audio.wholeMs();
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
