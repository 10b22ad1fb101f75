import { createParser } from "eventsource-parser";
import { snippet } from "../connect/server_text.ts";
import { isObject, protocolError, tryJson } from "./json.ts";

/**
 * Refuses a text that is a stream of events itself: a gateway has put the answer of a streaming server into a field of
 * its own.
 *
 * @throws {RequestError} `protocol_error` if it is one.
 */
export function refuseWrappedEvents(text: string): void {
  if (!isEventStream(text)) return;
  throw protocolError(
    `the text of an answer must not be an event stream: current value is ${
      snippet(text.trimStart())
    }`,
  );
}

/**
 * Whether a text is nothing but server-sent events whose data is a JSON object or `[DONE]`. The last one may be cut. A
 * text that mentions or quotes such events has other lines too.
 */
export function isEventStream(text: string): boolean {
  if (!BEGINNING.test(text)) return false;
  const events: boolean[] = [];
  let hasOther = false;
  const parser = createParser({
    onEvent: ({ data }) => void events.push(isAnswer(data)),
    onError: () => hasOther = true,
  });
  parser.feed(`${text.trim()}\n\n`);
  return !hasOther && events[0] === true && events.slice(1, -1).every(Boolean);
}

const BEGINNING = /^\s*(?:data|event|id|retry|):/;

function isAnswer(data: string): boolean {
  return data.trim() === "[DONE]" || isObject(tryJson(data));
}
