import { found, snippet } from "../connect/server_text.ts";
import type { ServerEvent } from "../http/http.ts";
import { isObject, type JsonObject, protocolError, tryJson } from "./json.ts";
import { serverErrorIn } from "./server_error.ts";
import { RequestError } from "../../plugins/mod.ts";

/**
 * The object that an event or a whole answer holds.
 *
 * @throws {RequestError} `server_error` if it tells of an error, `protocol_error` if it is no JSON object, `truncated` if
 * it might have become one.
 */
export function received({ type, data, isCut }: ServerEvent): JsonObject {
  const value = tryJson(data);
  const error = serverErrorIn(value ?? data, type);
  if (error) throw error;
  if (isObject(value)) return value;
  if (isCut && value === undefined) {
    throw new RequestError("truncated", "The answer ended within an event");
  }
  throw protocolError(
    `answers must be JSON objects: current value is ${found(data)}`,
  );
}

/**
 * The object that a whole answer holds.
 *
 * @throws {RequestError} As {@linkcode received} and {@linkcode refuseEvents} do.
 */
export function receivedWhole(body: string): JsonObject {
  refuseEvents(body);
  return received({ data: body });
}

/**
 * Refuses a whole answer that is an event stream. Where a stream was asked for, no event stream comes here: the
 * transport reads it as one, whatever its content type. Where a whole answer was asked for, only the content type
 * makes an answer a stream.
 *
 * @throws {RequestError} `protocol_error` if it is one.
 */
export function refuseEvents(body: string): void {
  const text = body.trimStart();
  if (!EVENTS.test(text)) return;
  throw protocolError(
    `a whole answer was asked for, and events came under another content type than text/event-stream (stream=true reads them): ${
      snippet(text)
    }`,
  );
}

/** Lines of other fields, and then data that answers have. */
const EVENTS =
  /^(?:(?::|event:|id:|retry:).*\r?\n|\r?\n)*data: ?(?:\{|\[DONE\])/;
