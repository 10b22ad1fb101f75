import { type Call, RequestError } from "../../plugins/mod.ts";
import {
  finishReasonIn,
  parseBody,
  parseEvent,
  protocolError,
  refuseWrappedEvents,
  serverErrorIn,
} from "./answer.ts";
import {
  fieldOf,
  isObject,
  type JsonObject,
  objectsIn,
  textOf,
} from "../../lib/json.ts";
import type { AnswerReader } from "./backend.ts";
import { withoutEmpty } from "./json.ts";
import { FunctionCalls } from "./tool_calls.ts";
import { usageMeter } from "./usage.ts";

/** Kinds of text in an answer, apart from tool calls. */
type TextKind = "text" | "reasoning" | "refusal";

/** Text of an answer. Only that of a delta may be empty. */
interface TextPart {
  readonly kind: TextKind;
  readonly text: string;
}

/** Events that end a stream, and the status that each reports. */
const ENDS: ReadonlyMap<string, string> = new Map([
  ["response.completed", "completed"],
  ["response.incomplete", "incomplete"],
  ["response.failed", "failed"],
  ["response.cancelled", "cancelled"],
]);

/**
 * Reads an answer of the responses API. Output is taken from deltas. Text that the server repeats when a part, an item
 * or the response is done is taken only if no earlier event contained it. Other events (searches, images) are ignored.
 */
export function responseReader(call: Pick<Call, "output">): AnswerReader {
  const texts: Partial<Record<TextKind, string>> = {};
  /** Type of event that each kind of text is taken from: the first that contained any. */
  const sources: Partial<Record<TextKind, string>> = {};
  const functions = new FunctionCalls();
  const meter = usageMeter(1);
  let response: JsonObject = {};
  let finishReason: string | undefined;

  function take(
    source: string,
    parts: readonly TextPart[],
    atMs?: number,
  ): void {
    for (const { kind, text } of parts) {
      if (text !== "") sources[kind] ??= source;
      if ((sources[kind] ?? source) !== source) continue;
      texts[kind] = (texts[kind] ?? "") + text;
      if (atMs !== undefined) call.output(atMs, { kind, text });
    }
  }

  function takeCalls(parts: readonly string[], atMs?: number): void {
    if (atMs === undefined) return;
    for (const text of parts) call.output(atMs, { kind: "tool", text });
  }

  /** Takes the final response: its usage, and the output that no earlier event contained. */
  function takeResponse(final: unknown, end?: string, atMs?: number): void {
    // An end without a response is completed by the latest one, except for the status, which has changed since.
    response = isObject(final) ? final : { ...response, status: undefined };
    meter.event([response.usage], []);
    const items = objectsIn(response.output);
    take("response", items.flatMap(partsOfItem), atMs);
    if (functions.calls.length === 0) {
      takeCalls(items.flatMap((item) => functions.item(item)), atMs);
    }
    const failure = failureIn(response, end);
    if (failure) throw failure;
    finishReason = finishReasonOf(response, end);
  }

  return {
    event(sent, atMs) {
      if (sent.data.trim() === "[DONE]") return true;
      const event = parseEvent(sent);
      const type = textOf(event.type) ?? sent.type ?? "";
      meter.event([event.usage, fieldOf(event.response, "usage")], []);
      const end = ENDS.get(type);
      if (end) {
        takeResponse(event.response, end, atMs);
        return true;
      }
      if (isObject(event.response)) response = event.response;
      take(type, partsOfEvent(type, event), atMs);
      takeCalls(functions.event(type, event), atMs);
      return false;
    },
    body(data) {
      takeResponse(parseBody(data));
      if (finishReason !== undefined && !Array.isArray(response.output)) {
        throw protocolError("it has no output");
      }
    },
    result() {
      // Checked on the whole text: a delta of an answer about event streams may look like one.
      for (const text of Object.values(texts)) refuseWrappedEvents(text);
      if (finishReason === undefined) {
        throw new RequestError(
          "truncated",
          "The answer ended before response.completed or another final status",
        );
      }
      const { calls } = functions;
      const isEmpty = calls.length === 0 && !texts.refusal;
      return withoutEmpty({
        text: texts.text ?? (isEmpty ? "" : undefined),
        reasoning: texts.reasoning || undefined,
        refusal: texts.refusal || undefined,
        toolCalls: calls.length > 0 ? calls : undefined,
        responseId: textOf(response.id),
        usage: meter.usage(),
        finishReason,
      });
    },
  };
}

/** Returns the failure that a response reports, also one that gives no reason. */
function failureIn(
  response: JsonObject,
  end: string | undefined,
): RequestError | undefined {
  const error = serverErrorIn(response);
  if (error) return error;
  const status = [end, finishReasonIn(response.status)]
    .find((one) => one === "failed" || one === "cancelled");
  if (status === undefined) return undefined;
  const message = `The server aborted the answer without a reason: ${status}`;
  return new RequestError("server_error", message, { code: status });
}

/** Returns why an answer ended; `undefined` while it is being generated. */
function finishReasonOf(
  response: JsonObject,
  end = "completed",
): string | undefined {
  const status = finishReasonIn(response.status);
  if (status === "queued" || status === "in_progress") return undefined;
  return finishReasonIn(fieldOf(response.incomplete_details, "reason")) ??
    status ?? end;
}

/** Events with a text in their field `delta`. */
const DELTAS: ReadonlyMap<string, TextKind> = new Map([
  ["response.output_text.delta", "text"],
  ["response.refusal.delta", "refusal"],
  ["response.reasoning_text.delta", "reasoning"],
  ["response.reasoning_summary_text.delta", "reasoning"],
]);

/** Events that repeat a whole text, and parts of a message or of its reasoning, by their type. */
const WHOLE_TEXTS: ReadonlyMap<string, TextKind> = new Map([
  ["response.output_text.done", "text"],
  ["response.refusal.done", "refusal"],
  ["response.reasoning_text.done", "reasoning"],
  ["response.reasoning_summary_text.done", "reasoning"],
  ["output_text", "text"],
  ["refusal", "refusal"],
  ["reasoning_text", "reasoning"],
  ["summary_text", "reasoning"],
]);

/** Returns the text in an event of a stream. */
function partsOfEvent(type: string, event: JsonObject): readonly TextPart[] {
  const kind = DELTAS.get(type);
  if (kind) return [{ kind, text: textOf(event.delta) ?? "" }];
  switch (type) {
    case "response.content_part.done":
    case "response.reasoning_summary_part.done":
      return partsOfPart(event.part);
    case "response.output_item.done":
      return partsOfItem(event.item);
    default:
      return type.startsWith("response.") ? wholeText(type, event) : [];
  }
}

/** Returns the text in an item of the output: a message's parts; the reasoning's text, or its summary without a text. */
function partsOfItem(item: unknown): readonly TextPart[] {
  const content = objectsIn(fieldOf(item, "content")).flatMap(partsOfPart);
  return content.length > 0
    ? content
    : objectsIn(fieldOf(item, "summary")).flatMap(partsOfPart);
}

function partsOfPart(part: unknown): readonly TextPart[] {
  return wholeText(textOf(fieldOf(part, "type")) ?? "", part);
}

function wholeText(type: string, holder: unknown): readonly TextPart[] {
  const kind = WHOLE_TEXTS.get(type);
  const field = kind === "refusal" ? kind : "text";
  const text = kind && textOf(fieldOf(holder, field));
  return text ? [{ kind, text }] : [];
}
