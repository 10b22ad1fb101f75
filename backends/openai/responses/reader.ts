import { type Call, type Output, RequestError } from "../../../plugins/mod.ts";
import { reasonIn } from "../finish_reason.ts";
import {
  fieldOf,
  isObject,
  type JsonObject,
  objectsIn,
  protocolError,
  textOf,
} from "../json.ts";
import type { AnswerReader } from "../protocol.ts";
import { received, receivedWhole } from "../answer.ts";
import { functionCalls } from "../responses_calls.ts";
import { type Piece, piecesIn, piecesOfItem } from "../responses_pieces.ts";
import { serverErrorIn } from "../server_error.ts";
import { usageMeter } from "../usage.ts";
import { refuseWrappedEvents } from "../wrapped_events.ts";

/** Events that end a stream, whatever the end. */
const ENDS: ReadonlySet<string> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
  "response.cancelled",
]);

/**
 * Reads an answer. Deltas are what counts; what a server says again when a piece, a part, an item or the whole is
 * done counts only where nothing said it before. Events of other kinds (searches, interpreters, images) pass by.
 */
export function responseReader(
  call: Pick<Call, "output">,
  whole: () => void,
): AnswerReader {
  const texts: Partial<Record<Piece["kind"], string>> = {};
  /** Which kind of event each kind of text is taken from: the first that had any. */
  const sources: Partial<Record<Piece["kind"], string>> = {};
  const calls = functionCalls();
  const meter = usageMeter({ answers: 1 });
  let response: JsonObject = {};
  let finishReason: string | undefined;

  function take(
    source: string,
    pieces: readonly Piece[],
    atMs: number | undefined,
  ): void {
    for (const { kind, text } of pieces) {
      if (text !== "") sources[kind] ??= source;
      if ((sources[kind] ?? source) !== source) continue;
      texts[kind] = (texts[kind] ?? "") + text;
      if (atMs !== undefined) call.output(atMs, { kind, text });
    }
  }

  function takeCalls(told: readonly string[], atMs: number | undefined): void {
    if (atMs === undefined) return;
    for (const text of told) call.output(atMs, { kind: "tool", text });
  }

  function count(...usage: readonly unknown[]): void {
    meter.event({ usage, choices: [] });
  }

  /** Takes the whole, which has the usage; and of the output what nothing has told so far. */
  function takeWhole(told: unknown, type: string, atMs?: number): void {
    // Without a response of its own, an end has the last one's word for all but how far it was then.
    response = isObject(told) ? told : { ...response, status: undefined };
    count(response.usage);
    const items = objectsIn(response.output);
    take("response", items.flatMap(piecesOfItem), atMs);
    if (calls.list.length === 0) {
      takeCalls(items.flatMap((item) => calls.item(item)), atMs);
    }
    const failure = failureOf(response, type);
    if (failure) throw failure;
    finishReason = finishReasonOf(response, type);
  }

  return {
    event(sent, atMs) {
      if (sent.data.trim() === "[DONE]") return true;
      const event = received(sent);
      const type = textOf(event.type) ?? sent.type ?? "";
      count(event.usage, fieldOf(event.response, "usage"));
      if (ENDS.has(type)) {
        takeWhole(event.response, type, atMs);
        return true;
      }
      if (isObject(event.response)) response = event.response;
      take(type, piecesIn(type, event), atMs);
      takeCalls(calls.event(type, event), atMs);
      return false;
    },
    body(data) {
      takeWhole(receivedWhole(data), "");
      if (finishReason !== undefined && !Array.isArray(response.output)) {
        throw protocolError(
          "an answer must have output: current value is none",
        );
      }
      whole();
    },
    result() {
      // Of the whole: a piece of an answer about event streams may be one.
      for (const text of Object.values(texts)) refuseWrappedEvents(text);
      if (finishReason === undefined) throw truncated();
      const { usage } = meter;
      const end = { finishReason, ...(usage && { usage }) };
      return outputOf(response, { ...texts, ...end }, calls.list);
    },
  };
}

/** What the server says went wrong; also where it says no more than that something did. */
function failureOf(
  response: JsonObject,
  type: string,
): RequestError | undefined {
  const error = serverErrorIn(response);
  if (error) return error;
  const status = [type.replace("response.", ""), reasonIn(response.status)]
    .find((one) => one === "failed" || one === "cancelled");
  if (status === undefined) return undefined;
  const message = `The server gave up, and did not say why: status ${status}`;
  return new RequestError("server_error", message, { code: status });
}

/** `undefined` where the answer is still being made. */
function finishReasonOf(
  response: JsonObject,
  type: string,
): string | undefined {
  const status = reasonIn(response.status);
  if (status === "queued" || status === "in_progress") return undefined;
  return reasonIn(fieldOf(response.incomplete_details, "reason")) ??
    status ?? (type.replace("response.", "") || "completed");
}

function outputOf(
  response: JsonObject,
  { text, reasoning, refusal, usage, finishReason }: Omit<Output, "toolCalls">,
  toolCalls: NonNullable<Output["toolCalls"]>,
): Output {
  const responseId = textOf(response.id);
  const isEmpty = toolCalls.length === 0 && !refusal;
  return {
    ...(text !== undefined ? { text } : isEmpty && { text: "" }),
    ...(reasoning && { reasoning }),
    ...(refusal && { refusal }),
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(responseId !== undefined && { responseId }),
    ...(usage && { usage }),
    ...(finishReason !== undefined && { finishReason }),
  };
}

function truncated(): RequestError {
  return new RequestError(
    "truncated",
    "Cannot take the answer for whole as its end must be told (response.completed): nothing told it",
  );
}
