import { inspectFlac } from "./flac.ts";
import type { AudioInfo } from "./info.ts";
import { inspectMp3 } from "./mp3.ts";
import { inspectOgg } from "./ogg.ts";
import { type AudioContainer, sniff } from "./sniff.ts";
import { type AudioBytes, type AudioSource, withHead } from "./source.ts";
import { inspectWav } from "./wav.ts";

/** Bytes read at once from the start of a file: enough for the headers of most. */
const HEAD_BYTES = 4096;

const INSPECTORS: Readonly<
  Record<
    AudioContainer,
    (bytes: AudioBytes, name: string) => Promise<AudioInfo>
  >
> = {
  wav: inspectWav,
  flac: inspectFlac,
  mp3: inspectMp3,
  ogg: inspectOgg,
};

/**
 * What the headers of an audio file tell, read without the rest of it (but for MP3 without a Xing or
 * VBRI header, which has to be walked). Checks that the file is as long as its container says, as far
 * as that can be known without decoding.
 *
 * @throws {AudioError} where the file cannot be read, is not audio, empty, truncated, or shorter
 * than 1 ms
 */
export async function inspectAudio(source: AudioSource): Promise<AudioInfo> {
  await using bytes = await source.open();
  const head = await bytes.read(0, HEAD_BYTES);
  const inspect = INSPECTORS[sniff(head, source.name)];
  return await inspect(withHead(bytes, head), source.name);
}
