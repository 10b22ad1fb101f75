import { refusal } from "./errors.ts";
import { type AudioInfo, audioInfo, type DecodedAudio } from "./info.ts";
import {
  MAX_PAGE_BYTES,
  type OggPage,
  pageAt,
  startsPage,
} from "./ogg_page.ts";
import { loadDecoder } from "./load_decoder.ts";
import { opusPacketSamples } from "./opus_packet.ts";
import { withoutOpusTags } from "./opus_tags.ts";
import { type AudioBytes, bytesOf } from "./source.ts";

/** What the first page of a stream tells. */
interface OggStream {
  readonly format: "opus" | "vorbis";
  readonly serial: number;
  readonly channels: number;
  /** Of what comes out of the decoder, and of granule positions. */
  readonly sampleRateHz: number;
  /** Samples at the start that are decoded but not heard. */
  readonly preSkip: number;
}

/** Granule positions of Opus count at this rate, and its decoder gives it (RFC 7845 §4). */
const OPUS_HZ = 48_000;

/** Holds most pages without audio. */
const SHORT_PAGE_BYTES = 1024;

/** What the first pages and the last page of an Ogg file tell. */
export async function inspectOgg(
  bytes: AudioBytes,
  name: string,
): Promise<AudioInfo> {
  const stream = await streamOf(bytes, name);
  const tailAt = Math.max(0, bytes.size - MAX_PAGE_BYTES);
  const last = lastPage(await bytes.read(tailAt, bytes.size), name);
  requireSerial(last, stream, name);
  const start = stream.format === "opus" ? await opusStart(bytes, name) : 0;
  const samples = last.granule - start - stream.preSkip;
  return audioInfo(name, { ...stream, samples });
}

