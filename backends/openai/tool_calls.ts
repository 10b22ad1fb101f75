import type { ToolCall } from "../../plugins/mod.ts";
import { type JsonObject, protocolError, textOf } from "./json.ts";
import { argumentsIn, nameIn } from "./pieces.ts";

/** Calls, put together from their pieces. */
export interface ToolCalls {
  /**
   * Takes a piece, or all, of one call.
   *
   * @throws {RequestError} `protocol_error` if it begins one call too many.
   */
  add(piece: JsonObject): void;
  /** What has come so far, in order. */
  readonly calls: readonly ToolCall[];
}

interface Growing {
  id: string | undefined;
  name: string;
  arguments: string;
}

/** More calls than this in one answer are a server's that begins them without end. */
export const MAX_CALLS = 10_000;

/** What is thrown where another call would be one too many. */
export function tooManyCalls(): Error {
  return protocolError(
    `calls of tools must be at most ${MAX_CALLS} in an answer: current value is more`,
  );
}

/**
 * A piece belongs to the call with its index, or to the last one where it has none; another id begins another call,
 * as some servers give all calls one index, or none.
 */
export function toolCalls(): ToolCalls {
  const growing: Growing[] = [];
  /** The latest with each index. */
  const latest = new Map<unknown, Growing>();

  function callOf(index: unknown, id: string | undefined): Growing {
    const found = index === undefined ? growing.at(-1) : latest.get(index);
    const isSame = found && (!id || !found.id || found.id === id);
    if (isSame) return found;
    if (growing.length === MAX_CALLS) throw tooManyCalls();
    const begun = { id: undefined, name: "", arguments: "" };
    growing.push(begun);
    latest.set(index, begun);
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
