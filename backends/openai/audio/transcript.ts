import { found } from "../../connect/server_text.ts";
import { isObject, type JsonObject, protocolError, tryJson } from "../json.ts";
import { refuseEvents } from "../answer.ts";
import { serverErrorIn } from "../server_error.ts";
import { hasCues, textOfCues } from "./cues.ts";
import { usageOf } from "../usage.ts";
import { refuseWrappedEvents } from "../wrapped_events.ts";
import type { Output } from "../../../plugins/mod.ts";

/** The forms of a whole answer. */
export type ResponseFormat =
  | "json"
  | "verbose_json"
  | "text"
  | "srt"
  | "vtt"
  | "diarized_json";

/**
 * Finds the text in the body of an answer, in whatever form it came: servers answer in JSON where text was asked for.
 *
 * @throws {RequestError} `server_error` if it tells of an error, `protocol_error` if there is no text in it, or an event
 * stream for one.
 */
export function transcriptIn(
  body: string,
  format: ResponseFormat,
): Output {
  const json = /^\s*["{]/.test(body) ? tryJson(body) : undefined;
  if (isObject(json)) return ofJson(json, body);
  if (typeof json === "string") return textual(json);
  refuseEvents(body);
  if (hasCues(body)) return { text: textOfCues(body) };
  // Silence has no words and no cues: nothing may come, or no more than the end of a line.
  if (!IN_JSON.has(format) && body.trim() === "") return { text: "" };
  if (format === "text" && isPlain(body)) return { text: body.trim() };
  throw noText(body);
}

/** Forms that say even of silence that there is no text. */
const IN_JSON: ReadonlySet<ResponseFormat> = new Set([
  "json",
  "verbose_json",
  "diarized_json",
]);

function ofJson(json: JsonObject, body: string): Output {
  const error = serverErrorIn(json);
  if (error) throw error;
  const { text, usage } = json;
  if (typeof text !== "string") throw noText(body);
  const counts = usageOf(usage);
  return { ...textual(text), ...(counts && { usage: counts }) };
}

/** A text as it is, unless it is an event stream. */
function textual(text: string): Output {
  refuseWrappedEvents(text);
  return { text };
}

function isPlain(body: string): boolean {
  return !/^\s*<(!doctype|html|\?xml)\b/i.test(body);
}

function noText(body: string) {
  return protocolError(
    `answers must hold a transcript: current value is ${found(body)}`,
  );
}
