import { AudioError, refusal } from "./errors.ts";
import { decodeFlac } from "./flac.ts";
import { type DecodedAudio, requireUsable } from "./info.ts";
import { decodeMp3 } from "./mp3.ts";
import { decodeOgg } from "./ogg.ts";
import { type AudioContainer, sniff } from "./sniff.ts";
import { decodeWav } from "./wav.ts";

const DECODERS: Readonly<
  Record<
    AudioContainer,
    (bytes: Uint8Array<ArrayBuffer>, name: string) => Promise<DecodedAudio>
  >
> = { wav: decodeWav, flac: decodeFlac, mp3: decodeMp3, ogg: decodeOgg };

/**
 * Decodes a whole audio file in this thread, and holds what comes out against the lengths and
 * checksums of the container: decoders themselves pass over damage in silence.
 *
 * @param name what errors call the audio
 * @throws {AudioError} where it is not audio, empty, truncated or corrupt
 */
export async function decodeAudio(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<DecodedAudio> {
  const container = sniff(bytes, name);
  try {
    const audio = await DECODERS[container](bytes, name);
    requireUsable(name, {
      sampleRateHz: audio.sampleRateHz,
      channels: audio.channels.length,
      samples: audio.channels[0]?.length ?? 0,
    });
    return audio;
  } catch (cause) {
    if (cause instanceof AudioError) throw cause;
    const is = cause instanceof Error ? cause.message : String(cause);
    throw refusal(name, "its data must be sound", { is, cause });
  }
}
