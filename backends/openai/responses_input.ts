import type {
  Columns,
  Message,
  MessagePart,
  ToolCall,
} from "../../plugins/mod.ts";
import type { Media } from "./media.ts";
import type { ResponsesSettings } from "./responses/responses.ts";

/** An item of a response's input, as the API has it: plain JSON, with bytes for media in base64. */
export type InputItem = Readonly<Record<string, unknown>>;

/** How items with media are built. */
export interface WireOptions extends Pick<ResponsesSettings, "imagesAs"> {
  /** Encodes files. */
  readonly media: Media;
}

/**
 * What a turn says: its chat, then its prompt with whatever goes with it.
 *
 * @throws {Error} If a file cannot be read.
 */
export async function itemsOf(
  { messages = [], text, audio, images = [] }: Columns,
  options: WireOptions,
): Promise<InputItem[]> {
  const items = await Promise.all(
    messages.map((message) => itemsOfMessage(message, options)),
  );
  const parts: MessagePart[] = [
    ...(text === undefined ? [] : [{ kind: "text", text } as const]),
    ...(audio ? [{ kind: "audio", audio } as const] : []),
    ...images.map((image) => ({ kind: "image", image } as const)),
  ];
  return parts.length === 0
    ? items.flat()
    : [...items.flat(), await said("user", parts, options)];
}

/** Items as JSON, with commas between them. */
export function jsonOf(items: readonly InputItem[]): string {
  return items.map((item) => JSON.stringify(item)).join(",");
}

/** What a call of the model is answered with. */
export function resultItem(callId: string, output: string): InputItem {
  return { type: "function_call_output", call_id: callId, output };
}

/** What the assistant said. */
export function answerItem(text: string): InputItem {
  return {
    type: "message",
    role: "assistant",
    content: [{ type: "output_text", text }],
  };
}

/** Tools stand flat in this API; those of the chat API, whose function is a field, are laid out anew. */
export function toolOf(tool: unknown): unknown {
  const { function: inner, ...rest } = (tool ?? {}) as Record<string, unknown>;
  return typeof inner === "object" ? { ...rest, ...inner } : tool;
}

async function itemsOfMessage(
  { role, content, toolCalls = [], toolCallId = "" }: Message,
  options: WireOptions,
): Promise<InputItem[]> {
  const parts: readonly MessagePart[] = typeof content === "string"
    ? [{ kind: "text", text: content }]
    : content;
  if (role === "tool") return [resultItem(toolCallId, textIn(parts))];
  if (role !== "assistant") return [await said(role, parts, options)];
  const text = textIn(parts);
  return [
    ...(text === "" ? [] : [answerItem(text)]),
    ...toolCalls.map(callItem),
  ];
}

function textIn(parts: readonly MessagePart[]): string {
  return parts.map((part) => part.kind === "text" ? part.text : "").join("");
}

async function said(
  role: "user" | "system",
  parts: readonly MessagePart[],
  options: WireOptions,
): Promise<InputItem> {
  const [only] = parts;
  const content = parts.length === 1 && only?.kind === "text"
    ? only.text
    : await Promise.all(parts.map((part) => inputPart(part, options)));
  return { type: "message", role, content };
}

async function inputPart(
  part: MessagePart,
  { media, imagesAs }: WireOptions,
): Promise<InputItem> {
  switch (part.kind) {
    case "text":
      return { type: "input_text", text: part.text };
    case "audio":
      return {
        type: "input_audio",
        input_audio: await media.inputAudio(part.audio),
      };
    case "image": {
      const { image } = part;
      const url = imagesAs === "url" ? image.url : undefined;
      return {
        type: "input_image",
        image_url: url ?? await media.dataUrl("image", image),
      };
    }
  }
}

/** What the model called. */
export function callItem(
  { id = "", name, arguments: text }: ToolCall,
): InputItem {
  return { type: "function_call", call_id: id, name, arguments: text };
}