/** The samples of an Ogg file, every page of which is held against its checksum and number. */
export async function decodeOgg(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<DecodedAudio> {
  const end = requirePages(bytes, name);
  const whole = bytes.subarray(0, end);
  const info = await inspectOgg(bytesOf(whole), name);
  const audio = await decodePages(info.format, whole, name);
  if (audio.errors.length > 0) {
    throw refusal(name, "its packets must be sound", {
      is: audio.errors.map((error) => error.message).join("; "),
    });
  }
  const expected = Math.round(info.durationMs / 1000 * info.sampleRateHz);
  if (audio.samplesDecoded < expected) {
    throw refusal(name, `its packets must hold ${expected} samples`, {
      is: audio.samplesDecoded,
    });
  }
  const channels = audio.channelData.map((c) => c.slice(0, expected));
  return { sampleRateHz: audio.sampleRate, channels };
}

async function decodePages(
  format: AudioInfo["format"],
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
) {
  const Decoder = await loadDecoder(
    name,
    async () =>
      format === "opus"
        ? (await import("ogg-opus-decoder")).OggOpusDecoder
        : (await import("@wasm-audio-decoders/ogg-vorbis")).OggVorbisDecoder,
  );
  const decoder = new Decoder();
  await decoder.ready;
  try {
    return await decoder.decodeFile(
      format === "opus" ? withoutOpusTags(bytes) : bytes,
    );
  } finally {
    decoder.free();
  }
}

async function streamOf(bytes: AudioBytes, name: string): Promise<OggStream> {
  const { page, piece: head } = await readPage(bytes, 0);
  if (typeof page === "string") {
    throw refusal(name, "its first page must be sound", { is: page });
  }
  const view = new DataView(head.buffer, page.body, page.end - page.body);
  const magic = String.fromCharCode(...head.subarray(page.body, page.body + 8));
  const { serial } = page;
  if (magic === "OpusHead" && view.byteLength >= 19) {
    return {
      format: "opus",
      serial,
      channels: view.getUint8(9),
      sampleRateHz: OPUS_HZ,
      preSkip: view.getUint16(10, true),
    };
  }
  if (magic.startsWith("\x01vorbis") && view.byteLength >= 30) {
    return {
      format: "vorbis",
      serial,
      channels: view.getUint8(11),
      sampleRateHz: view.getUint32(12, true),
      preSkip: 0,
    };
  }
  const codec = magic.replaceAll(/[^\x20-\x7e]/g, "").trim();
  throw refusal(name, "Ogg must hold Opus or Vorbis", {
    is: JSON.stringify(codec),
  });
}

/** The last page of a file, of which `tail` is the end. Whatever follows it is passed over. */
function lastPage(tail: Uint8Array<ArrayBuffer>, name: string): OggPage {
  for (let at = tail.length - 4; at >= 0; at--) {
    if (!startsPage(tail, at)) continue;
    const page = pageAt(tail, at);
    if (typeof page === "string") {
      throw refusal(name, "its last page must be sound", { is: page });
    }
    if (!page.last) throw unended(name, page);
    return page;
  }
  throw refusal(name, "it must end with an Ogg page", { is: "none" });
}

function unended(name: string, page: OggPage) {
  return refusal(name, "its last page must be marked as the end", {
    is: `page ${page.sequence} without the mark (truncated)`,
  });
}

/** Walks all pages up to the marked end; returns where that is. */
function requirePages(bytes: Uint8Array<ArrayBuffer>, name: string): number {
  let before: OggPage | undefined;
  for (let at = 0; before === undefined || !before.last;) {
    const page = pageAt(bytes, at);
    if (typeof page === "string") {
      if (before !== undefined && at === bytes.length) {
        throw unended(name, before);
      }
      throw refusal(name, "its Ogg pages must be sound", {
        is: `a ${page} one at byte ${at}`,
      });
    }
    if (before !== undefined) requireNext(page, before, name);
    before = page;
    at = page.end;
  }
  if (startsPage(bytes, before.end)) throw manyStreams(name);
  return before.end;
}

function requireNext(page: OggPage, before: OggPage, name: string): void {
  if (page.serial !== before.serial) throw manyStreams(name);
  if (page.sequence === before.sequence + 1) return;
  throw refusal(name, `page ${before.sequence + 1} must follow`, {
    is: `page ${page.sequence}`,
  });
}

function requireSerial(page: OggPage, stream: OggStream, name: string): void {
  if (page.serial !== stream.serial) throw manyStreams(name);
}

function manyStreams(name: string) {
  return refusal(name, "Ogg must hold one stream", { is: "several" });
}

/**
 * Position of the first sample, which is not 0 where a stream was cut from a longer one: what the
 * first page of audio ends with, less what its packets hold (RFC 7845 §4.3). A page that is the last
 * one as well may count more than is heard, so there it is 0.
 */
async function opusStart(bytes: AudioBytes, name: string): Promise<number> {
  for (let at = 0; at < bytes.size;) {
    const { page, piece } = await readPage(bytes, at);
    if (typeof page === "string") {
      throw refusal(name, "its Ogg pages must be sound", {
        is: `a ${page} one at byte ${at}`,
      });
    }
    if (page.granule > 0) {
      return page.last ? 0 : Math.max(0, page.granule - heldBy(page, piece));
    }
    at += page.end;
  }
  throw refusal(name, "it must hold a page of audio", { is: "none" });
}

/** The page at `at` and the bytes that hold it; header pages are short, so little is read first. */
async function readPage(bytes: AudioBytes, at: number) {
  const short = await bytes.read(at, at + SHORT_PAGE_BYTES);
  const page = pageAt(short, 0);
  if (page !== "truncated") return { page, piece: short };
  const piece = await bytes.read(at, at + MAX_PAGE_BYTES);
  return { page: pageAt(piece, 0), piece };
}

/** Samples of the packets that end on a page. */
function heldBy(page: OggPage, bytes: Uint8Array): number {
  let samples = 0;
  let start = page.body;
  let at = page.body;
  for (const piece of page.lacing) {
    at += piece;
    if (piece === 255) continue;
    samples += opusPacketSamples(bytes.subarray(start, at));
    start = at;
  }
  return samples;
}
