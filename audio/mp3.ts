import { AudioError, refusal } from "./errors.ts";
import { type AudioInfo, audioInfo } from "./info.ts";
import { loadDecoder } from "./load_decoder.ts";
import { type Mp3Frame, mp3FrameAt, sameStream } from "./mp3_frame.ts";
import { crc16, type Mp3Tag, mp3TagAt } from "./mp3_tag.ts";
import { type AudioBytes, bytesOf } from "./source.ts";
import { type AudioPiece, type AudioStream, piecesWithin } from "./stream.ts";

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
  if (frames === undefined || audioBytes === undefined) {
    const walked = await requireFrames(bytes, start, name);
    return infoOf(start, walked.frames, name);
  }
  await requireOne(bytes, start.at + audioBytes, { start, name });
  return infoOf(start, frames, name);
}

/** Bytes that are fed to the decoder at once. */
const FEED_BYTES = 65_536;

/** The samples of an MP3, whose frames are held against the tag where all of them are decoded. */
export async function openMp3(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<AudioStream> {
  const start = await startOf(bytesOf(bytes), name);
  const { frames, end } = await requireFrames(bytesOf(bytes), start, name);
  const { durationMs, sampleRateHz, channels } = infoOf(start, frames, name);
  const samples = Math.round(durationMs / 1000 * sampleRateHz);
  const audio = bytes.subarray(start.at, end);
  return {
    sampleRateHz,
    channels,
    samples,
    async *pieces(range) {
      if (range.end >= samples) requireMusic(bytes, start, name);
      let count = 0;
      const decoded = decode(audio, name);
      for await (const piece of piecesWithin(decoded, range, samples)) {
        count += piece[0]?.length ?? 0;
        yield piece.slice(0, channels);
      }
      const missing = range.end - range.start - count;
      if (missing >= start.frame.samples) {
        throw refusal(name, `its frames must hold ${samples} samples`, {
          is: `${samples - missing} that are sound`,
        });
      }
      // A decoder that lags behind keeps the last of them.
      const silence = () => new Float32Array(missing);
      if (missing > 0) yield Array.from({ length: channels }, silence);
    },
  };
}

async function* decode(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): AsyncGenerator<AudioPiece> {
  const { MPEGDecoder } = await loadDecoder(
    name,
    () => import("mpg123-decoder"),
  );
  const decoder = new MPEGDecoder();
  await decoder.ready;
  try {
    for (let at = 0; at < bytes.length; at += FEED_BYTES) {
      const audio = decoder.decode(bytes.subarray(at, at + FEED_BYTES));
      if (audio.errors.length > 0) {
        throw refusal(name, "its frames must be sound", {
          is: audio.errors.map((error) => error.message).join("; "),
        });
      }
      yield audio.channelData as AudioPiece;
    }
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
  const head = await bytes.read(0, SEARCH_BYTES);
  for (let at = 0; at < head.length; at++) {
    const frame = mp3FrameAt(head, at);
    if (frame === undefined || !isFollowed(head, at, frame)) continue;
    return { at, frame, tag: mp3TagAt(head, at, frame) };
  }
  throw refusal(name, "MP3 must hold a frame of MPEG audio, layer III", {
    is: `none in the first ${head.length} bytes`,
  });
}

/** A header alone is four bytes that may be there by chance: another one must follow its frame. */
function isFollowed(head: Uint8Array, at: number, frame: Mp3Frame): boolean {
  const next = mp3FrameAt(head, at + frame.bytes);
  if (next !== undefined) return sameStream(frame, next);
  return at + frame.bytes + 4 > head.length;
}

/** Bytes that are walked at once. */
const WALK_BYTES = 2 ** 18;

/** Walks the frames; returns how many hold audio and where they end. */
async function requireFrames(
  bytes: AudioBytes,
  start: Mp3Start,
  name: string,
): Promise<{ frames: number; end: number }> {
  let count = 0;
  let at = start.at;
  let window = new Uint8Array();
  let from = at;
  for (;;) {
    if (at + 4 > from + window.length) {
      window = await bytes.read(at, at + WALK_BYTES);
      from = at;
    }
    const frame = mp3FrameAt(window, at - from);
    if (frame === undefined || !sameStream(frame, start.frame)) break;
    if (at + frame.bytes > bytes.size) {
      throw refusal(name, `frame ${count} must hold ${frame.bytes} bytes`, {
        is: `${bytes.size - at} (truncated)`,
      });
    }
    at += frame.bytes;
    count++;
  }
  await requireNoMore(bytes, at, { start, count, name });
  const frames = start.tag === undefined ? count : count - 1;
  const expected = start.tag?.frames ?? frames;
  if (frames < expected) {
    throw refusal(name, `it must hold ${expected} frames`, {
      is: `${frames} (truncated)`,
    });
  }
  if (frames > expected + UNCOUNTED_FRAMES) throw twoIn(name);
  return { frames: expected, end: at };
}

/** After the last frame may come tags and junk, but no more frames: those would be lost. */
async function requireNoMore(
  bytes: AudioBytes,
  from: number,
  { start, count, name }: { start: Mp3Start; count: number; name: string },
): Promise<void> {
  const tail = await bytes.read(from, from + SEARCH_BYTES);
  for (let at = 0; at < tail.length; at++) {
    const frame = mp3FrameAt(tail, at);
    if (frame === undefined || !sameStream(frame, start.frame)) continue;
    const next = mp3FrameAt(tail, at + frame.bytes);
    if (next === undefined || !sameStream(next, frame)) continue;
    throw refusal(name, `frame ${count} must follow at byte ${from}`, {
      is: `none before byte ${from + at} (corrupt)`,
    });
  }
}

/** Frames that may follow those that a tag counts: some encoders count the tag's own, or leave out the last. */
const UNCOUNTED_FRAMES = 2;

/** Where the tag says that the audio ends, no other recording may begin: it would not be measured. */
async function requireOne(
  bytes: AudioBytes,
  end: number,
  { start, name }: { start: Mp3Start; name: string },
): Promise<void> {
  const tail = await bytes.read(end, end + SEARCH_BYTES);
  let at = 0;
  for (let more = 0; more <= UNCOUNTED_FRAMES; more++) {
    const frame = mp3FrameAt(tail, at);
    if (frame === undefined || !sameStream(frame, start.frame)) return;
    at += frame.bytes;
  }
  throw twoIn(name);
}

function twoIn(name: string): AudioError {
  return new AudioError(
    `${name}: an MP3 file must hold one recording, but more frames follow those that its tag counts: split the file, or remove the tag`,
  );
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
