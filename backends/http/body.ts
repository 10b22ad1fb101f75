import { Buffer } from "node:buffer";
import type { Transform } from "node:stream";
import type { RequestError } from "../../plugins/mod.ts";
import {
  bodyText,
  damaged,
  decoderFor,
  MAX_BODY_BYTES,
  tooLong,
} from "../connect/content.ts";

/** Reads the decompressed body of a response. */
export interface Body {
  /**
   * Reads the bytes of one network read. Returns true if nothing more is needed.
   *
   * @throws {RequestError} If they are not valid, or too many.
   */
  read(bytes: Buffer, atMs: number): boolean;
  /**
   * Ends the body.
   *
   * @throws {RequestError} If it is not complete or not valid.
   */
  end(): void;
}

/** Collects a body and passes it on as text when it has ended, with the time of its last read. */
export function wholeBody(
  startMs: number,
  done: (text: string, atMs: number) => void,
): Body {
  const pieces: Buffer[] = [];
  let bytes = 0, lastMs = startMs;
  return {
    read(piece, atMs) {
      bytes += piece.length;
      if (bytes > MAX_BODY_BYTES) throw tooLong("the body");
      pieces.push(piece);
      lastMs = atMs;
      return false;
    },
    end() {
      const [first = Buffer.alloc(0)] = pieces;
      const all = pieces.length > 1 ? Buffer.concat(pieces) : first;
      done(bodyText(all), lastMs);
    },
  };
}

/** Decompresses a body while it arrives. */
export interface Inflation {
  /** Decompresses the bytes of one network read. The output has the time of that read. */
  write(bytes: Buffer, atMs: number): void;
  /** Number of bytes that are not decompressed yet. */
  readonly waitingBytes: number;
  /** Ends the body. */
  end(): void;
  /** Stops: no more output is needed. */
  stop(): void;
}

/** Receives a decompressed body. */
export interface InflationOutput {
  read(bytes: Buffer, atMs: number): void;
  end(): void;
  fail(error: RequestError): void;
}

/**
 * Decompresses a body that the server has compressed without being asked to.
 *
 * @throws {RequestError} If the encoding is not known.
 */
export function inflate(encoding: string, output: InflationOutput): Inflation {
  const open = decoderFor(encoding);
  const waiting: { bytes: Buffer; atMs: number }[] = [];
  let decoder: Transform | undefined;
  let nowMs = 0, waitingBytes = 0;
  let isBusy = false, hasEnded = false, isOver = false;

  function start(first: Buffer): Transform {
    return open(first)
      .on("data", (bytes: Buffer) => void (isOver || output.read(bytes, nowMs)))
      .on("end", () => void (isOver || output.end()))
      .on("error", (cause) => void (isOver || output.fail(damaged(cause))));
  }

  /** Decompresses one read after the other, as the output does not say which read it belongs to. */
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
    // The output may arrive shortly after the callback, but not after the next iteration of the loop.
    decoder.write(piece.bytes, () => setImmediate(next));
  }

  function finish(): void {
    if (decoder) decoder.end();
    else output.end();
  }

  return {
    write(bytes, atMs) {
      waiting.push({ bytes, atMs });
      waitingBytes += bytes.length;
      if (waitingBytes > MAX_BODY_BYTES) {
        output.fail(tooLong("the part not yet decompressed"));
      } else if (!isBusy) next();
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
