import type { ToolCall } from "../../plugins/mod.ts";
import { fieldOf, type JsonObject, textOf } from "../../lib/json.ts";
import { protocolError } from "./answer.ts";

/** Tool call that is still being received. */
type PartialCall = { -readonly [Field in keyof ToolCall]: ToolCall[Field] };

/** Maximum number of tool calls in an answer. A server that exceeds it starts calls without end. */
export const MAX_CALLS = 10_000;

/** @throws {RequestError} `protocol_error` if there are {@linkcode MAX_CALLS} already. */
function beginCall(calls: PartialCall[]): PartialCall {
  if (calls.length === MAX_CALLS) {
    throw protocolError(`it has more than ${MAX_CALLS} tool calls`);
  }
  const call = { name: "", arguments: "" };
  calls.push(call);
  return call;
}

/** Part of a tool call in a chat, or a whole one. */
export interface CallPart {
  /** Index of the call; some servers give all calls the same or none. */
  readonly index: unknown;
  readonly id: string | undefined;
  readonly name: string;
  readonly arguments: string;
}

/** Parses a part of a tool call. Some servers send the arguments as JSON values instead of text. */
export function parseCallPart(part: JsonObject): CallPart {
  const given = fieldOf(part.function, "arguments") ?? "";
  return {
    index: part.index ?? undefined,
    id: textOf(part.id) || undefined,
    name: textOf(fieldOf(part.function, "name")) ?? "",
    arguments: textOf(given) ?? JSON.stringify(given),
  };
}

/** Collects the tool calls of a chat answer from their parts. */
export class ChatCalls {
  /** Calls received so far, in order. */
  readonly calls: PartialCall[] = [];
  readonly #latest = new Map<unknown, PartialCall>();

  /**
   * Adds a part to the call with its index, or to the latest call without an index. Another id starts another call, as
   * some servers give all calls the same index or none.
   */
  add({ index, id, name, arguments: given }: CallPart): void {
    const call = this.#callFor(index, id);
    if (id !== undefined) call.id ??= id;
    call.name += name;
    call.arguments += given;
  }

  #callFor(index: unknown, id: string | undefined): PartialCall {
    const found = index === undefined
      ? this.calls.at(-1)
      : this.#latest.get(index);
    if (found && (!id || !found.id || found.id === id)) return found;
    const call = beginCall(this.calls);
    this.#latest.set(index, call);
    return call;
  }
}

/**
 * Collects the function calls of an answer of the responses API. It reads names from items, and arguments from deltas
 * or, if there are no deltas, from items.
 */
export class FunctionCalls {
  /** Calls received so far, in order. */
  readonly calls: PartialCall[] = [];
  readonly #byItem = new Map<unknown, PartialCall>();
  readonly #byId = new Map<unknown, PartialCall>();
  /** Latest call at each index of the output. */
  readonly #byIndex = new Map<unknown, PartialCall>();

  /** Reads an event. Returns the parts of a call's name and arguments that no earlier event contained. */
  event(type: string, event: JsonObject): readonly string[] {
    const { item, item_id: itemId, output_index: index } = event;
    switch (type) {
      case "response.output_item.added": {
        const call = this.#callOfItem(item, index);
        return call ? fill(call, "name", fieldOf(item, "name")) : [];
      }
      case "response.function_call_arguments.delta": {
        const delta = textOf(event.delta) ?? "";
        this.#find(itemId, undefined, index).arguments += delta;
        return [delta];
      }
      case "response.function_call_arguments.done":
        return fillBoth(this.#find(itemId, undefined, index), event);
      case "response.output_item.done":
        return this.item(item, index);
      default:
        return [];
    }
  }

  /** Reads an item of the output in the same way. */
  item(item: unknown, index?: unknown): readonly string[] {
    const call = this.#callOfItem(item, index);
    return call ? fillBoth(call, item as JsonObject) : [];
  }

  /** Finds the call of an item, and `undefined` for other items. */
  #callOfItem(item: unknown, index: unknown): PartialCall | undefined {
    if (fieldOf(item, "type") !== "function_call") return undefined;
    const id = textOf(fieldOf(item, "call_id"));
    const call = this.#find(fieldOf(item, "id"), id, index);
    if (id !== undefined && call.id === undefined) {
      call.id = id;
      if (!this.#byId.has(id)) this.#byId.set(id, call);
    }
    return call;
  }

  /**
   * Finds the call that an event or an item belongs to, or starts one: by the item's id, by the call's, or the latest at
   * its index, as some servers change the ids or give all calls the same index.
   */
  #find(itemId: unknown, id: unknown, index: unknown): PartialCall {
    const latest = this.#byIndex.get(index);
    const isOther = isKnown(id) && isKnown(latest?.id);
    const found = this.#byItem.get(itemId) ?? this.#byId.get(id) ??
      (isOther ? undefined : latest);
    if (found) return found;
    const call = beginCall(this.calls);
    if (isKnown(itemId)) this.#byItem.set(itemId, call);
    if (isKnown(index)) this.#byIndex.set(index, call);
    return call;
  }
}

/** Sets the name and the arguments of a call where they are still empty. Returns the texts that they were set to. */
function fillBoth(call: PartialCall, given: JsonObject): readonly string[] {
  return [
    ...fill(call, "name", given.name),
    ...fill(call, "arguments", given.arguments),
  ];
}

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
