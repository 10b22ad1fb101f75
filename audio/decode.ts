import { AudioError, refusal } from "./errors.ts";
import { openFlac } from "./flac.ts";
import { type DecodedAudio, requireUsable } from "./info.ts";
import { openMp3 } from "./mp3.ts";
import { openOgg } from "./ogg.ts";
import { type AudioContainer, findAudio } from "./sniff.ts";
import { bytesOf } from "./source.ts";
import type { AudioPiece, AudioStream } from "./stream.ts";
import { openWav } from "./wav.ts";

const OPENERS: Readonly<
  Record<
    AudioContainer,
    (bytes: Uint8Array<ArrayBuffer>, name: string) => Promise<AudioStream>
  >
> = { wav: openWav, flac: openFlac, mp3: openMp3, ogg: openOgg };

/**
 * Opens an audio file that is in memory, to be decoded piece by piece in this thread. What comes out is held against
 * the lengths and checksums of the container: decoders themselves pass over damage in silence.
 *
 * @param name what errors call the audio
 * @throws {AudioError} where it is not audio, empty or truncated
 */
export async function openStream(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<AudioStream> {
  return await naming(name, async () => {
    const { container, at } = await findAudio(bytesOf(bytes), name);
    const stream = await OPENERS[container](bytes.subarray(at), name);
    requireUsable(name, stream);
    return {
      ...stream,
      async *pieces(range) {
        const pieces = stream.pieces(range)[Symbol.asyncIterator]();
        try {
          for (;;) {
            const next = await naming(name, () => pieces.next());
            if (next.done) return;
            yield next.value;
          }
        } finally {
          await pieces.return?.();
        }
      },
    };
  });
}

/**
 * Decodes a whole audio file in this thread.
 *
 * @param name what errors call the audio
 * @throws {AudioError} where it is not audio, empty, truncated or corrupt
 */
export async function decodeAudio(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<DecodedAudio> {
  const { samples, sampleRateHz, pieces } = await openStream(bytes, name);
  const found = await Array.fromAsync(pieces({ start: 0, end: samples }));
  return { sampleRateHz, channels: joined(found) };
}

function joined(pieces: readonly AudioPiece[]): DecodedAudio["channels"] {
  const length = pieces.reduce((sum, [first]) => sum + (first?.length ?? 0), 0);
  return (pieces[0] ?? []).map((_, channel) => {
    const samples = new Float32Array(length);
    let at = 0;
    for (const piece of pieces) {
      samples.set(piece[channel]!, at);
      at += piece[channel]!.length;
    }
    return samples;
  });
}

/** Whatever a decoder throws, as an error that names the file. */
async function naming<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof AudioError) throw cause;
    const is = cause instanceof Error ? cause.message : String(cause);
    throw refusal(name, "its data must be sound", { is, cause });
  }
}
