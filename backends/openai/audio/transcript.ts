import type { Output, RequestError } from "../../../plugins/mod.ts";
import { found } from "../../connect/server_text.ts";
import {
  protocolError,
  refuseEventStream,
  refuseWrappedEvents,
  serverErrorIn,
} from "../answer.ts";
import { isObject, type JsonObject, tryJson } from "../json.ts";
import { usageOf } from "../usage.ts";
import type { ResponseFormat } from "./options.ts";

/** Formats that contain a text even for silence. */
const JSON_FORMATS: readonly ResponseFormat[] = [
  "json",
  "verbose_json",
  "diarized_json",
];

/**
 * Reads the transcript in a whole answer of any format: some servers answer in JSON to a request for text.
 *
 * @throws {RequestError} `server_error` if it reports an error, `protocol_error` if it contains no text or is an event
 * stream.
 */
export function parseTranscript(body: string, format: ResponseFormat): Output {
  const json = /^\s*["{]/.test(body) ? tryJson(body) : undefined;
  if (isObject(json)) return outputOfJson(json, body);
  if (typeof json === "string") return outputOfText(json);
  refuseEventStream(body);
  if (hasCues(body)) return { text: textOfCues(body) };
  // Silence has no words and no cues: the body may be empty or a line break.
  const isSilence = body.trim() === "" && !JSON_FORMATS.includes(format);
  if (isSilence) return { text: "" };
  if (format === "text" && !isMarkup(body)) return { text: body.trim() };
  throw noTranscript(body);
}

function outputOfJson(json: JsonObject, body: string): Output {
  const error = serverErrorIn(json);
  if (error) throw error;
  const { text, usage } = json;
  if (typeof text !== "string") throw noTranscript(body);
  const counts = usageOf(usage);
  return { ...outputOfText(text), ...(counts && { usage: counts }) };
}

function outputOfText(text: string): Output {
  refuseWrappedEvents(text);
  return { text };
}

function isMarkup(body: string): boolean {
  return /^\s*<(!doctype|html|\?xml)\b/i.test(body);
}

function noTranscript(body: string): RequestError {
  return protocolError(`must contain a transcript, but was ${found(body)}`);
}

/** Returns the text of SRT or WebVTT: the lines below each line with times, without tags. */
export function textOfCues(body: string): string {
  const texts: string[] = [];
  let isInCue = false;
  for (const line of body.split(/\r\n|\r|\n/)) {
    if (hasTimes(line)) isInCue = true;
    else if (line.trim() === "") isInCue = false;
    else if (isInCue) texts.push(textOfLine(line));
  }
  return texts.filter((line) => line !== "").join(" ");
}

/** Reports whether a body is SRT or WebVTT. */
export function hasCues(body: string): boolean {
  return /^\uFEFF?WEBVTT(\s|$)/.test(body) || body.split("\n").some(hasTimes);
}

/** Matches `00:01:02,500 --> 00:01:04,000`. Hours are optional, and settings may follow. */
function hasTimes(line: string): boolean {
  return /^\s*(\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->\s*(\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}/
    .test(line);
}

const CHARACTERS: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&nbsp;": " ",
  "&lrm;": "",
  "&rlm;": "",
};

/** Returns a line of a cue without its tags (`<v Ann>`, `<i>`, `<00:01.500>`) and escapes. */
function textOfLine(line: string): string {
  return line.replace(/<\/?[a-z\d][^<>]*>/gi, "")
    .replace(/&\w+;/g, (name) => CHARACTERS[name] ?? name)
    .trim();
}
