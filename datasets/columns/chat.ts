import {
  type Audio,
  type Image,
  type Message,
  messageOf,
  type MessagePart,
  type ToolCall,
} from "../../plugins/mod.ts";
import { asJson, described } from "./media.ts";
import { isRecord } from "../../lib/record.ts";

/** What the media of a chat is had with. */
export interface ChatMedia {
  /** The audio that a value holds. */
  audio(value: unknown): Promise<Audio>;
  /** The picture that a value holds. */
  image(value: unknown): Image;
  /** The next picture beside the chat, for parts that say no more than that there is one. */
  take(): Image | undefined;
}

/** Who speaks, by all the names that are about. */
const ROLES: Readonly<Record<string, Message["role"]>> = {
  system: "system",
  developer: "system",
  user: "user",
  human: "user",
  assistant: "assistant",
  gpt: "assistant",
  chatgpt: "assistant",
  bing: "assistant",
  bard: "assistant",
  model: "assistant",
  function_call: "assistant",
  tool: "tool",
  function: "tool",
  function_response: "tool",
  observation: "tool",
};

/** Whether a value is a list of messages, as OpenAI or ShareGPT write them. */
export function looksLikeChat(value: unknown): boolean {
  const list = asJson(value);
  return Array.isArray(list) && isRecord(list[0]) &&
    typeof (list[0]["role"] ?? list[0]["from"]) === "string";
}

/**
 * The messages of a chat: OpenAI's `{ role, content }`, with text or parts, or ShareGPT's `{ from, value }`.
 *
 * @throws {Error} If it is none, or a message cannot be used: the message of the error has its number.
 */
export async function chatOf(
  value: unknown,
  media: ChatMedia,
): Promise<Message[]> {
  const list = asJson(value);
  if (!Array.isArray(list) || list.length === 0) {
    throw new TypeError(
      `Cannot use the chat as it must be a list of messages: current value is ${
        described(value)
      }`,
    );
  }
  const messages: Message[] = [];
  for (const [i, each] of list.entries()) {
    try {
      messages.push(await messageIn(each, media));
    } catch (cause) {
      throw new Error(`Cannot use message ${i + 1} as ${messageOf(cause)}`, {
        cause,
      });
    }
  }
  return messages;
}

async function messageIn(value: unknown, media: ChatMedia): Promise<Message> {
  if (!isRecord(value)) {
    throw new TypeError(
      `it must be an object: current value is ${described(value)}`,
    );
  }
  const name = value["role"] ?? value["from"];
  const role = typeof name === "string" ? ROLES[name.toLowerCase()] : undefined;
  if (role === undefined) {
    throw new TypeError(
      `its role must be one of ${Object.keys(ROLES).join(", ")}: ${
        "current value is " + described(name)
      }`,
    );
  }
  const content = value["content"] ?? value["value"] ?? value["text"];
  const calls = callsOf(name === "function_call" ? [content] : value);
  const callId = value["tool_call_id"];
  return {
    role,
    content: name === "function_call" && calls
      ? ""
      : await contentOf(content, calls !== undefined, media),
    ...(calls && { toolCalls: calls }),
    ...(typeof callId === "string" && { toolCallId: callId }),
  };
}

async function contentOf(
  content: unknown,
  mayBeEmpty: boolean,
  media: ChatMedia,
): Promise<Message["content"]> {
  if (typeof content === "string") return content;
  if (content === undefined || content === null) {
    if (mayBeEmpty) return "";
    throw new TypeError("it must have content: current value is missing");
  }
  if (!Array.isArray(content)) {
    throw new TypeError(
      `its content must be text or a list of parts: current value is ${
        described(content)
      }`,
    );
  }
  const parts: MessagePart[] = [];
  for (const part of content) parts.push(await partOf(part, media));
  return parts;
}

async function partOf(
  part: unknown,
  media: ChatMedia,
): Promise<MessagePart> {
  if (typeof part === "string") return { kind: "text", text: part };
  const { type, text } = isRecord(part) ? part : {};
  const held = isRecord(part) ? heldIn(part) : undefined;
  switch (type) {
    case "text":
    case "input_text":
    case "output_text":
      if (typeof text !== "string") break;
      return { kind: "text", text };
    case "image":
    case "image_url":
    case "input_image": {
      const image = held === undefined ? media.take() : media.image(held);
      if (image === undefined) break;
      return { kind: "image", image };
    }
    case "audio":
    case "audio_url":
    case "input_audio":
      if (held === undefined) break;
      return { kind: "audio", audio: await media.audio(held) };
  }
  throw new TypeError(
    `each part must be text, image_url, input_audio or audio_url, and hold it: current value is ${
      described(part)
    }`,
  );
}

/** What a part with media holds, under whichever key. */
function heldIn(part: Record<string, unknown>): unknown {
  const key = [
    ...["image_url", "input_audio", "audio_url", "image", "audio"],
    ...["url", "path", "data", "base64", "source"],
  ].find((key) => (part[key] ?? null) !== null);
  if (key === undefined) return undefined;
  return key === "data" || key === "base64" ? { data: part[key] } : part[key];
}

/** What an assistant's message calls: the function's object, or the list of them. */
function callsOf(message: unknown): readonly ToolCall[] | undefined {
  const list = isRecord(message) ? asJson(message["tool_calls"]) : message;
  if (!Array.isArray(list) || list.length === 0) return undefined;
  const calls = list.map((each) => {
    const call = asJson(each);
    if (!isRecord(call)) return undefined;
    const inner = isRecord(call["function"]) ? call["function"] : call;
    const { name, arguments: given = {} } = inner;
    if (typeof name !== "string") return undefined;
    const text = typeof given === "string" ? given : JSON.stringify(given);
    const { id } = call;
    return { ...(typeof id === "string" && { id }), name, arguments: text };
  });
  return calls.every((call) => call !== undefined) ? calls : undefined;
}

/** The words of a message; what is more than words is left out. */
export function wordsOf({ content }: Message): string {
  if (typeof content === "string") return content;
  return content.map((part) => part.kind === "text" ? part.text : "").join("");
}
