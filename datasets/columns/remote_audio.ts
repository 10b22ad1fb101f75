import { type AudioClip, bytesSource, type Decoders } from "../../audio/mod.ts";
import type { Audio } from "../../plugins/mod.ts";
import { download, idOfUrl, urlWithoutQuery } from "./download.ts";
import { clipIn, type DeclaredSpan, lengthOf, spanId } from "./span.ts";
import { cut } from "../speech.ts";

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
