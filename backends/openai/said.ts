import type { Columns, MessagePart } from "../../plugins/mod.ts";
import type { SentText } from "./protocol.ts";

/** A message of nothing but words, as chats have it. */
export interface SaidMessage {
  /** Who speaks. */
  readonly role: string;
  /** What is said. */
  readonly content: string;
}

/** The words of a turn but for its system prompt; `undefined` where there is more to it: media or calls of tools. */
export function saidIn(
  { messages = [], text, audio, images }: Columns,
): readonly SaidMessage[] | undefined {
  if (audio || images?.length) return undefined;
  const said: SaidMessage[] = [];
  for (const { role, content, toolCalls } of messages) {
    const words = wordsOf(content);
    if (words === undefined || role === "tool" || toolCalls?.length) {
      return undefined;
    }
    said.push({ role, content: words });
  }
  return text === undefined ? said : [...said, { role: "user", content: text }];
}

/** A chat as it is counted; `undefined` where part of it cannot be. */
export function sentText(
  parts: readonly (readonly SaidMessage[] | undefined)[],
): SentText | undefined {
  const messages: SaidMessage[] = [];
  for (const part of parts) {
    if (part === undefined) return undefined;
    messages.push(...part);
  }
  return {
    text: messages.map(({ content }) => content).join("\n"),
    tokenize: { messages },
  };
}

function wordsOf(content: string | readonly MessagePart[]): string | undefined {
  if (typeof content === "string") return content;
  if (content.some(({ kind }) => kind !== "text")) return undefined;
  return content.map((part) => part.kind === "text" ? part.text : "").join("");
}
