// The bundled speech: a few short recordings with what is said in them, word by word.

import manifest from "./manifest.json" with { type: "json" };

/** A word of a clip and when it sounds. */
export interface ClipWord {
  /** The word as it stands in the transcript, with its punctuation. */
  readonly text: string;
  /** When it begins, in milliseconds from the start of the clip. */
  readonly startMs: number;
  /** When it ends, in milliseconds from the start of the clip; a pause after it is left out. */
  readonly endMs: number;
}

/** A recording of speech that comes with earshot, made with a speech synthesizer. */
export interface BundledClip {
  /** Its name, the same in every release. */
  readonly id: string;
  /** Its file's name, beside the manifest. */
  readonly file: string;
  /** What is said, exactly. */
  readonly transcript: string;
  /** The synthesizer's name of the voice. */
  readonly voice: string;
  /** The language spoken, as a BCP 47 tag. */
  readonly language: string;
  /** Samples per second of one channel, as a decoder gives them. */
  readonly sampleRateHz: number;
  /** How many channels there are. */
  readonly channels: number;
  /** Container and coding: `wav-pcm16`, `wav-mulaw`, `flac`, `mp3` or `ogg-opus`. */
  readonly format: string;
  /** Its exact length once decoded, in milliseconds. */
  readonly durationMs: number;
  /** When the first word begins, in milliseconds from the start of the clip. */
  readonly speechStartMs: number;
  /** When the last word ends, in milliseconds from the start of the clip. */
  readonly speechEndMs: number;
  /** The words of the transcript in order; joined by single spaces they are the transcript. */
  readonly words: readonly ClipWord[];
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
  /** What this clip is there for. */
  readonly note: string;
}

/** All bundled clips, in a fixed order: those that decode fastest come first. */
export const bundledClips: readonly BundledClip[] = manifest;

/**
 * Reads the file of a clip as it was encoded, wherever earshot itself was loaded from.
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
 * @throws {Error} if the file is not where the manifest is, or does not come whole.
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
    const rule =
      `its file must be beside the manifest: current value is ${url}`;
    throw new Error(`Cannot read the bundled clip ${clip.id} as ${rule}`, {
      cause,
    });
  }
}

async function download(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  await response.body?.cancel();
  throw new Error(
    `Cannot download as the status must be 200: current value is ${response.status}`,
  );
}
