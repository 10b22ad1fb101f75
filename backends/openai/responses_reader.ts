import {
  type Call,
  type Output,
  RequestError,
  type ToolCall,
} from "../../plugins/mod.ts";
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
import { callList, type PartialCall } from "./output_parts.ts";
import type { AnswerReader } from "./backend.ts";
import { usageMeter } from "./usage.ts";

/** Kinds of text in an answer, apart from tool calls. */
type TextKind = "text" | "reasoning" | "refusal";

/** Text of an answer. Only that of a delta may be empty. */
interface TextPart {
  readonly kind: TextKind;
  readonly text: string;
}

/** Events that end a stream. */
const ENDS: ReadonlySet<string> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
  "response.cancelled",
]);

/**
 * Reads an answer of the responses API. Output is taken from deltas. Text that the server repeats when a part, an item
 * or the response is done is taken only if no earlier event contained it. Other events (searches, images) are ignored.
 */
export function responseReader(call: Pick<Call, "output">): AnswerReader {
  const texts: Partial<Record<TextKind, string>> = {};
  /** Type of event that each kind of text is taken from: the first that contained any. */
  const sources: Partial<Record<TextKind, string>> = {};
  const calls = functionCalls();
  const meter = usageMeter({ answers: 1 });
  let response: JsonObject = {};
  let finishReason: string | undefined;

  function take(
    source: string,
    parts: readonly TextPart[],
    atMs: number | undefined,
  ): void {
    for (const { kind, text } of parts) {
      if (text !== "") sources[kind] ??= source;
      if ((sources[kind] ?? source) !== source) continue;
      texts[kind] = (texts[kind] ?? "") + text;
      if (atMs !== undefined) call.output(atMs, { kind, text });
    }
  }

  function takeCalls(parts: readonly string[], atMs: number | undefined): void {
    if (atMs === undefined) return;
    for (const text of parts) call.output(atMs, { kind: "tool", text });
  }

  function count(...usage: readonly unknown[]): void {
    meter.event({ usage, choices: [] });
  }

  /** Takes the final response: its usage, and the output that no earlier event contained. */
  function takeResponse(final: unknown, type: string, atMs?: number): void {
    // An end without a response is completed by the latest one, except for the status, which has changed since.
    response = isObject(final) ? final : { ...response, status: undefined };
    count(response.usage);
    const items = objectsIn(response.output);
    take("response", items.flatMap(partsOfItem), atMs);
    if (calls.list().length === 0) {
      takeCalls(items.flatMap((item) => calls.item(item)), atMs);
    }
    const failure = failureIn(response, type);
    if (failure) throw failure;
    finishReason = finishReasonOf(response, type);
  }

  return {
    event(sent, atMs) {
      if (sent.data.trim() === "[DONE]") return true;
      const event = parseEvent(sent);
      const type = textOf(event.type) ?? sent.type ?? "";
      count(event.usage, fieldOf(event.response, "usage"));
      if (ENDS.has(type)) {
        takeResponse(event.response, type, atMs);
        return true;
      }
      if (isObject(event.response)) response = event.response;
      take(type, partsOfEvent(type, event), atMs);
      takeCalls(calls.event(type, event), atMs);
      return false;
    },
    body(data) {
      takeResponse(parseBody(data), "");
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
      const usage = meter.usage();
      const end = { finishReason, ...(usage && { usage }) };
      return outputOf(response, { ...texts, ...end }, calls.list());
    },
  };
}

/** Returns the failure that a response reports, also one that gives no reason. */
function failureIn(
  response: JsonObject,
  type: string,
): RequestError | undefined {
  const error = serverErrorIn(response);
  if (error) return error;
  const status = [
    type.replace("response.", ""),
    finishReasonIn(response.status),
  ]
    .find((one) => one === "failed" || one === "cancelled");
  if (status === undefined) return undefined;
  const message = `The server aborted the answer without a reason: ${status}`;
  return new RequestError("server_error", message, { code: status });
}

/** Returns why an answer ended; `undefined` while it is being generated. */
function finishReasonOf(
  response: JsonObject,
  type: string,
): string | undefined {
  const status = finishReasonIn(response.status);
  if (status === "queued" || status === "in_progress") return undefined;
  return finishReasonIn(fieldOf(response.incomplete_details, "reason")) ??
    status ?? (type.replace("response.", "") || "completed");
}

