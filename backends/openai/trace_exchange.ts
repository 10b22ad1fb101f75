import type { Trace } from "../connect/server_text.ts";
import type { HttpRequest } from "../http/http.ts";
import { bytesOf } from "./bytes.ts";
import type { AnswerReader, Wire } from "./protocol.ts";

/**
 * Shows a request, without the query of its URL, as that may hold a key; of a body that nobody could read, what stands
 * for it and how long it is.
 */
export function showRequest(
  trace: Trace,
  { url, contentType, body, shown }: HttpRequest & Wire,
): void {
  const bytes = typeof body === "string" ? bytesOf(body) : body;
  const what = contentType.split(";")[0];
  trace.note(`POST ${url.pathname}: ${bytes.length} bytes of ${what}`);
  if (shown !== undefined) return trace.sent(shown);
  if (what === "application/json") trace.sent(new TextDecoder().decode(bytes));
}

/** A reader that shows what it is given before it reads it. */
export function shownTo(trace: Trace, reader: AnswerReader): AnswerReader {
  return {
    event(event, atMs) {
      const { type, data } = event;
      trace.received(type === undefined ? data : `${type}: ${data}`);
      return reader.event(event, atMs);
    },
    body(text, atMs) {
      trace.received(text);
      reader.body(text, atMs);
    },
    result: () => reader.result(),
  };
}
