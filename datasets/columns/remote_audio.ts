import { type AudioClip, bytesSource, type Decoders } from "../../audio/mod.ts";
import type { Audio } from "../../plugins/mod.ts";
import { download, idOfUrl, redactUrl } from "./download.ts";
import { clipIn, type DeclaredSpan, lengthOf, spanId } from "./span.ts";
import { cut } from "../speech.ts";

/** What fetching audio needs. */
export interface RemoteAudiosOptions {
  readonly decoders: Decoders;
  /** Longest time for one download, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxSeconds: number | undefined;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** Audio that is fetched when it is first needed. */
export interface RemoteAudio extends Audio {
  /** Fetches it, unless it is there, and tells its length before it is cut, in milliseconds. */
  wholeMs(): Promise<number>;
}

/** Makes audio of a URL, or of a part. Its length is what the manifest says, until its header has been read. */
export type RemoteAudios = (url: URL, span: DeclaredSpan) => RemoteAudio;

/** Audio behind URLs, of which nothing is fetched before it is prepared. */
export function remoteAudios(
  { decoders, timeoutMs, maxSeconds, signal }: RemoteAudiosOptions,
): RemoteAudios {
  // A backend that holds the prepared audio of an earlier pass does not have it fetched again.
  const lengthsMs = new Map<string, number>();
  const maxMs = (maxSeconds ?? Infinity) * 1000;

  async function fetchClips(
    id: string,
    url: URL,
    span: DeclaredSpan,
  ): Promise<Fetched> {
    const bytes = await download(url, { timeoutMs, signal });
    const source = bytesSource(bytes, redactUrl(url), { id: idOfUrl(url) });
    const whole = clipIn(await decoders.clip(source), span);
    const clip = cut(whole, maxSeconds);
    lengthsMs.set(id, clip.durationMs);
    return { clip, wholeMs: whole.durationMs };
  }

  return (url, span) => {
    const id = spanId(idOfUrl(url), span);
    const durationMs = lengthOf(span) ?? NaN;
    let fetched: Promise<Fetched> | undefined;
    const load = () => fetched ??= fetchClips(id, url, span);
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

interface Fetched {
  readonly clip: AudioClip;
  readonly wholeMs: number;
}
