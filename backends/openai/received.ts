import { RequestError } from "../../plugins/mod.ts";
import type { ServerEvent } from "../http/http.ts";
import { found, snippet } from "../target/words.ts";
import { isObject, type JsonObject, protocolError, tryJson } from "./json.ts";
import { serverErrorIn } from "./server_error.ts";

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
 * Holds a body to its content type: events in it would have been read as they came.
 *
 * @throws {RequestError} `protocol_error` if it is a stream of events after all.
 */
export function refuseEvents(body: string): void {
  const text = body.trimStart();
  if (!EVENTS.test(text)) return;
  throw protocolError(
    `events must have the content type text/event-stream: current value is another one, of ${
      snippet(text)
    }`,
  );
}

/** Lines of other fields, and then data that answers have. */
const EVENTS =
  /^(?:(?::|event:|id:|retry:).*\r?\n|\r?\n)*data: ?(?:\{|\[DONE\])/;
