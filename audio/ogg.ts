import { refusal } from "./errors.ts";
import { type AudioInfo, audioInfo } from "./info.ts";
import {
  MAX_PAGE_BYTES,
  type OggPage,
  pageAt,
  startsPage,
} from "./ogg_page.ts";
import { loadDecoder } from "./load_decoder.ts";
import { opusPacketSamples } from "./opus_packet.ts";
import { opusHead } from "./opus_tags.ts";
import { type AudioBytes, bytesOf } from "./source.ts";
import { type AudioPiece, type AudioStream, piecesWithin } from "./stream.ts";

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

/** The samples of an Ogg file, every page of which is held against its checksum and number when it is decoded. */
export async function openOgg(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<AudioStream> {
  const { format, channels, sampleRateHz, durationMs } = await inspectOgg(
    bytesOf(bytes),
    name,
  );
  const samples = Math.round(durationMs / 1000 * sampleRateHz);
  return {
    sampleRateHz,
    channels,
    samples,
    async *pieces(range) {
      let count = 0;
      const decoded = decodePages(format, bytes, name);
      for await (const piece of piecesWithin(decoded, range, samples)) {
        count += piece[0]?.length ?? 0;
        yield piece;
      }
      const missing = range.end - range.start - count;
      if (missing === 0) return;
      throw refusal(name, `its packets must hold ${samples} samples`, {
        is: samples - missing,
      });
    },
  };
}

/** Decodes page by page: one holds at most 255 packets, while hours of silence take a few kilobytes. */
async function* decodePages(
  format: AudioInfo["format"],
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): AsyncGenerator<AudioPiece> {
  const Decoder = await loadDecoder(
    name,
    async () =>
      format === "opus"
        ? (await import("ogg-opus-decoder")).OggOpusDecoder
        : (await import("@wasm-audio-decoders/ogg-vorbis")).OggVorbisDecoder,
  );
  const decoder = new Decoder();
  await decoder.ready;
  const head = format === "opus" ? opusHead(bytes) : undefined;
  try {
    if (head !== undefined) await decoder.decode(head.pages);
    for (const { at, page } of pagesOf(bytes, name)) {
      if (page.end <= (head?.end ?? 0)) continue;
      // The parser gives up a page when the next one comes, or when there is none.
      const audio = await decoder.decode(bytes.subarray(at, page.end));
      yield soundOf(audio, name);
      if (page.last) yield soundOf(await decoder.flush(), name);
    }
  } finally {
    decoder.free();
  }
}

interface Decoded {
  readonly channelData: readonly Float32Array[];
  readonly errors: readonly { readonly message: string }[];
}

function soundOf({ channelData, errors }: Decoded, name: string): AudioPiece {
  if (errors.length === 0) return channelData as AudioPiece;
  throw refusal(name, "its packets must be sound", {
    is: errors.map((error) => error.message).join("; "),
  });
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

/** The pages up to the marked end, each held against its checksum and its number. */
function* pagesOf(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Generator<{ readonly at: number; readonly page: OggPage }> {
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
    if (page.last && startsPage(bytes, page.end)) throw manyStreams(name);
    yield { at, page };
    before = page;
    at = page.end;
  }
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
