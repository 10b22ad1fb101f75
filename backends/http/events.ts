import { createParser } from "eventsource-parser";
import { RequestError } from "../../plugins/mod.ts";
import { snippet } from "../target/words.ts";
import { type Body, MAX_BYTES, tooLong, utf8 } from "./body.ts";
import type { ServerEvent } from "./http.ts";

/**
 * Reads server-sent events. All of one read have its time. The last one counts even without the empty line that
 * should end it: servers that leave it out would lose their `[DONE]`.
 *
 * @param event Returns true if it was the last: it is asked no more.
 */
export function eventStream(
  event: (event: ServerEvent, atMs: number) => boolean,
): Body {
  const decoder = utf8();
  let nowMs = 0, isOver = false, isCut = false, isLineStart = true;
  const parser = createParser({
    maxBufferSize: MAX_BYTES,
    onEvent({ event: type, data }) {
      if (isOver) return;
      isOver = event({ type, data, ...(isCut && { isCut }) }, nowMs);
    },
    onError(error) {
      if (error.type === "max-buffer-size-exceeded") {
        throw tooLong("an event must be");
      }
    },
  });
  return {
    read(bytes, atMs) {
      nowMs = atMs;
      const text = decoder.write(bytes);
      const lostAt = lostIn(text, isLineStart);
      parser.feed(lostAt < 0 ? text : text.slice(0, lostAt));
      if (lostAt >= 0 && !isOver) throw broken(text.slice(lostAt));
      isLineStart = text === "" ? isLineStart : /[\r\n]$/.test(text);
      return isOver;
    },
    end() {
      isCut = true;
      parser.feed(`${decoder.end()}\n\n`);
    },
  };
}

/** What stands for bytes that are no UTF-8. */
const REPLACED = "\uFFFD";

/**
 * Where a line of broken bytes begins, or -1. It would be passed over like any field that is not known, and the piece of
 * the answer behind them with it. Within a line they may be the model's own: half a character.
 */
function lostIn(text: string, isLineStart: boolean): number {
  if (!text.includes(REPLACED)) return -1;
  if (isLineStart && NO_FIELD.test(text[0]!)) return 0;
  return text.search(LINE_OF_NO_FIELD);
}

/** The names of all fields are ASCII; a byte order mark may stand before the first. */
const NO_FIELD = /[^\p{ASCII}\uFEFF]/u;
const LINE_OF_NO_FIELD = /(?<=[\r\n])\P{ASCII}/u;

function broken(line: string): RequestError {
  return new RequestError(
    "protocol_error",
    `Cannot read the response as its lines must be text in UTF-8: current value is ${
      snippet(line)
    }`,
  );
}
