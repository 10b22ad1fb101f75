import { type AudioClip, bytesSource, type Decoders } from "../audio/mod.ts";
import type { Audio } from "../plugins/mod.ts";
import { download, idOfUrl, shownUrl } from "./download.ts";
import { isCut } from "./speech.ts";

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

/** Makes audio of a URL. Its length is what the manifest says, until its header has been read. */
export type RemoteAudios = (
  url: URL,
  hint: { readonly durationMs: number | undefined },
) => RemoteAudio;

/** Audio behind URLs, of which nothing is fetched before it is prepared. */
export function remoteAudios(
  { decoders, timeoutMs, maxSeconds, signal }: RemoteAudiosOptions,
): RemoteAudios {
  // A backend that holds the prepared audio of an earlier pass does not have it fetched again.
  const lengthsMs = new Map<string, number>();
  const maxMs = (maxSeconds ?? Infinity) * 1000;

  async function fetchClips(id: string, url: URL): Promise<Fetched> {
    const bytes = await download(url, { timeoutMs, signal });
    const source = bytesSource(bytes, shownUrl(url), { id });
    const whole = await decoders.clip(source);
    const clip = isCut(whole.durationMs, maxSeconds)
      ? await decoders.clip(source, { maxSeconds })
      : whole;
    lengthsMs.set(id, clip.durationMs);
    return { clip, wholeMs: whole.durationMs };
  }

  return (url, { durationMs = NaN }) => {
    const id = idOfUrl(url);
    let fetched: Promise<Fetched> | undefined;
    const load = () => fetched ??= fetchClips(id, url);
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
