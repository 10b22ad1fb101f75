import { fieldOf, type JsonObject, objectsIn, textOf } from "./json.ts";

/** Text that an answer holds, but for calls of tools. */
export interface Piece {
  /** What it is a piece of. */
  readonly kind: "text" | "reasoning" | "refusal";
  /** Only that of a delta may be empty. */
  readonly text: string;
}

/** A kind of text, and the field that holds all of it. */
type Whole = readonly [kind: Piece["kind"], field: string];

/** Events that bring a piece in their field `delta`, each with its kind. */
const DELTAS: ReadonlyMap<string, Piece["kind"]> = new Map([
  ["response.output_text.delta", "text"],
  ["response.refusal.delta", "refusal"],
  ["response.reasoning_text.delta", "reasoning"],
  ["response.reasoning_summary_text.delta", "reasoning"],
]);

/** Events that say it again, whole. */
const DONE: ReadonlyMap<string, Whole> = new Map([
  ["response.output_text.done", ["text", "text"]],
  ["response.refusal.done", ["refusal", "refusal"]],
  ["response.reasoning_text.done", ["reasoning", "text"]],
  ["response.reasoning_summary_text.done", ["reasoning", "text"]],
]);

/** Parts of a message or of its reasoning, by their type. */
const PARTS: ReadonlyMap<string, Whole> = new Map([
  ["output_text", ["text", "text"]],
  ["refusal", ["refusal", "refusal"]],
  ["reasoning_text", ["reasoning", "text"]],
  ["summary_text", ["reasoning", "text"]],
]);

/** What an event of a stream says of the answer. */
export function piecesIn(type: string, event: JsonObject): readonly Piece[] {
  const kind = DELTAS.get(type);
  if (kind) return [{ kind, text: textOf(event.delta) ?? "" }];
  const done = DONE.get(type);
  if (done) return whole(done, event);
  switch (type) {
    case "response.content_part.done":
    case "response.reasoning_summary_part.done":
      return piecesOfPart(event.part);
    case "response.output_item.done":
      return piecesOfItem(event.item);
    default:
      return [];
  }
}

/** What an item of the output says: a message its parts; reasoning its text, or its summary where it has none. */
export function piecesOfItem(item: unknown): readonly Piece[] {
  const content = objectsIn(fieldOf(item, "content")).flatMap(piecesOfPart);
  return content.length > 0
    ? content
    : objectsIn(fieldOf(item, "summary")).flatMap(piecesOfPart);
}

function piecesOfPart(part: unknown): readonly Piece[] {
  const known = PARTS.get(textOf(fieldOf(part, "type")) ?? "");
  return known ? whole(known, part) : [];
}

function whole(
  [kind, field]: Whole,
  holder: unknown,
): readonly Piece[] {
  const text = textOf(fieldOf(holder, field)) ?? "";
  return text === "" ? [] : [{ kind, text }];
}
