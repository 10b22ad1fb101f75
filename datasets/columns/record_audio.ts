import { createHash } from "node:crypto";
import { relative, sep } from "node:path";
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
import { audioPlace } from "./audio.ts";
import { download, idOfUrl, urlWithoutQuery } from "./download.ts";
import type { MediaPlace } from "./media.ts";
import type { ColumnNames } from "./names.ts";
import {
  clipIn,
  type DeclaredSpan,
  declaredSpan,
  lengthOf,
  spanId,
} from "./span.ts";
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

/** Options of {@linkcode remoteAudios}. */
export interface RemoteAudiosOptions {
  readonly decoders: Decoders;
  /** Longest time for one download, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxSeconds: number | undefined;
  /** Aborts downloads. */
  readonly signal: AbortSignal;
}

/** Audio that is downloaded when it is first used. */
export interface RemoteAudio extends Audio {
  /** Downloads it and returns its length before it is cut, in milliseconds. */
  wholeMs(): Promise<number>;
}

/** Makes audio of a URL or a part of it. Its length is the declared one until the file has been read. */
export type RemoteAudios = (url: URL, span: DeclaredSpan) => RemoteAudio;

/** Audio behind URLs. Nothing is downloaded before it is prepared. */
export function remoteAudios(
  { decoders, timeoutMs, maxSeconds, signal }: RemoteAudiosOptions,
): RemoteAudios {
  // Lengths outlast the audio: a backend that caches prepared audio does not download it in the next pass.
  const lengthsMs = new Map<string, number>();
  const maxMs = (maxSeconds ?? Infinity) * 1000;

  async function fetchClip(
    id: string,
    url: URL,
    span: DeclaredSpan,
  ): Promise<{ readonly clip: AudioClip; readonly wholeMs: number }> {
    const bytes = await download(url, { timeoutMs, signal });
    const name = urlWithoutQuery(url);
    const source = bytesSource(bytes, name, { id: idOfUrl(url) });
    const whole = clipIn(await decoders.clip(source), span);
    const clip = cut(whole, maxSeconds);
    lengthsMs.set(id, clip.durationMs);
    return { clip, wholeMs: whole.durationMs };
  }

  return (url, span) => {
    const id = spanId(idOfUrl(url), span);
    const durationMs = lengthOf(span) ?? NaN;
    let fetched: ReturnType<typeof fetchClip> | undefined;
    const load = () => fetched ??= fetchClip(id, url, span);
    return {
      id,
      get durationMs() {
        return lengthsMs.get(id) ?? Math.min(durationMs, maxMs);
      },
      wholeMs: async () => (await load()).wholeMs,
      file: async () => (await load()).clip.file(),
      pcm16: async (rateHz) => (await load()).clip.pcm16(rateHz),
    };
  };
}
