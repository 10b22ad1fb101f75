import { inspectFlac } from "./flac.ts";
import type { AudioInfo } from "./info.ts";
import { inspectMp3 } from "./mp3.ts";
import { inspectOgg } from "./ogg.ts";
import { type AudioContainer, findAudio } from "./sniff.ts";
import { type AudioBytes, type AudioSource, bytesFrom } from "./source.ts";
import { inspectWav } from "./wav.ts";

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
  const { info } = await inspectFile(source);
  return info;
}

/** What {@linkcode inspectAudio} tells, with the file's size in bytes. */
export async function inspectFile(
  source: AudioSource,
): Promise<{ info: AudioInfo; size: number }> {
  await using bytes = await source.open();
  const { size } = bytes;
  const { container, at, head } = await findAudio(bytes, source.name);
  const audio = bytesFrom(bytes, at, head);
  return { info: await INSPECTORS[container](audio, source.name), size };
}
