// The bundled speech: a few short recordings with their transcripts, word by word.

import manifest from "./manifest.json" with { type: "json" };

/** A word of a clip, with its times. */
export interface ClipWord {
  /** The word with its punctuation. */
  readonly text: string;
  /** Start, in milliseconds from the start of the clip. */
  readonly startMs: number;
  /** End, in milliseconds from the start of the clip, without the pause after it. */
  readonly endMs: number;
}

/** A recording of synthesized speech that comes with earshot. */
export interface BundledClip {
  /** Name, the same in every release. */
  readonly id: string;
  /** Name of its file, beside the manifest. */
  readonly file: string;
  /** Exact transcript. */
  readonly transcript: string;
  /** The synthesizer's name of the voice. */
  readonly voice: string;
  /** BCP 47 tag of the language. */
  readonly language: string;
  /** Sample rate once decoded. */
  readonly sampleRateHz: number;
  /** Number of channels. */
  readonly channels: number;
  /** Container and codec: `wav-pcm16`, `wav-mulaw`, `flac`, `mp3` or `ogg-opus`. */
  readonly format: string;
  /** Exact length once decoded, in milliseconds. */
  readonly durationMs: number;
  /** Start of the first word, in milliseconds from the start of the clip. */
  readonly speechStartMs: number;
  /** End of the last word, in milliseconds from the start of the clip. */
  readonly speechEndMs: number;
  /** The words of the transcript, in order. Joined by single spaces they are the transcript. */
  readonly words: readonly ClipWord[];
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
  /** Purpose of this clip. */
  readonly note: string;
}

/** All bundled clips, in a fixed order: those that decode fastest come first. */
export const bundledClips: readonly BundledClip[] = manifest;

/**
 * Reads the encoded file of a clip, wherever earshot itself was loaded from.
 *
 * @example
 * ```ts
 * import { bundledClips, readClip } from "./mod.ts";
 *
 * for (const clip of bundledClips) {
 *   const bytes = await readClip(clip);
 *   console.log(clip.id, clip.transcript, bytes.length);
 * }
 * ```
 * @throws {Error} If the file is not beside the manifest, or does not arrive whole.
 */
export async function readClip(
  clip: BundledClip,
): Promise<Uint8Array<ArrayBuffer>> {
  const url = new URL(`./${clip.file}`, import.meta.url);
  try {
    return await (url.protocol === "file:"
      ? Deno.readFile(url)
      : download(url));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot read the clip ${clip.id} at ${url}: ${reason}`, {
      cause,
    });
  }
}

async function download(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  await response.body?.cancel();
  throw new Error(`the server answered HTTP ${response.status}`);
}
