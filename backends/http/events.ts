import { createParser } from "eventsource-parser";
import type { Buffer } from "node:buffer";
import { readable } from "../connect/server_text.ts";
import { type Body, MAX_BYTES, tooLong } from "./body.ts";
import type { ServerEvent } from "./http.ts";
import { strictUtf8 } from "./strict_utf8.ts";
import { RequestError } from "../../plugins/mod.ts";

/**
 * Reads server-sent events. All of one read have its time. The last one counts even without the empty line that
 * should end it: servers that leave it out would lose their `[DONE]`. By the standard, lines of no known field are
 * passed over; here they end the stream, as a piece of the answer that has lost its beginning is one of them. Events
 * that only keep the connection open are left out.
 *
 * @param event Returns true if it was the last: it is asked no more.
 */
export function eventStream(
  event: (event: ServerEvent, atMs: number) => boolean,
): Body {
  const decoder = strictUtf8();
  const lineStart = lineStarts();
  let nowMs = 0, bytes = 0, isOver = false, isCut = false;
  const parser = createParser({
    onEvent({ event: type, data }) {
      bytes = 0;
      if (isOver || isKeepAlive({ type, data })) return;
      isOver = event({ type, data, ...(isCut && { isCut }) }, nowMs);
    },
    onError({ type, line = "" }) {
      // Where the stream is cut, a name may be.
      if (type === "unknown-field" && !isOver && !isCut) throw noField(line);
    },
  });
  return {
    read(piece, atMs) {
      if (isOver) return true;
      nowMs = atMs;
      bytes += piece.length;
      if (bytes > MAX_BYTES) throw tooLong("an event must be");
      const { text, broken } = decoder.read(piece);
      parser.feed(text);
      if (isOver) return true;
      if (broken !== undefined) throw noText(broken);
      const start = lineStart(text);
      if (!mayBeField(start)) throw noField(start);
      return false;
    },
    end() {
      isCut = true;
      parser.feed(`${decoder.end()}\n\n`);
    },
  };
}

/**
 * Whether an event does nothing but keep the connection open: it has blank data, or is called a ping, by its name or
 * by the `type` in its data. An error is one even without data.
 */
function isKeepAlive({ type, data }: ServerEvent): boolean {
  if (type === "error") return false;
  if (data.trim() === "" || isPing(type)) return true;
  return data.length <= LONGEST_PING && PING.test(data) && isPing(typeIn(data));
}

/** Anthropic and servers like it send `ping`, OpenAI's responses `keepalive`, others `heartbeat`. */
const PING = /\b(?:ping|keep[-_]?alive|heartbeat)\b/i;
const LONGEST_PING = 200;

function isPing(type: string | undefined): boolean {
  return type !== undefined && PING.exec(type)?.[0] === type;
}

function typeIn(data: string): string | undefined {
  try {
    const type: unknown = JSON.parse(data)?.type;
    return typeof type === "string" ? type : undefined;
  } catch {
    return undefined;
  }
}

const FIELDS = ["data:", "event:", "id:", "retry:", ":"];

/** As much as it takes to tell. */
const LONGEST = Math.max(...FIELDS.map((name) => name.length));

/** Follows a text, and knows how the line begins that has not ended yet: the parser drops such lines without a word. */
function lineStarts(): (text: string) => string {
  let start = "";
  return (text) => {
    const end = Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r"));
    if (end >= 0) start = text.slice(end + 1);
    else if (start.length < LONGEST) start += text;
    return start;
  };
}

/** Whether a line that begins so is a comment or has a known field. */
export function isField(start: string): boolean {
  return FIELDS.some((name) => start.startsWith(name));
}

/** Whether a line that begins so may become a comment or a line with a known field. */
export function mayBeField(start: string): boolean {
  return isField(start) || FIELDS.some((name) => name.startsWith(start));
}

function noField(line: string): RequestError {
  return unreadable(
    "each line must be data, event, id, retry or a comment",
    line,
  );
}

function noText(line: string): RequestError {
  return unreadable("its lines must be text in UTF-8", line);
}

function unreadable(rule: string, line: string): RequestError {
  return new RequestError(
    "protocol_error",
    `Cannot read the response as ${rule}: current value is ${
      readable(line) ?? "data that is not text"
    }`,
  );
}

/** How to read a body, once it has shown what it is. */
export interface SniffedBodyOptions {
  /** Called once, for a body that begins with a line of an event stream. */
  events(): Body;
  /** Called once, for any other body. */
  whole(): Body;
}

/**
 * Reads a body whose content type does not say that it is an event stream. The first line that is not blank decides,
 * as soon as enough of it has come: a field of an event stream or a comment. Every read keeps its own time.
 */
export function sniffedBody({ events, whole }: SniffedBodyOptions): Body {
  const look = firstLine();
  let body: Body | undefined;
  let waiting: { readonly bytes: Buffer; readonly atMs: number }[] = [];
  let blankBytes = 0;

  function decide(isStream: boolean): boolean {
    body = isStream ? events() : whole();
    const reads = waiting;
    waiting = [];
    return reads.map(({ bytes, atMs }) => body!.read(bytes, atMs)).includes(
      true,
    );
  }

  return {
    read(bytes, atMs) {
      if (body) return body.read(bytes, atMs);
      const seen = look(bytes);
      if (seen === "blank") {
        // Blank lines mean nothing in either form, and there may be any number of them.
        blankBytes += bytes.length;
        if (blankBytes > MAX_BYTES) throw tooLong("a body must be");
        return false;
      }
      waiting.push({ bytes, atMs });
      return seen === "undecided" ? false : decide(seen === "stream");
    },
    end() {
      if (!body) decide(false);
      body!.end();
    },
  };
}

type Seen = "blank" | "undecided" | "stream" | "other";

/** Follows the bytes of a body up to the first line that is not blank, wherever they are cut. */
function firstLine(): (bytes: Buffer) => Seen {
  let markBytes = 0;
  let line = "";
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (line === "" && byte === BYTE_ORDER_MARK[markBytes]) {
        markBytes++;
        continue;
      }
      if (markBytes > 0 && markBytes < BYTE_ORDER_MARK.length) return "other";
      markBytes = BYTE_ORDER_MARK.length;
      if (line === "" && (byte === LF || byte === CR)) continue;
      line += String.fromCharCode(byte);
      if (isField(line)) return "stream";
      if (!mayBeField(line)) return "other";
    }
    return line === "" ? "blank" : "undecided";
  };
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const LF = 10;
const CR = 13;
