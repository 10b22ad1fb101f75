import type { Columns, Message } from "../../plugins/mod.ts";
import { isObject, objectsIn, textOf } from "./json.ts";
import type { SentText } from "./protocol.ts";

/** Whether a turn is nothing but words, so that its tokens can be counted. */
export function isWords({ messages = [], audio, images }: Columns): boolean {
  return !audio && !images?.length && messages.every(hasWordsOnly);
}

/** The words in a body, and what of it the server's template makes a prompt of. */
export function sentIn(body: Uint8Array): SentText | undefined {
  const sent: unknown = JSON.parse(new TextDecoder().decode(body));
  if (!isObject(sent)) return undefined;
  const words = objectsIn(sent.messages).flatMap(({ content }) =>
    textOf(content) ?? objectsIn(content).map(({ text }) => textOf(text) ?? "")
  );
  const { messages, tools, chat_template, chat_template_kwargs } = sent;
  const told = { messages, tools, chat_template, chat_template_kwargs };
  return {
    text: words.join("\n"),
    tokenize: Object.fromEntries(
      Object.entries(told).filter(([, value]) => value !== undefined),
    ),
  };
}

function hasWordsOnly({ content }: Message): boolean {
  return typeof content === "string" ||
    content.every(({ kind }) => kind === "text");
}
