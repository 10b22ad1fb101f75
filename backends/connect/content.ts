import { Buffer } from "node:buffer";
import type { Transform } from "node:stream";
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
} from "node:zlib";
import { isRequestError, RequestError } from "../../plugins/mod.ts";
import { shownBytes } from "./server_text.ts";

/** Largest body that is read, decompressed: far above any answer, and every machine has memory for it. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** The failure of a response that would fill the memory; `part` is the part that is too long. */
export function tooLong(part: string): RequestError {
  const maxMiB = MAX_BODY_BYTES / 1024 / 1024;
  const message =
    `The response is too large: ${part} must be at most ${maxMiB} MiB`;
  return new RequestError("too_large", message);
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
    const message = `The response must be UTF-8 text, but was ${
      shownBytes(bytes)
    }`;
    throw new RequestError("protocol_error", message);
  }
}

/** Opens a decoder that emits everything it can after each write. `first` holds the first bytes of the body. */
type OpenDecoder = (first: Buffer) => Transform;

const FLUSH = { flush: constants.Z_SYNC_FLUSH };

const DECODERS: Readonly<Record<string, OpenDecoder>> = {
  gzip: () => createGunzip(FLUSH),
  deflate: (first) =>
    hasZlibHeader(first) ? createInflate(FLUSH) : createInflateRaw(FLUSH),
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
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
export function decoderFor(encoding: string): OpenDecoder {
  if (isKnownEncoding(encoding)) return DECODERS[encoding]!;
  const message =
    `The response's content-encoding must be gzip, deflate or br, but was ${encoding}`;
  throw new RequestError("protocol_error", message);
}

/**
 * Decompresses a whole body.
 *
 * @throws {RequestError} If the encoding is not known, or the body is damaged, cut off or too large.
 */
export async function decompress(
  bytes: Buffer,
  header?: string,
): Promise<Buffer> {
  const encoding = encodingOf(header);
  if (encoding === undefined) return bytes;
  const { output, error } = await decode(bytes, decoderFor(encoding));
  if (error) throw isRequestError(error) ? error : damaged(error);
  return output;
}

/** Decompresses the beginning of a body; empty where that is not possible. */
export async function decompressStart(
  bytes: Buffer,
  header?: string,
): Promise<Buffer> {
  const encoding = encodingOf(header);
  if (encoding === undefined) return bytes;
  if (!isKnownEncoding(encoding)) return Buffer.alloc(0);
  return (await decode(bytes, decoderFor(encoding))).output;
}

/** Decodes bytes as far as possible. Of all decoders, only the streaming one of Brotli detects that they are cut off. */
function decode(
  bytes: Buffer,
  open: OpenDecoder,
): Promise<{ output: Buffer; error?: Error }> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const decoder = open(bytes)
      .on("data", (piece: Buffer) => {
        size += piece.length;
        if (size > MAX_BODY_BYTES) decoder.destroy(tooLong("the body"));
        else pieces.push(piece);
      })
      .on("end", () => resolve({ output: Buffer.concat(pieces) }))
      .on(
        "error",
        (error) => resolve({ output: Buffer.concat(pieces), error }),
      );
    decoder.end(bytes);
  });
}

/** The failure of a body that is not compressed as its header says. */
export function damaged(cause: Error): RequestError {
  const message =
    "The response must be compressed as its content-encoding says";
  return new RequestError("protocol_error", message, { cause });
}
