import { createParser } from "eventsource-parser";
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
  let nowMs = 0, isOver = false, isCut = false;
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
      parser.feed(decoder.write(bytes));
      return isOver;
    },
    end() {
      isCut = true;
      parser.feed(`${decoder.end()}\n\n`);
    },
  };
}
