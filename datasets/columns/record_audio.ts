import { createHash } from "node:crypto";
import { relative, sep } from "node:path";
import {
  type AudioSource,
  bytesSource,
  type Decoders,
  fileSource,
} from "../../audio/mod.ts";
import type { Audio, Columns } from "../../plugins/mod.ts";
import type { Row } from "../formats/manifest.ts";
import { isCut, speechColumns } from "../speech.ts";
import { audioPlace } from "./audio.ts";
import type { MediaPlace } from "./media.ts";
import type { ColumnNames } from "./names.ts";
import type { RemoteAudios } from "./remote_audio.ts";
import { clipIn, declaredSpan, lengthOf } from "./span.ts";
import { missing } from "./values.ts";

/** Opens the audio of values. */
export interface AudioOpener {
  readonly decoders: Decoders;
  readonly remote: RemoteAudios;
  /** Folder or URL that paths are relative to. */
  readonly folder: string;
  readonly maxSeconds: number | undefined;
}

/** The audio of a record and its reference. */
export async function audioIn(
  row: Row,
  columns: ColumnNames,
  reference: string | undefined,
  { decoders, remote, folder, maxSeconds }: AudioOpener,
): Promise<Columns> {
  const name = columns.audio ?? "";
  if ((row[name] ?? "") === "") throw missing(name, row);
  const span = declaredSpan(row, columns);
  const place = audioPlace(row[name], folder);
  if (place.kind !== "url") {
    const source = sourceOf(place, folder);
    const options = { maxSeconds, reference };
    return speechColumns(
      decoders,
      source,
      options,
      (file) => clipIn(file, span),
    );
  }
  const audio = remote(place.url, span);
  if (reference === undefined) return { audio };
  if (maxSeconds === undefined) return { audio, reference };
  // A clip that is cut has no reference, so its length must be known now.
  const wholeMs = lengthOf(span) ?? await audio.wholeMs();
  return isCut(wholeMs, maxSeconds) ? { audio } : { audio, reference };
}

/** The audio in a message of a chat. */
export async function chatAudio(
  value: unknown,
  { decoders, remote, folder, maxSeconds }: AudioOpener,
): Promise<Audio> {
  const place = audioPlace(value, folder);
  if (place.kind === "url") return remote(place.url, {});
  const options = maxSeconds === undefined ? {} : { maxSeconds };
  return await decoders.clip(sourceOf(place, folder), options);
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
