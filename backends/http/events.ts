import { createParser } from "eventsource-parser";
import type { Buffer } from "node:buffer";
import { fieldOf, textOf, tryJson } from "../../lib/json.ts";
import { StrictUtf8 } from "../../lib/text.ts";
import { RequestError } from "../../plugins/mod.ts";
import { MAX_BODY_BYTES, tooLong } from "../connect/content.ts";
import { readable } from "../connect/server_text.ts";
import type { Body } from "./body.ts";
import type { ServerEvent } from "./http.ts";

/**
 * Reads server-sent events. All events of one read have its time. The last event counts even without the empty line
 * that should complete it: servers that leave it out would lose their `[DONE]`. The standard ignores lines with unknown
 * fields; here they fail the response: a data line whose beginning was lost looks like an unknown field. Events that
 * only keep the connection open are left out.
 *
 * @param event Receives an event. Returns true if it is the last one.
 */
export function eventStream(
  event: (event: ServerEvent, atMs: number) => boolean,
): Body {
  const decoder = new StrictUtf8();
  const lineStart = lineStarts();
  let nowMs = 0, bytes = 0, isOver = false, isCut = false;
  const parser = createParser({
    onEvent({ event: type, data }) {
      bytes = 0;
      if (isOver || isKeepAlive({ type, data })) return;
      isOver = event({ type, data, ...(isCut && { isCut }) }, nowMs);
    },
    onError({ type, line = "" }) {
      // The name of a field may be cut off.
      if (type === "unknown-field" && !isOver && !isCut) {
        throw invalidField(line);
      }
    },
  });
  return {
    read(piece, atMs) {
      if (isOver) return true;
      nowMs = atMs;
      bytes += piece.length;
      if (bytes > MAX_BODY_BYTES) throw tooLong("an event");
      const { text, broken } = decoder.read(piece);
      parser.feed(text);
      if (isOver) return true;
      if (broken !== undefined) throw invalidText(broken);
      const start = lineStart(text);
      if (!mayBeField(start)) throw invalidField(start);
      return false;
    },
    end() {
      isCut = true;
      parser.feed(`${decoder.end()}\n\n`);
    },
  };
}

/**
 * Whether an event only keeps the connection open: its data is blank, or it is a ping by its type or by the `type` in
 * its data. An error never is, even without data.
 */
function isKeepAlive({ type, data }: ServerEvent): boolean {
  if (type === "error") return false;
  if (data.trim() === "" || isPing(type)) return true;
  return data.length <= LONGEST_PING && PING.test(data) && isPing(typeIn(data));
}

/** Anthropic sends `ping`, OpenAI's responses API `keepalive`, others `heartbeat`. */
const PING = /\b(?:ping|keep[-_]?alive|heartbeat)\b/i;
const LONGEST_PING = 200;

function isPing(type: string | undefined): boolean {
  return type !== undefined && PING.exec(type)?.[0] === type;
}

function typeIn(data: string): string | undefined {
  return textOf(fieldOf(tryJson(data), "type"));
}

const FIELDS = ["data:", "event:", "id:", "retry:", ":"];

/** Number of characters after which the field is known. */
const LONGEST = Math.max(...FIELDS.map((name) => name.length));

/** Returns the beginning of the line that has not ended yet: the parser drops such lines silently. */
function lineStarts(): (text: string) => string {
  let start = "";
  return (text) => {
    const end = Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r"));
    if (end >= 0) start = text.slice(end + 1);
    else if (start.length < LONGEST) start += text;
    return start;
  };
}

/** Whether the beginning of a line shows a comment or a known field. */
export function isField(start: string): boolean {
  return FIELDS.some((name) => start.startsWith(name));
}

/** Whether the beginning of a line may become a comment or a known field. */
export function mayBeField(start: string): boolean {
  return isField(start) || FIELDS.some((name) => name.startsWith(start));
}

function invalidField(line: string): RequestError {
  return invalidLine(
    "each line of an event stream must be data, event, id, retry or a comment",
    line,
  );
}

function invalidText(line: string): RequestError {
  return invalidLine("an event stream must be UTF-8 text", line);
}

function invalidLine(rule: string, line: string): RequestError {
  const shown = readable(line) ?? "data that is not text";
  const message = `The response is not valid: ${rule}, but was ${shown}`;
  return new RequestError("protocol_error", message);
}

/**
 * Reads a body that may be an event stream although its content type does not say so. The first line that is not blank
 * decides, as soon as enough of it has arrived: an event stream begins with a field or a comment. Each read keeps its
 * time.
 *
 * @param events Returns the reader of an event stream. One of the two functions is called, once.
 * @param whole Returns the reader of any other body.
 */
export function sniffedBody(events: () => Body, whole: () => Body): Body {
  let body: Body | undefined;
  let waiting: { readonly bytes: Buffer; readonly atMs: number }[] = [];
  let start = "";
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
      waiting.push({ bytes, atMs });
      start += bytes.toString("latin1");
      const line = start.replace(BLANK, "");
      if (line === "") {
        // Blank lines have no meaning in either form, and there may be any number of them.
        blankBytes += bytes.length;
        if (blankBytes > MAX_BODY_BYTES) throw tooLong("the body");
        waiting = [];
        if (bytes.length > 0) start = "\n";
        return false;
      }
      if (isField(line)) return decide(true);
      if (mayBeField(line) || BYTE_ORDER_MARK.startsWith(start)) return false;
      return decide(false);
    },
    end() {
      if (!body) decide(false);
      body!.end();
    },
  };
}

/** In Latin-1. */
const BYTE_ORDER_MARK = "\xef\xbb\xbf";

/** The beginning of a body that has no meaning. */
const BLANK = /^(\xef\xbb\xbf)?[\r\n]*/;
