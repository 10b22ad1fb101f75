import type { ToolCall } from "../../plugins/mod.ts";
import { type JsonObject, textOf } from "./json.ts";
import { argumentsIn, nameIn } from "./pieces.ts";

/** Calls, put together from their pieces. */
export interface ToolCalls {
  /** Takes a piece, or all, of one call. */
  add(piece: JsonObject): void;
  /** What has come so far, in order. */
  readonly calls: readonly ToolCall[];
}

interface Growing {
  readonly index: unknown;
  id: string | undefined;
  name: string;
  arguments: string;
}

/**
 * A piece belongs to the call with its index, or to the last one where it has none; another id begins another call,
 * as some servers give all calls one index, or none.
 */
export function toolCalls(): ToolCalls {
  const growing: Growing[] = [];

  function callOf(index: unknown, id: string | undefined): Growing {
    const found = index === undefined
      ? growing.at(-1)
      : growing.findLast((call) => call.index === index);
    const isSame = found && (!id || !found.id || found.id === id);
    if (isSame) return found;
    const begun = { index, id: undefined, name: "", arguments: "" };
    growing.push(begun);
    return begun;
  }

  return {
    add(piece) {
      const id = textOf(piece.id) || undefined;
      const call = callOf(piece.index ?? undefined, id);
      call.id ??= id;
      call.name += nameIn(piece);
      call.arguments += argumentsIn(piece);
    },
    get calls() {
      return growing.map(({ id, name, arguments: given }) => ({
        ...(id !== undefined && { id }),
        name,
        arguments: given,
      }));
    },
  };
}
