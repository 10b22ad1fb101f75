import type {
  Audio,
  Columns,
  Image,
  Message,
  MessagePart,
  ToolCall,
} from "../../plugins/mod.ts";
import type { ChatSettings } from "./chat/options.ts";
import type { Media } from "./media.ts";

/** A message as the API has it: plain JSON, with bytes for media in base64. */
export type WireMessage = Readonly<Record<string, unknown>>;

/** How messages with media are built. */
export interface WireOptions
  extends Pick<ChatSettings, "audioAs" | "imagesAs" | "prompt"> {
  readonly media: Media;
}

/**
 * What a turn itself says: its chat, then its prompt with whatever goes with it.
 *
 * @throws {Error} If a file cannot be read.
 */
export async function messagesOf(
  { messages = [], text: said, audio, images = [] }: Columns,
  options: WireOptions,
): Promise<readonly WireMessage[]> {
  const hasMedia = audio !== undefined || images.length > 0;
  const text = said ?? (hasMedia ? options.prompt : undefined);
  const parts: readonly MessagePart[] = [
    ...(text === undefined ? [] : [{ kind: "text", text } as const]),
    ...(audio ? [{ kind: "audio", audio } as const] : []),
    ...images.map((image) => ({ kind: "image", image } as const)),
  ];
  const last: Message = { role: "user", content: parts };
  const all = parts.length > 0 ? [...messages, last] : messages;
  return await Promise.all(all.map((message) => wireOf(message, options)));
}

/** What the model is told ahead of everything else. */
export function systemMessage(content: string): WireMessage {
  return { role: "system", content };
}

/** What a call of the model is answered with. */
export function toolMessage(id: string, content: string): WireMessage {
  return { role: "tool", tool_call_id: id, content };
}

/** What the assistant said and called. */
export function assistantMessage(
  content: string,
  toolCalls: readonly ToolCall[],
  extras: WireMessage = {},
): WireMessage {
  return {
    role: "assistant",
    content: content === "" && toolCalls.length > 0 ? null : content,
    ...extras,
    ...callsIn(toolCalls),
  };
}

async function wireOf(
  { role, content, toolCalls = [], toolCallId }: Message,
  options: WireOptions,
): Promise<WireMessage> {
  return {
    role,
    content: await contentOf(content, options),
    ...callsIn(toolCalls),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
  };
}

/** A prompt of words alone is a text, as not every server takes parts. */
async function contentOf(
  content: Message["content"],
  options: WireOptions,
): Promise<unknown> {
  if (typeof content === "string") return content;
  const [first] = content;
  if (content.length === 1 && first?.kind === "text") return first.text;
  return await Promise.all(content.map((part) => partOf(part, options)));
}

async function partOf(
  part: MessagePart,
  options: WireOptions,
): Promise<unknown> {
  switch (part.kind) {
    case "text":
      return { type: "text", text: part.text };
    case "audio":
      return await audioPart(part.audio, options);
    case "image":
      return {
        type: "image_url",
        image_url: { url: await imageUrl(part.image, options) },
      };
  }
}

async function audioPart(
  audio: Audio,
  { audioAs, media }: WireOptions,
): Promise<unknown> {
  if (audioAs === "input_audio") {
    return { type: "input_audio", input_audio: await media.inputAudio(audio) };
  }
  return {
    type: "audio_url",
    audio_url: { url: await media.dataUrl("audio", audio) },
  };
}

async function imageUrl(
  image: Image,
  { imagesAs, media }: WireOptions,
): Promise<string | Uint8Array> {
  if (imagesAs === "url" && image.url !== undefined) return image.url;
  return await media.dataUrl("image", image);
}

function callsIn(toolCalls: readonly ToolCall[]): WireMessage {
  if (toolCalls.length === 0) return {};
  const calls = toolCalls.map(({ id, name, arguments: given }) => ({
    ...(id !== undefined && { id }),
    type: "function",
    function: { name, arguments: given },
  }));
  return { tool_calls: calls };
}