function outputOf(
  response: JsonObject,
  { text, reasoning, refusal, usage, finishReason }: Omit<Output, "toolCalls">,
  toolCalls: readonly ToolCall[],
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

/** Kind of a text and the field that contains all of it. */
type TextField = readonly [kind: TextKind, field: string];

/** Events with a text in their field `delta`. */
const DELTAS: ReadonlyMap<string, TextKind> = new Map([
  ["response.output_text.delta", "text"],
  ["response.refusal.delta", "refusal"],
  ["response.reasoning_text.delta", "reasoning"],
  ["response.reasoning_summary_text.delta", "reasoning"],
]);

/** Events that repeat a whole text, and parts of a message or of its reasoning, by their type. */
const WHOLE_TEXTS: ReadonlyMap<string, TextField> = new Map([
  ["response.output_text.done", ["text", "text"]],
  ["response.refusal.done", ["refusal", "refusal"]],
  ["response.reasoning_text.done", ["reasoning", "text"]],
  ["response.reasoning_summary_text.done", ["reasoning", "text"]],
  ["output_text", ["text", "text"]],
  ["refusal", ["refusal", "refusal"]],
  ["reasoning_text", ["reasoning", "text"]],
  ["summary_text", ["reasoning", "text"]],
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
  const [kind, field] = WHOLE_TEXTS.get(type) ?? [];
  const text = field && textOf(fieldOf(holder, field));
  return kind && text ? [{ kind, text }] : [];
}

/** Collects the function calls of an answer. */
interface FunctionCalls {
  /** Reads an event. Returns the parts of a call's name and arguments that no earlier event contained. */
  event(type: string, event: JsonObject): readonly string[];
  /** Reads an item of a whole answer in the same way. */
  item(item: unknown): readonly string[];
  /** Returns the calls received so far. */
  list(): readonly ToolCall[];
}

/** Reads names from items, and arguments from deltas or, if there are no deltas, from items. */
function functionCalls(): FunctionCalls {
  const list = callList();
  const byItem = new Map<unknown, PartialCall>();
  const byId = new Map<unknown, PartialCall>();
  /** Latest call at each index of the output. */
  const byIndex = new Map<unknown, PartialCall>();

  /**
   * Finds the call that an event or an item belongs to, or starts one: by the item's id, by the call's, or the latest at
   * its index, as some servers change the ids or give all calls the same index.
   */
  function find(itemId: unknown, id: unknown, index: unknown): PartialCall {
    const latest = byIndex.get(index);
    const isOther = isKnown(id) && isKnown(latest?.id);
    const found = byItem.get(itemId) ?? byId.get(id) ??
      (isOther ? undefined : latest);
    if (found) return found;
    const call = list.begin();
    if (isKnown(itemId)) byItem.set(itemId, call);
    if (isKnown(index)) byIndex.set(index, call);
    return call;
  }

  /** Finds the call of an item, and `undefined` for other items. */
  function callOfItem(item: unknown, index?: unknown): PartialCall | undefined {
    if (fieldOf(item, "type") !== "function_call") return undefined;
    const id = textOf(fieldOf(item, "call_id"));
    const call = find(fieldOf(item, "id"), id, index);
    if (id !== undefined && call.id === undefined) {
      call.id = id;
      if (!byId.has(id)) byId.set(id, call);
    }
    return call;
  }

  function item(item: unknown, index?: unknown): readonly string[] {
    const call = callOfItem(item, index);
    if (!call) return [];
    return [
      ...fill(call, "name", fieldOf(item, "name")),
      ...fill(call, "arguments", fieldOf(item, "arguments")),
    ];
  }

  return {
    item: (one) => item(one),
    event(type, { item: subject, item_id, output_index, ...event }) {
      switch (type) {
        case "response.output_item.added": {
          const call = callOfItem(subject, output_index);
          return call ? fill(call, "name", fieldOf(subject, "name")) : [];
        }
        case "response.function_call_arguments.delta": {
          const delta = textOf(event.delta) ?? "";
          find(item_id, undefined, output_index).arguments += delta;
          return [delta];
        }
        case "response.function_call_arguments.done": {
          const call = find(item_id, undefined, output_index);
          return [
            ...fill(call, "name", event.name),
            ...fill(call, "arguments", event.arguments),
          ];
        }
        case "response.output_item.done":
          return item(subject, output_index);
        default:
          return [];
      }
    },
    list: list.calls,
  };
}

/** Sets a field of a call that is still empty. Returns the text that it was set to. */
function fill(
  call: PartialCall,
  field: "name" | "arguments",
  value: unknown,
): readonly string[] {
  const text = textOf(value) ?? "";
  if (call[field] !== "" || text === "") return [];
  call[field] = text;
  return [text];
}

function isKnown(value: unknown): boolean {
  return value !== undefined && value !== null;
}
