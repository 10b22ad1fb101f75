import { Buffer } from "node:buffer";
import { StringDecoder } from "node:string_decoder";
import { shownBytes } from "../connect/server_text.ts";
import { RequestError } from "../../plugins/mod.ts";

/** Takes the body of a response as it comes, decompressed. */
export interface Body {
  /**
   * The bytes of one network read. Returns true if what follows is not wanted.
   *
   * @throws {RequestError} If they cannot be understood, or are too many.
   */
  read(bytes: Buffer, atMs: number): boolean;
  /**
   * The body has ended.
   *
   * @throws {RequestError} If it is not what it should be.
   */
  end(): void;
}

/** The most that a body may hold, decompressed: what no answer comes near, and every machine has room for. */
export const MAX_BYTES = 64 * 1024 * 1024;

/** Gathers a body and hands it over as text once it has ended, with the time of its last read. */
export function wholeBody(
  startMs: number,
  done: (text: string, atMs: number) => void,
): Body {
  const pieces: Buffer[] = [];
  let bytes = 0, lastMs = startMs;
  return {
    read(piece, atMs) {
      bytes += piece.length;
      if (bytes > MAX_BYTES) throw tooLong("a body must be");
      pieces.push(piece);
      lastMs = atMs;
      return false;
    },
    end: () => done(textOf(pieces), lastMs),
  };
}

/** Decodes UTF-8 that may be cut anywhere; what is none is replaced. */
export function utf8(): StringDecoder {
  return new StringDecoder("utf8");
}

/** A server that would fill the memory. */
export function tooLong(rule: string): RequestError {
  return new RequestError(
    "too_large",
    `Cannot read the response as ${rule} at most ${
      MAX_BYTES / 1024 / 1024
    } MiB: it is longer`,
  );
}

/** By a decoder that takes UTF-8 alone, and leaves out a byte order mark. */
function textOf(pieces: readonly Buffer[]): string {
  const [first = Buffer.alloc(0)] = pieces;
  const bytes = pieces.length > 1 ? Buffer.concat(pieces) : first;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new RequestError(
      "protocol_error",
      `Cannot read the response as it must be text in UTF-8: current value is ${
        shownBytes(bytes)
      }`,
    );
  }
}
