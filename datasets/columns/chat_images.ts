import type { Image, Message, MessagePart } from "../../plugins/mod.ts";

/** What stands in a text where a picture belongs, as LLaVA's data has it. */
const MARK = "<image>";

/**
 * Puts pictures that stand beside a chat into it: each in the place of a mark `<image>`, and those without one ahead
 * of the first that the user says.
 */
export function withImages(
  messages: readonly Message[],
  images: readonly Image[],
): readonly Message[] {
  if (images.length === 0) return messages;
  const left = [...images];
  const marked = messages.map((message) =>
    message.role === "user" && typeof message.content === "string" &&
      message.content.includes(MARK) && left.length > 0
      ? { ...message, content: inPlace(message.content, left) }
      : message
  );
  const first = marked.findIndex(({ role }) => role === "user");
  const user = marked[first];
  if (left.length === 0 || user === undefined) return marked;
  const content = [...left.map(partOf), ...partsOf(user.content)];
  return marked.with(first, { ...user, content });
}

/** A text divided at its marks, each of which takes the next picture while there is one. */
function inPlace(text: string, left: Image[]): MessagePart[] {
  const [head = "", ...rest] = text.split(MARK);
  let said = head;
  const parts: MessagePart[] = [];
  const say = () => {
    const text = said.trim();
    if (text !== "") parts.push({ kind: "text", text });
    said = "";
  };
  for (const piece of rest) {
    const image = left.shift();
    if (image === undefined) {
      said += MARK + piece;
      continue;
    }
    say();
    parts.push(partOf(image));
    said = piece;
  }
  say();
  return parts;
}

function partOf(image: Image): MessagePart {
  return { kind: "image", image };
}

function partsOf(content: Message["content"]): readonly MessagePart[] {
  return typeof content === "string"
    ? [{ kind: "text", text: content }]
    : content;
}
