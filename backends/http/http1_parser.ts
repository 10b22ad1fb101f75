import type { Buffer } from "node:buffer";
import { NotHttpError } from "../connect/failures.ts";
import { isInformational } from "../connect/status.ts";
import type { Headers } from "./wire.ts";

/** Receives the parts of a response in their order. */
export interface ResponseParts {
  /** Also called for informational responses, before the head of the response itself. */
  head(status: number, headers: Headers): void;
  /** A piece of the body, without the framing of chunks. */
  body(piece: Buffer): void;
  end(): void;
}

/** Largest head of a response. */
const MAX_HEAD_BYTES = 64 * 1024;

/** The part of a response that the next byte belongs to. */
enum Part {
  Head,
  /** A body of known length. */
  Body,
  /** A body that ends with the connection. */
  BodyUntilClose,
  ChunkSize,
  /** Anything between the size of a chunk and its line feed. */
  ChunkExtension,
  Chunk,
  ChunkEnd,
  Trailer,
}

const TAB = 9, LF = 10, CR = 13;

/** Parses the responses on one connection, by RFC 9112. */
export class ResponseParser {
  readonly #parts: ResponseParts;
  #part = Part.Head;
  /** The head as far as it was received. */
  #head = "";
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0;
  /** Digits of the size of a chunk, or characters of a trailer's line. */
  #characters = 0;
  /** Whether the response has ended. */
  #isOver = false;
  /** Whether the server keeps the connection open after this response. */
  isKept = true;

  constructor(parts: ResponseParts) {
    this.#parts = parts;
  }

  /** Whether the response ends with the connection. */
  get endsWithClose(): boolean {
    return this.#part === Part.BodyUntilClose;
  }

  /**
   * Parses the bytes of one read. Returns how many were parsed: all of them, or those up to the end of the response.
   *
   * @throws {NotHttpError} If they are not a response.
   */
  parse(bytes: Buffer): number {
    let at = 0;
    this.#isOver = false;
    while (at < bytes.length && !this.#isOver) {
      switch (this.#part) {
        case Part.Head:
          at = this.#readHead(bytes, at);
          break;
        case Part.BodyUntilClose:
          this.#parts.body(at === 0 ? bytes : bytes.subarray(at));
          return bytes.length;
        case Part.Body:
        case Part.Chunk:
          at = this.#readBody(bytes, at);
          break;
        default:
          this.#readFraming(bytes[at++]!);
      }
    }
    return at;
  }

