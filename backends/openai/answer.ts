import { createParser } from "eventsource-parser";
import { RequestError } from "../../plugins/mod.ts";
import { found, snippet } from "../connect/server_text.ts";
import type { ServerEvent } from "../http/http.ts";
import { isObject, type JsonObject, textOf, tryJson } from "../../lib/json.ts";

/** Creates the error for an answer that breaks the protocol; `problem` is a whole clause. */
export function protocolError(problem: string): RequestError {
  return new RequestError("protocol_error", `Invalid answer: ${problem}`);
}

/**
 * Parses the object in an event or in a whole answer.
 *
 * @throws {RequestError} `server_error` if it reports an error, `protocol_error` if it is not a JSON object, `truncated`
 * if the stream ended within the event.
 */
export function parseEvent({ type, data, isCut }: ServerEvent): JsonObject {
  const value = tryJson(data);
  const error = serverErrorIn(value ?? data, type);
  if (error) throw error;
  if (isObject(value)) return value;
  if (isCut && value === undefined) {
    throw new RequestError("truncated", "The answer ended within an event");
  }
  throw protocolError(`must be a JSON object, but was ${found(data)}`);
}

/**
 * Parses the object in a whole answer.
 *
 * @throws {RequestError} As {@linkcode parseEvent} and {@linkcode refuseEventStream} do.
 */
export function parseBody(body: string): JsonObject {
  refuseEventStream(body);
  return parseEvent({ data: body });
}

/**
 * Rejects an event stream in place of a whole answer. If a stream was requested, the transport reads an event stream
 * as one under any content type, so that none arrives here. If a whole answer was requested, only the content type
 * makes an answer a stream.
 *
 * @throws {RequestError} `protocol_error` if the body is an event stream.
 */
export function refuseEventStream(body: string): void {
  const text = body.trimStart();
  if (!EVENT_STREAM.test(text)) return;
  throw protocolError(
    `received events under another content type than text/event-stream although a whole answer was requested (stream=true reads them): ${
      snippet(text)
    }`,
  );
}

/** Lines with other fields, followed by data as answers contain it. */
const EVENT_STREAM =
  /^(?:(?::|event:|id:|retry:).*\r?\n|\r?\n)*data: ?(?:\{|\[DONE\])/;

/**
 * Rejects a generated text that is itself an event stream: a gateway put the answer of a streaming server into a field
 * of its own answer.
 *
 * @throws {RequestError} `protocol_error` if the text is an event stream.
 */
export function refuseWrappedEvents(text: string): void {
  if (!isEventStream(text)) return;
  throw protocolError(
    `its text is an event stream: ${snippet(text.trimStart())}`,
  );
}

/**
 * Reports whether a text consists of nothing but server-sent events whose data is a JSON object or `[DONE]`. The last
 * one may be cut off. A text that mentions or quotes such events has other lines too.
 */
export function isEventStream(text: string): boolean {
  if (!/^\s*(?:data|event|id|retry|):/.test(text)) return false;
  const events: boolean[] = [];
  let hasOther = false;
  const parser = createParser({
    onEvent: ({ data }) =>
      void events.push(data.trim() === "[DONE]" || isObject(tryJson(data))),
    onError: () => hasOther = true,
  });
  parser.feed(`${text.trim()}\n\n`);
  return !hasOther && events[0] === true && events.slice(1, -1).every(Boolean);
}

/**
 * Returns the error that JSON reports, if any: `{"error":{…}}`, `{"error":"…"}`, `{"type":"error",…}`,
 * `{"object":"error",…}`, or any data of `event: error`.
 */
export function serverErrorIn(
  value: unknown,
  eventType?: ServerEvent["type"],
): RequestError | undefined {
  const outer = isObject(value) ? value : {};
  const { type, object, error } = outer;
  const isError = eventType === "error" || type === "error" ||
    object === "error" || (error !== undefined && error !== null);
  if (!isError) return undefined;
  const inner: JsonObject = { ...outer, ...(isObject(error) && error) };
  const message = [inner.message, inner.detail, error, value]
    .find((text) => typeof text === "string" && text !== "");
  return new RequestError(
    "server_error",
    snippet(typeof message === "string" ? message : JSON.stringify(value)),
    { code: errorCode(inner) },
  );
}

/** Returns the error's code, or its type if that is more specific than "error". */
function errorCode({ code, type }: JsonObject): string | undefined {
  const known = [code, type].find((one) =>
    typeof one === "number" || (typeof one === "string" && one !== "error")
  );
  return known === undefined ? undefined : String(known);
}

/**
 * Returns why generation ended, as the server names it: a `finish_reason`, or the status of a response. Returns
 * `undefined` for a placeholder: null, an empty text, the name of a null in some language, or the default of an
 * enumeration.
 */
export function finishReasonIn(value: unknown): string | undefined {
  const reason = textOf(value)?.trim();
  return reason === undefined || PLACEHOLDER.test(reason) ? undefined : reason;
}

const PLACEHOLDER =
  /^(?:|nil|undefined|nan|n\/a|false|not_?finished|unfinished|(?:finish_?reason_?)?(?:unspecified|unset|null|none))$/i;

/** Reports whether a finish reason means that the server aborted the answer. */
export function isAborted(reason: string | undefined): reason is string {
  return reason === "error" || reason === "abort";
}

/** Creates the error for an answer that the server aborted without a message. */
export function abortedError(reason: string): RequestError {
  const message = `The server aborted the answer: finish_reason is ${reason}`;
  return new RequestError("server_error", message, { code: reason });
}
