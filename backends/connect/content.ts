import { Buffer } from "node:buffer";
import type { Transform } from "node:stream";
import {
  brotliDecompressSync,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  gunzipSync,
  inflateRawSync,
  inflateSync,
} from "node:zlib";
import { isRequestError, RequestError } from "../../plugins/mod.ts";
import { shownBytes } from "./server_text.ts";

/** Largest body that is read, decompressed: far above any answer, and every machine has memory for it. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** The failure of a response that would fill the memory; `part` is the part that is too long. */
export function tooLong(part: string): RequestError {
  return new RequestError(
    "too_large",
    `The response is too large: ${part} must be at most ${
      MAX_BODY_BYTES / 1024 / 1024
    } MiB`,
  );
}

/**
 * Decodes a body strictly as UTF-8, without a byte order mark.
 *
 * @throws {RequestError} If the bytes are not valid UTF-8.
 */
export function bodyText(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new RequestError(
      "protocol_error",
      `The response must be UTF-8 text, but was ${shownBytes(bytes)}`,
    );
  }
}

/** Decoders of one content encoding. */
interface Decoder {
  /** Opens a decoder that emits everything it can after each write. `first` holds the first bytes of the body. */
  stream(first: Buffer): Transform;
  /** Decodes the beginning of a body at once. */
  start(bytes: Buffer): Buffer;
}

const FLUSH = { flush: constants.Z_SYNC_FLUSH };
const BROTLI_FLUSH = { flush: constants.BROTLI_OPERATION_FLUSH };

/** Accepts input without an end. */
const CUT_OFF = { finishFlush: constants.Z_SYNC_FLUSH };
const BROTLI_CUT_OFF = { finishFlush: constants.BROTLI_OPERATION_FLUSH };

const DECODERS: Readonly<Record<string, Decoder>> = {
  gzip: {
    stream: () => createGunzip(FLUSH),
    start: (bytes) => gunzipSync(bytes, CUT_OFF),
  },
  deflate: {
    stream: (first) =>
      hasZlibHeader(first) ? createInflate(FLUSH) : createInflateRaw(FLUSH),
    start: (bytes) =>
      hasZlibHeader(bytes)
        ? inflateSync(bytes, CUT_OFF)
        : inflateRawSync(bytes, CUT_OFF),
  },
  br: {
    stream: () => createBrotliDecompress(BROTLI_FLUSH),
    start: (bytes) => brotliDecompressSync(bytes, BROTLI_CUT_OFF),
  },
};

/** The standard gives `deflate` a zlib header; some servers leave it out. Its low four bits are 8. */
function hasZlibHeader([first = 0]: Buffer): boolean {
  return (first & 0x0f) === 8;
}

/** The encoding that a `content-encoding` header names; `undefined` for none. */
export function encodingOf(header: string | undefined): string | undefined {
  const name = header?.trim().toLowerCase().replace(/^x-/, "");
  return name === "" || name === "identity" ? undefined : name;
}

/** Whether an encoding can be decompressed. */
export function isKnownEncoding(encoding: string): boolean {
  return Object.hasOwn(DECODERS, encoding);
}

/**
 * The function that opens a streaming decoder, given the first bytes.
 *
 * @throws {RequestError} If the encoding is not known.
 */
export function decoderFor(encoding: string): Decoder["stream"] {
  return knownDecoder(encoding).stream;
}

/**
 * Decompresses a whole body. It uses the streaming decoder, as that of Brotli alone detects a body that is cut off.
 *
 * @throws {RequestError} If the encoding is not known, or the body is damaged or too large.
 */
export async function decompress(
  bytes: Buffer,
  header?: string,
): Promise<Buffer> {
  const encoding = encodingOf(header);
  if (encoding === undefined) return bytes;
  const decoder = decoderFor(encoding)(bytes);
  decoder.end(bytes);
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of decoder) {
      size += piece.length;
      if (size > MAX_BODY_BYTES) throw tooLong("the body");
      pieces.push(piece);
    }
  } catch (error) {
    throw isRequestError(error) ? error : damaged(error as Error);
  }
  return Buffer.concat(pieces);
}

/** Decompresses the beginning of a body; empty where that is not possible. */
export function decompressStart(bytes: Buffer, header?: string): Buffer {
  const encoding = encodingOf(header);
  if (encoding === undefined) return bytes;
  try {
    return knownDecoder(encoding).start(bytes);
  } catch {
    return Buffer.alloc(0);
  }
}

function knownDecoder(encoding: string): Decoder {
  if (isKnownEncoding(encoding)) return DECODERS[encoding]!;
  throw new RequestError(
    "protocol_error",
    `The response's content-encoding must be gzip, deflate or br, but was ${encoding}`,
  );
}

/** The failure of a body that is not compressed as its header says. */
export function damaged(cause: Error): RequestError {
  return new RequestError(
    "protocol_error",
    "The response must be compressed as its content-encoding says",
    { cause },
  );
}