  #readHead(bytes: Buffer, at: number): number {
    const before = this.#head.length;
    const limit = Math.min(bytes.length, at + MAX_HEAD_BYTES);
    const text = this.#head + bytes.toString("latin1", at, limit);
    if (!"HTTP/1.".startsWith(text.slice(0, 7))) throw notHttp();
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) {
      this.#head = "";
      this.#begin(text.slice(0, end));
      return at + end + 4 - before;
    }
    if (/(^|[^\r])\n/.test(text)) {
      throw new NotHttpError("a line of the head does not end with CR and LF");
    }
    if (text.length >= MAX_HEAD_BYTES) {
      throw new NotHttpError(
        `the head of the response is larger than ${MAX_HEAD_BYTES} bytes`,
      );
    }
    this.#head = text;
    return bytes.length;
  }

  /** Takes a head and decides where the body ends. */
  #begin(text: string): void {
    const [first = "", ...lines] = text.split("\r\n");
    const [, version, code] = STATUS_LINE.exec(first) ?? [];
    if (code === undefined) throw notHttp();
    const headers = new Map<string, string>();
    for (const line of lines) {
      if (!HEADER.test(line)) throw new NotHttpError("a header is not valid");
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      const first = headers.get(name);
      if (first === undefined) headers.set(name, value);
      else if (name === "content-length" && value !== first) {
        throw contradictory();
      }
    }
    const status = Number(code);
    const isFinal = !isInformational(status);
    if (isFinal) this.#frame(status, headers, version === "1");
    this.#parts.head(status, headers);
    if (isFinal && this.#part === Part.Head) this.#finish();
  }

  #finish(): void {
    this.#part = Part.Head;
    this.#isOver = true;
    this.#parts.end();
  }

  #frame(status: number, headers: Headers, isKeptByDefault: boolean): void {
    const connection = headers.get("connection") ?? "";
    this.isKept = isKeptByDefault
      ? !/\bclose\b/i.test(connection)
      : /\bkeep-alive\b/i.test(connection);
    const coding = headers.get("transfer-encoding");
    const length = headers.get("content-length");
    if (coding !== undefined && length !== undefined) throw contradictory();
    if (status === 204 || status === 304) this.#part = Part.Head;
    else if (coding !== undefined && /\bchunked$/i.test(coding)) {
      this.#beginChunk();
    } else if (coding !== undefined || length === undefined) {
      this.#part = Part.BodyUntilClose;
      this.isKept = false;
    } else if (/^\d+$/.test(length)) {
      this.#left = Number(length);
      this.#part = this.#left > 0 ? Part.Body : Part.Head;
    } else throw new NotHttpError("the Content-Length is not a number");
  }

  #readBody(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    const piece = at === 0 && end === bytes.length
      ? bytes
      : bytes.subarray(at, end);
    const isChunk = this.#part === Part.Chunk;
    this.#parts.body(piece);
    if (this.#left > 0) return end;
    if (isChunk) this.#part = Part.ChunkEnd;
    else this.#finish();
    return end;
  }

  /** Reads one byte of what is around the chunks. */
  #readFraming(byte: number): void {
    switch (this.#part) {
      case Part.ChunkSize:
        return this.#readSize(byte);
      case Part.ChunkExtension:
        if (byte === LF) this.#endSize();
        return;
      case Part.ChunkEnd:
        if (byte === LF) this.#beginChunk();
        else if (byte !== CR) throw badChunk("ends");
        return;
      case Part.Trailer:
        if (byte === LF && this.#characters === 0) this.#finish();
        else if (byte === LF) this.#characters = 0;
        else if (byte < 32 && byte !== CR && byte !== TAB) {
          throw new NotHttpError("a trailer is not valid");
        } else if (byte !== CR) this.#characters++;
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#characters++;
      this.#left = this.#left * 16 + digit;
      if (!Number.isSafeInteger(this.#left)) throw badChunk("begins");
    } else {
      // A line feed, or the beginning of anything before it: spaces, an extension, a carriage return.
      if (this.#characters === 0 || !SIZE_ENDS.includes(byte)) {
        throw badChunk("begins");
      }
      if (byte === LF) this.#endSize();
      else this.#part = Part.ChunkExtension;
    }
  }

  #beginChunk(): void {
    this.#part = Part.ChunkSize;
    this.#left = this.#characters = 0;
  }

  #endSize(): void {
    this.#characters = 0;
    this.#part = this.#left > 0 ? Part.Chunk : Part.Trailer;
  }
}

const STATUS_LINE = /^HTTP\/1\.([01]) (\d\d\d)(?: |$)/;

const HEADER = /^[\w!#$%&'*+.^`|~-]+:[\t -~\x80-\xff]*$/;

/** Bytes that may follow the size of a chunk: line feed, carriage return, tab, space, semicolon. */
const SIZE_ENDS: readonly number[] = [LF, CR, TAB, 32, 59];

/** The value of a hexadecimal digit; −1 for other characters. */
function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

function notHttp(): NotHttpError {
  return new NotHttpError("Expected HTTP/1.1");
}

function contradictory(): NotHttpError {
  return new NotHttpError("the headers give two lengths of the body");
}

function badChunk(where: "begins" | "ends"): NotHttpError {
  return new NotHttpError(`a chunk of the body ${where} with other bytes`);
}
