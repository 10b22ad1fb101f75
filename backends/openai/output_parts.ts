import type { Delta, ToolCall } from "../../plugins/mod.ts";
import { protocolError } from "./answer.ts";
import {
  fieldOf,
  isObject,
  type JsonObject,
  objectsIn,
  textOf,
} from "../../lib/json.ts";
import { base64Size } from "./json.ts";

/** Part of an answer, and the tool call that it belongs to. */
export interface OutputPart extends Pick<Delta, "kind" | "bytes"> {
  readonly text: string;
  readonly toolCall?: JsonObject;
}

/**
 * Returns the parts of a chat message or of a delta of one. Reasoning is first, as servers generate it first. Empty
 * parts are left out.
 */
export function partsOfMessage(message: unknown): readonly OutputPart[] {
  if (!isObject(message)) return [];
  const { content, refusal, tool_calls: calls, audio } = message;
  const parts: OutputPart[] = [];
  const put = (kind: Delta["kind"], text: string | undefined) => {
    if (text) parts.push({ kind, text });
  };
  put("reasoning", reasoningIn(message));
  put("text", textOf(content) ?? contentOfType(content, "text"));
  put("refusal", textOf(refusal));
  if (calls) {
    for (const toolCall of objectsIn(calls)) {
      const text = nameIn(toolCall) + argumentsIn(toolCall);
      parts.push({ kind: "tool", text, toolCall });
    }
  }
  if (audio) parts.push(...audioParts(audio));
  return parts;
}

/** Returns the parts of a completion or of a delta of one. */
export function partsOfText(text: unknown): readonly OutputPart[] {
  return typeof text === "string" && text !== ""
    ? [{ kind: "text", text }]
    : [];
}

/** Returns the reasoning under one of its names: servers that send both repeat the same text. */
function reasoningIn(
  { reasoning, reasoning_content: older, content }: JsonObject,
): string | undefined {
  return textOf(reasoning) || textOf(older) ||
    contentOfType(content, "thinking");
}

/** Joins the parts of one type in a content that is a list, as Mistral's reasoning models send it. */
function contentOfType(
  content: unknown,
  type: "text" | "thinking",
): string | undefined {
  if (!Array.isArray(content)) return undefined;
  return objectsIn(content).filter((part) => part.type === type)
    .map((part) => textOf(part[type]) ?? joinTexts(part[type])).join("");
}

function joinTexts(parts: unknown): string {
  return objectsIn(parts).map(({ text }) => textOf(text) ?? "").join("");
}

/** Returns audio as its size and its transcript. */
function audioParts(audio: unknown): readonly OutputPart[] {
  const text = textOf(fieldOf(audio, "transcript")) ?? "";
  const data = textOf(fieldOf(audio, "data")) ?? "";
  if (text === "" && data === "") return [];
  return [{ kind: "audio", text, bytes: base64Size(data) }];
}

function nameIn(toolCall: JsonObject): string {
  return textOf(fieldOf(toolCall.function, "name")) ?? "";
}

/** Returns the arguments as text, also from servers that send them as JSON values. */
function argumentsIn(toolCall: JsonObject): string {
  const given = fieldOf(toolCall.function, "arguments") ?? "";
  return textOf(given) ?? JSON.stringify(given);
}

/** Tool call that is still being received. */
export interface PartialCall {
  id: string | undefined;
  name: string;
  arguments: string;
}

/** Tool calls of one answer, in order. */
export interface CallList {
  /** Returns the latest call. */
  last(): PartialCall | undefined;
  /**
   * Starts a call.
   *
   * @throws {RequestError} `protocol_error` if there are {@linkcode MAX_CALLS} already.
   */
  begin(): PartialCall;
  /** Returns the calls received so far. */
  calls(): readonly ToolCall[];
}

/** Maximum number of tool calls in an answer. A server that exceeds it starts calls without end. */
export const MAX_CALLS = 10_000;

/** Creates an empty list of tool calls. */
export function callList(): CallList {
  const all: PartialCall[] = [];
  return {
    last: () => all.at(-1),
    begin() {
      if (all.length === MAX_CALLS) {
        throw protocolError(`it has more than ${MAX_CALLS} tool calls`);
      }
      const call = { id: undefined, name: "", arguments: "" };
      all.push(call);
      return call;
    },
    calls: () =>
      all.map(({ id, name, arguments: given }) => ({
        ...(id !== undefined && { id }),
        name,
        arguments: given,
      })),
  };
}

/** Collects the tool calls of a chat answer from their parts. */
export interface ChatCalls {
  /** Adds a part of a call, or a whole one. */
  add(part: JsonObject): void;
  /** Returns the calls received so far. */
  calls(): readonly ToolCall[];
}

/**
 * Assigns a part to the call with its index, or to the latest call without an index. Another id starts another call, as
 * some servers give all calls the same index or none.
 */
export function chatCalls(): ChatCalls {
  const list = callList();
  const latest = new Map<unknown, PartialCall>();

  function callFor(index: unknown, id: string | undefined): PartialCall {
    const found = index === undefined ? list.last() : latest.get(index);
    if (found && (!id || !found.id || found.id === id)) return found;
    const call = list.begin();
    latest.set(index, call);
    return call;
  }

  return {
    add(part) {
      const id = textOf(part.id) || undefined;
      const call = callFor(part.index ?? undefined, id);
      call.id ??= id;
      call.name += nameIn(part);
      call.arguments += argumentsIn(part);
    },
    calls: list.calls,
  };
}
