import type { ToolCall } from "../../plugins/mod.ts";
import { fieldOf, type JsonObject, textOf } from "./json.ts";
import { MAX_CALLS, tooManyCalls } from "./tool_calls.ts";

/** Follows the calls of functions in an answer. */
export interface Calls {
  /** Takes an event. Returns what of a call's name and arguments it told for the first time. */
  event(type: string, event: JsonObject): readonly string[];
  /** Takes an item of a whole answer, likewise. */
  item(item: unknown): readonly string[];
  /** All so far. */
  readonly list: readonly ToolCall[];
}

interface Calling {
  id: string | undefined;
  name: string;
  arguments: string;
}

/** Makes one for an answer: names come with the item, arguments by deltas, or whole where there are none. */
export function functionCalls(): Calls {
  const all: Calling[] = [];
  const byItem = new Map<unknown, Calling>();
  const byId = new Map<unknown, Calling>();
  /** The latest at each place. */
  const byPlace = new Map<unknown, Calling>();

  /**
   * The call that an event or an item is about, begun where there is none: by the item's id, by the call's, or the
   * latest at its place, as some servers change the one or give all calls the other.
   */
  function find(itemId: unknown, id: unknown, place: unknown): Calling {
    const there = byPlace.get(place);
    const found = byItem.get(itemId) ?? byId.get(id) ??
      (there && isKnown(id) && isKnown(there.id) ? undefined : there);
    return found ?? begin(itemId, place);
  }

  function begin(itemId: unknown, place: unknown): Calling {
    if (all.length === MAX_CALLS) throw tooManyCalls();
    const begun = { id: undefined, name: "", arguments: "" };
    all.push(begun);
    if (isKnown(itemId)) byItem.set(itemId, begun);
    if (isKnown(place)) byPlace.set(place, begun);
    return begun;
  }

  function identify(call: Calling, id: string | undefined): void {
    if (id === undefined || call.id !== undefined) return;
    call.id = id;
    if (!byId.has(id)) byId.set(id, call);
  }

  function named(call: Calling, name: unknown): string[] {
    const text = textOf(name) ?? "";
    if (call.name !== "" || text === "") return [];
    call.name = text;
    return [text];
  }

  function filled(call: Calling, text: unknown): string[] {
    const whole = textOf(text) ?? "";
    if (call.arguments !== "" || whole === "") return [];
    call.arguments = whole;
    return [whole];
  }

  function begun(item: unknown, place?: unknown): Calling | undefined {
    if (fieldOf(item, "type") !== "function_call") return undefined;
    const callId = textOf(fieldOf(item, "call_id"));
    const call = find(fieldOf(item, "id"), callId, place);
    identify(call, callId);
    return call;
  }

  function item(item: unknown, place?: unknown): string[] {
    const call = begun(item, place);
    return call
      ? [
        ...named(call, fieldOf(item, "name")),
        ...filled(call, fieldOf(item, "arguments")),
      ]
      : [];
  }

  return {
    item,
    event(type, { item: subject, item_id, output_index, ...event }) {
      switch (type) {
        case "response.output_item.added": {
          const call = begun(subject, output_index);
          return call ? named(call, fieldOf(subject, "name")) : [];
        }
        case "response.function_call_arguments.delta": {
          const piece = textOf(event.delta) ?? "";
          find(item_id, undefined, output_index).arguments += piece;
          return [piece];
        }
        case "response.function_call_arguments.done": {
          const call = find(item_id, undefined, output_index);
          return [...named(call, event.name), ...filled(call, event.arguments)];
        }
        case "response.output_item.done":
          return item(subject, output_index);
        default:
          return [];
      }
    },
    get list() {
      return all.map(({ id, name, arguments: text }) => ({
        ...(id !== undefined && { id }),
        name,
        arguments: text,
      }));
    },
  };
}

function isKnown(value: unknown): boolean {
  return value !== undefined && value !== null;
}
