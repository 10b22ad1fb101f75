import type { Delta } from "../../plugins/mod.ts";
import {
  fieldOf,
  isObject,
  type JsonObject,
  objectsIn,
  textOf,
} from "./json.ts";

/** A piece of an answer: what it shows as, and the call that it is a piece of. */
export interface Piece extends Pick<Delta, "kind" | "bytes"> {
  readonly text: string;
  readonly toolCall?: JsonObject;
}

/**
 * What a message of a chat holds, whole or a piece of it: reasoning first, as it comes first. What is empty is left
 * out.
 */
export function piecesOfMessage(message: unknown): readonly Piece[] {
  if (!isObject(message)) return [];
  const { content, refusal, tool_calls: calls, audio } = message;
  const pieces: Piece[] = [];
  const put = (kind: Delta["kind"], text: string | undefined) => {
    if (text) pieces.push({ kind, text });
  };
  put("reasoning", reasoningIn(message));
  put("text", textOf(content) ?? partsIn(content, "text"));
  put("refusal", textOf(refusal));
  if (calls) pieces.push(...objectsIn(calls).map(pieceOfCall));
  if (audio) pieces.push(...audioIn(audio));
  return pieces;
}

/** What a completion holds, whole or a piece of it. */
export function piecesOfText(text: unknown): readonly Piece[] {
  return typeof text === "string" && text !== ""
    ? [{ kind: "text", text }]
    : [];
}

/** The part of a call's arguments that came: text, whatever JSON the server makes of them. */
export function argumentsIn(toolCall: JsonObject): string {
  const given = fieldOf(toolCall.function, "arguments");
  if (given === undefined || given === null) return "";
  return textOf(given) ?? JSON.stringify(given);
}

/** The name of the function, or the part of it that came. */
export function nameIn(toolCall: JsonObject): string {
  return textOf(fieldOf(toolCall.function, "name")) ?? "";
}

/** Under either name, and never both: servers that send both send the same twice. */
function reasoningIn(
  { reasoning, reasoning_content: older, content }: JsonObject,
): string | undefined {
  return textOf(reasoning) || textOf(older) || partsIn(content, "thinking");
}

/** The parts of one type in a content that is a list of them, as Mistral's reasoning models send it. */
function partsIn(
  content: unknown,
  type: "text" | "thinking",
): string | undefined {
  if (!Array.isArray(content)) return undefined;
  return objectsIn(content).filter((part) => part.type === type)
    .map((part) => textOf(part[type]) ?? textsIn(part[type])).join("");
}

function textsIn(parts: unknown): string {
  return objectsIn(parts).map(({ text }) => textOf(text) ?? "").join("");
}

function pieceOfCall(toolCall: JsonObject): Piece {
  const text = nameIn(toolCall) + argumentsIn(toolCall);
  return { kind: "tool", text, toolCall };
}

/** Media is told by its size alone; what is said in it may come beside it. */
function audioIn(audio: unknown): Piece[] {
  const text = textOf(fieldOf(audio, "transcript")) ?? "";
  const data = textOf(fieldOf(audio, "data")) ?? "";
  if (text === "" && data === "") return [];
  return [{ kind: "audio", text, bytes: sizeOf(data) }];
}

/** How many bytes a text in base64 stands for, padded or not. */
function sizeOf(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return Math.floor((base64.length - padding) * 3 / 4);
}
