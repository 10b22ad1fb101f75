import { found } from "../../connect/server_text.ts";
import type { ServerEvent } from "../../http/http.ts";
import {
  abortedError,
  finishReasonIn,
  isAborted,
  parseEvent,
  protocolError,
  refuseEventStream,
  refuseWrappedEvents,
  serverErrorIn,
} from "../answer.ts";
import {
  fieldOf,
  isObject,
  type JsonObject,
  objectsIn,
  textOf,
  tryJson,
} from "../../../lib/json.ts";
import type { AnswerReader } from "../backend.ts";
import { withoutEmpty } from "../json.ts";
import { usageMeter, usageOf } from "../usage.ts";
import { type Call, type Output, RequestError } from "../../../plugins/mod.ts";

/** Formats of a whole answer. */
export const RESPONSE_FORMATS = [
  "json",
  "verbose_json",
  "text",
  "srt",
  "vtt",
  "diarized_json",
] as const;
export type ResponseFormat = typeof RESPONSE_FORMATS[number];

/** Reads the transcript of an upload, streamed or whole. */
export function transcriptReader(
  call: Call,
  format: ResponseFormat,
): AnswerReader {
  const meter = usageMeter(1);
  let output: Pick<Output, "text" | "usage"> = {};
  let finishReason: string | undefined;
  let responseId: string | undefined;
  let latest = "";
  let hasDeltas = false;
  let isComplete = false;
  let hasTranscript = false;

  function put(atMs: number, text: string, tokens?: number): void {
    refuseWrappedEvents(text);
    if (text !== "") latest = text;
    const counted = tokens === undefined ? {} : { tokens };
    call.output(atMs, { kind: "text", text, ...counted });
  }

  /**
   * Records the text in an event. If the server sends only segments, they are the deltas; if it sends neither, the whole
   * text is one.
   */
  function record(
    { delta, segment, text, usage }: TranscriptEvent,
    atMs: number,
  ): void {
    if (delta !== undefined) {
      hasDeltas = true;
      const choice = { index: 0, hasOutput: delta !== "" };
      return put(atMs, delta, meter.event([usage], [choice]));
    }
    meter.event([usage], []);
    if (segment !== undefined && !hasDeltas) {
      put(atMs, withSpace(latest, segment));
    } else if (text && latest === "") put(atMs, text);
    else if (text) refuseWrappedEvents(text);
  }

  /** Long audio has several parts, each with a finish reason; the counts of the whole transcript follow the last one. */
  function mayEnd(event: TranscriptEvent): boolean {
    if (event.isEnd) return true;
    if (event.isCount) return finishReason !== undefined;
    return isComplete && !event.delta && event.finishReason === undefined;
  }

  return {
    event(event, atMs) {
      const parsed = parseTranscriptEvent(event);
      record(parsed, atMs);
      const { delta, segment, text, id } = parsed;
      if (text !== undefined) output = { text };
      finishReason = parsed.finishReason ?? finishReason;
      responseId = id ?? responseId;
      isComplete = mayEnd(parsed);
      // Deltas and texts may be empty, as of silence.
      hasTranscript ||=
        (delta ?? segment ?? text ?? finishReason) !== undefined;
      return parsed.isEnd === true;
    },
    body(body) {
      output = parseTranscript(body, format);
      isComplete = hasTranscript = true;
    },
    result() {
      if (!isComplete) throw new RequestError("truncated", TRUNCATED);
      if (!hasTranscript) throw protocolError("the stream has no transcript");
      const usage = meter.usage() ?? output.usage;
      return withoutEmpty({ ...output, finishReason, responseId, usage });
    },
  };
}

const TRUNCATED =
  "The stream ended before [DONE], a done event or the token counts of the whole transcript";

/** Returns a segment with a space before it, unless there is one, so that its words do not join those before. */
function withSpace(before: string, text: string): string {
  return before === "" || /\s$/.test(before) || /^\s/.test(text)
    ? text
    : ` ${text}`;
}

