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
import { RequestError } from "../../plugins/mod.ts";
import { MAX_BYTES, tooLong } from "./body.ts";

/** Decompresses a body as it comes. */
export interface Inflation {
  /** The bytes of one network read: what comes out of them has its time. */
  write(bytes: Buffer, atMs: number): void;
  /** Bytes that wait to be decompressed. */
  readonly waitingBytes: number;
  /** No more will come. */
  end(): void;
  /** Nothing more is wanted. */
  stop(): void;
}

/** Who gets what is decompressed. */
export interface Inflated {
  read(bytes: Buffer, atMs: number): void;
  end(): void;
  fail(error: RequestError): void;
}

/**
 * Decompresses what a server has compressed without being asked to.
 *
 * @throws {RequestError} If the encoding is not known.
 */
export function inflate(encoding: string, to: Inflated): Inflation {
  const open = isKnown(encoding) ? DECODERS[encoding] : undefined;
  if (!open) {
    throw new RequestError(
      "protocol_error",
      `Cannot read the response as its content-encoding must be gzip, deflate or br: current value is ${encoding}`,
    );
  }
  const waiting: { bytes: Buffer; atMs: number }[] = [];
  let decoder: Transform | undefined;
  let nowMs = 0, waitingBytes = 0;
  let isBusy = false, hasEnded = false, isOver = false;

  function start(first: Buffer): Transform {
    return open!(first)
      .on("data", (bytes: Buffer) => void (isOver || to.read(bytes, nowMs)))
      .on("end", () => void (isOver || to.end()))
      .on("error", (cause) => void (isOver || to.fail(damaged(cause))));
  }

  /** One read after the other, as what comes out does not say which it came of. */
  function next(): void {
    if (isOver) return;
    const piece = waiting.shift();
    isBusy = piece !== undefined;
    if (!piece) {
      if (hasEnded) finish();
      return;
    }
    nowMs = piece.atMs;
    waitingBytes -= piece.bytes.length;
    decoder ??= start(piece.bytes);
    // What came out may be handed over a moment after the callback, and never later than the next turn.
    decoder.write(piece.bytes, () => setImmediate(next));
  }

  function finish(): void {
    if (decoder) decoder.end();
    else to.end();
  }

  return {
    write(bytes, atMs) {
      waiting.push({ bytes, atMs });
      waitingBytes += bytes.length;
      if (waitingBytes > MAX_BYTES) to.fail(tooLong("what waits must be"));
      else if (!isBusy) next();
    },
    get waitingBytes() {
      return waitingBytes;
    },
    end() {
      hasEnded = true;
      if (!isBusy) finish();
    },
    stop() {
      isOver = true;
      decoder?.destroy();
    },
  };
}

/** Whether it can be decompressed. A name as "constructor" is an object's own business. */
export function isKnown(encoding: string): boolean {
  return Object.hasOwn(DECODERS, encoding);
}

/** What the header says, in one word; `undefined` where nothing is encoded. */
export function encodingOf(header: string | undefined): string | undefined {
  const name = header?.trim().toLowerCase().replace(/^x-/, "");
  return name === "" || name === "identity" ? undefined : name;
}

/** Hands out all there is after each write. */
const FLUSH = { flush: constants.Z_SYNC_FLUSH };

const DECODERS: Readonly<Record<string, (first: Buffer) => Transform>> = {
  gzip: () => createGunzip(FLUSH),
  deflate: (first) =>
    hasHead(first) ? createInflate(FLUSH) : createInflateRaw(FLUSH),
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
};

/** By the standard `deflate` has a head of its own; some servers leave it out. Its low four bits are 8. */
function hasHead([first = 0]: Buffer): boolean {
  return (first & 0x0f) === 8;
}

/** What the beginning of a body holds; nothing where it cannot be decompressed. */
export function inflateStart(bytes: Buffer, header?: string): Buffer {
  const encoding = encodingOf(header);
  if (encoding === undefined) return bytes;
  try {
    return isKnown(encoding) ? STARTS[encoding]!(bytes) : Buffer.alloc(0);
  } catch {
    return Buffer.alloc(0);
  }
}

/** For a beginning, which has no end. */
const CUT_OFF = { finishFlush: constants.Z_SYNC_FLUSH };

const STARTS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gunzipSync(bytes, CUT_OFF),
  deflate: (bytes) =>
    hasHead(bytes)
      ? inflateSync(bytes, CUT_OFF)
      : inflateRawSync(bytes, CUT_OFF),
  br: (bytes) =>
    brotliDecompressSync(bytes, {
      finishFlush: constants.BROTLI_OPERATION_FLUSH,
    }),
};

function damaged(cause: Error): RequestError {
  return new RequestError(
    "protocol_error",
    "Cannot read the response as it must be compressed as its content-encoding says",
    { cause },
  );
}
