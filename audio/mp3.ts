import { refusal } from "./errors.ts";
import { type AudioInfo, audioInfo, type DecodedAudio } from "./info.ts";
import { loadDecoder } from "./load_decoder.ts";
import { type Mp3Frame, mp3FrameAt, sameStream } from "./mp3_frame.ts";
import { crc16, type Mp3Tag, mp3TagAt } from "./mp3_tag.ts";
import { type AudioBytes, bytesOf } from "./source.ts";

/** Where an MP3 begins and what its first frame tells. */
interface Mp3Start {
  /** Where the first frame lies. */
  readonly at: number;
  readonly frame: Mp3Frame;
  readonly tag: Mp3Tag | undefined;
}

/** Bytes that may lie between tags and the first frame. */
const SEARCH_BYTES = 65_536;

/**
 * What the tag in the first frame tells; without one, the frames are walked. A file without a tag
 * that was cut between two frames cannot be told from a whole one.
 */
export async function inspectMp3(
  bytes: AudioBytes,
  name: string,
): Promise<AudioInfo> {
  const start = await startOf(bytes, name);
  const { frames, bytes: audioBytes } = start.tag ?? {};
  const there = bytes.size - start.at;
  if (audioBytes !== undefined && audioBytes > there) {
    throw refusal(name, `it must hold ${audioBytes} bytes of audio`, {
      is: `${there} (truncated)`,
    });
  }
  if (frames !== undefined && audioBytes !== undefined) {
    return infoOf(start, frames, name);
  }
  const whole = await bytes.read(0, bytes.size);
  return infoOf(start, requireFrames(whole, start, name).frames, name);
}

/** The samples of an MP3, every frame of which is held against the tag. */
export async function decodeMp3(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<DecodedAudio> {
  const start = await startOf(bytesOf(bytes), name);
  const { frames, end } = requireFrames(bytes, start, name);
  requireMusic(bytes, start, name);
  const { MPEGDecoder } = await loadDecoder(
    name,
    () => import("mpg123-decoder"),
  );
  const decoder = new MPEGDecoder();
  await decoder.ready;
  try {
    const audio = decoder.decode(bytes.subarray(start.at, end));
    if (audio.errors.length > 0) {
      throw refusal(name, "its frames must be sound", {
        is: audio.errors.map((error) => error.message).join("; "),
      });
    }
    const info = infoOf(start, frames, name);
    const expected = Math.round(info.durationMs / 1000 * info.sampleRateHz);
    if (Math.abs(audio.samplesDecoded - expected) >= start.frame.samples) {
      throw refusal(name, `its frames must hold ${expected} samples`, {
        is: `${audio.samplesDecoded} that are sound`,
      });
    }
    const channels = audio.channelData.slice(0, info.channels);
    return {
      sampleRateHz: info.sampleRateHz,
      channels: channels.map((channel) => channel.slice(0, expected)),
    };
  } finally {
    decoder.free();
  }
}

function infoOf(start: Mp3Start, frames: number, name: string): AudioInfo {
  const { frame, tag } = start;
  const samples = frames * frame.samples - (tag?.delay ?? 0) -
    (tag?.padding ?? 0);
  return audioInfo(name, { format: "mp3", ...frame, samples });
}

async function startOf(bytes: AudioBytes, name: string): Promise<Mp3Start> {
  const after = await afterTags(bytes);
  const head = await bytes.read(after, after + SEARCH_BYTES);
  for (let at = 0; at < head.length; at++) {
    const frame = mp3FrameAt(head, at);
    if (frame === undefined || !isFollowed(head, at, frame)) continue;
    return { at: after + at, frame, tag: mp3TagAt(head, at, frame) };
  }
  throw refusal(name, "MP3 must hold a frame of MPEG audio, layer III", {
    is: `none after byte ${after}`,
  });
}

/** A header alone is four bytes that may be there by chance: another one must follow its frame. */
function isFollowed(head: Uint8Array, at: number, frame: Mp3Frame): boolean {
  const next = mp3FrameAt(head, at + frame.bytes);
  if (next !== undefined) return sameStream(frame, next);
  return at + frame.bytes + 4 > head.length;
}

/** Where the ID3v2 tags at the start end. */
async function afterTags(bytes: AudioBytes): Promise<number> {
  for (let at = 0;;) {
    const tag = await bytes.read(at, at + 10);
    if (
      tag.length < 10 || String.fromCharCode(...tag.subarray(0, 3)) !== "ID3"
    ) {
      return at;
    }
    const size = tag.subarray(6).reduce((sum, byte) => sum * 128 + byte, 0);
    at += 10 + size + ((tag[5]! & 0x10) !== 0 ? 10 : 0);
  }
}

/** Walks the frames; returns how many hold audio and where they end. */
function requireFrames(
  bytes: Uint8Array<ArrayBuffer>,
  start: Mp3Start,
  name: string,
): { frames: number; end: number } {
  let count = 0;
  let at = start.at;
  for (;;) {
    const frame = mp3FrameAt(bytes, at);
    if (frame === undefined || !sameStream(frame, start.frame)) break;
    if (at + frame.bytes > bytes.length) {
      throw refusal(name, `frame ${count} must hold ${frame.bytes} bytes`, {
        is: `${bytes.length - at} (truncated)`,
      });
    }
    at += frame.bytes;
    count++;
  }
  requireNoMore(bytes, at, { start, count, name });
  const frames = start.tag === undefined ? count : count - 1;
  const expected = start.tag?.frames ?? frames;
  if (frames < expected) {
    throw refusal(name, `it must hold ${expected} frames`, {
      is: `${frames} (truncated)`,
    });
  }
  return { frames: expected, end: at };
}

/** After the last frame may come tags and junk, but no more frames: those would be lost. */
function requireNoMore(
  bytes: Uint8Array<ArrayBuffer>,
  from: number,
  { start, count, name }: { start: Mp3Start; count: number; name: string },
): void {
  const limit = Math.min(bytes.length, from + SEARCH_BYTES);
  for (let at = from; at < limit; at++) {
    const frame = mp3FrameAt(bytes, at);
    if (frame === undefined || !sameStream(frame, start.frame)) continue;
    const next = mp3FrameAt(bytes, at + frame.bytes);
    if (next === undefined || !sameStream(next, frame)) continue;
    throw refusal(name, `frame ${count} must follow at byte ${from}`, {
      is: `none before byte ${at} (corrupt)`,
    });
  }
}

/** Holds the data against the checksum that the encoder left, where it left one. */
function requireMusic(
  bytes: Uint8Array<ArrayBuffer>,
  { at, frame, tag }: Mp3Start,
  name: string,
): void {
  if (tag?.music === undefined) return;
  const data = bytes.subarray(at + frame.bytes, at + tag.music.bytes);
  const crc = crc16(data);
  if (crc === tag.music.crc) return;
  throw refusal(name, `its frames must have the CRC ${tag.music.crc}`, {
    is: crc,
  });
}