/** Event of a transcript's stream, in any of the three protocols. */
interface TranscriptEvent {
  /** Text; may be empty. */
  readonly delta?: string | undefined;
  /** Text of a finished segment. Repeats its deltas, if there were any. */
  readonly segment?: string | undefined;
  /** Whole text, which replaces all others. */
  readonly text?: string | undefined;
  /** Why a part of the audio ended, as the server names it. Long audio has several parts. */
  readonly finishReason?: string | undefined;
  /** Token counts so far or in total, in the server's form. */
  readonly usage?: unknown;
  /** Whether the event contains only the token counts of the whole transcript. */
  readonly isCount?: boolean;
  readonly id?: string | undefined;
  /** Whether this is the last event. */
  readonly isEnd?: boolean;
}

/**
 * Parses an event: OpenAI's `transcript.…`, Mistral's `transcription.…`, or `choices` as vLLM and SGLang send them.
 *
 * @throws {RequestError} `server_error` if it reports an error, `protocol_error` if it is not a JSON object.
 */
function parseTranscriptEvent(event: ServerEvent): TranscriptEvent {
  if (event.data.trim() === "[DONE]") return { isEnd: true };
  const value = parseEvent(event);
  return "choices" in value ? parseChunk(value) : parseNamed(value, event.type);
}

/** Parses a chunk like that of a chat. The last one has token counts and no choices. */
function parseChunk({ choices, id, usage }: JsonObject): TranscriptEvent {
  const [choice] = objectsIn(choices);
  const finishReason = finishReasonIn(fieldOf(choice, "finish_reason"));
  if (isAborted(finishReason)) throw abortedError(finishReason);
  return {
    delta: textOf(fieldOf(fieldOf(choice, "delta"), "content")),
    finishReason,
    usage,
    isCount: choice === undefined && isObject(usage),
    id: textOf(id),
  };
}

/** Parses an event whose name is in its data or before it. Events with unknown names are ignored. */
function parseNamed(value: JsonObject, name?: string): TranscriptEvent {
  const { delta, text, usage } = value;
  switch (textOf(value.type) ?? name) {
    case "transcript.text.delta":
      return { delta: textOf(delta) };
    case "transcription.text.delta":
      return { delta: textOf(text) };
    case "transcript.text.segment":
    case "transcription.segment":
      return { segment: textOf(text) };
    case "transcript.text.done":
    case "transcription.done":
      return { text: textOf(text), usage, isEnd: true };
    default:
      return {};
  }
}

/** Formats in which silence is an empty body. */
const TEXT_FORMATS: readonly ResponseFormat[] = ["text", "srt", "vtt"];

/**
 * Reads the transcript in a whole answer of any format: some servers answer in JSON to a request for text.
 *
 * @throws {RequestError} `server_error` if it reports an error, `protocol_error` if it contains no text or is an event
 * stream.
 */
export function parseTranscript(
  body: string,
  format: ResponseFormat,
): Pick<Output, "text" | "usage"> {
  const json = /^\s*["{]/.test(body) ? tryJson(body) : undefined;
  const error = serverErrorIn(json);
  if (error) throw error;
  const text = json === undefined
    ? textOfBody(body, format)
    : textOf(json) ?? textOf(fieldOf(json, "text"));
  if (text === undefined) {
    throw protocolError(`must contain a transcript, but was ${found(body)}`);
  }
  refuseWrappedEvents(text);
  return withoutEmpty({ text, usage: usageOf(fieldOf(json, "usage")) });
}

/** Returns the text of an answer that is not JSON; `undefined` if it has none. */
function textOfBody(body: string, format: ResponseFormat): string | undefined {
  refuseEventStream(body);
  if (hasCues(body)) return textOfCues(body);
  const text = body.trim();
  // Silence has no words and no cues.
  if (text === "") return TEXT_FORMATS.includes(format) ? "" : undefined;
  const isMarkup = /^<(!doctype|html|\?xml)\b/i.test(text);
  return format === "text" && !isMarkup ? text : undefined;
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
