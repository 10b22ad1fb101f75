import { bytesSource, inspectAudio } from "../../audio/mod.ts";
import { Refusal } from "../http/refusal.ts";
import type { RequestOptions } from "./options.ts";
import { countTokens, tokenId, tokensOf } from "./tokens.ts";

/** A message of a chat, as it came. */
export interface ChatMessage {
  readonly role?: unknown;
  readonly content?: unknown;
  readonly tool_calls?: unknown;
  readonly [field: string]: unknown;
}

/** Numbers of the tokens that stand around each message, and ahead of the answer. */
const START = 1;
const ROLE = 2;
const END = 3;
const ANSWER = 4;

/** Tokens of the prompt that a chat makes: three around each message, one ahead of the answer, and those of its texts. */
export function countChat(
  messages: readonly ChatMessage[],
  tools: readonly unknown[],
): number {
  let tokens = 1 + (tools.length > 0 ? countTokens(JSON.stringify(tools)) : 0);
  for (const message of messages) {
    tokens += 3;
    for (const text of textsOf(message)) tokens += countTokens(text);
  }
  return tokens;
}

/** The numbers of a chat's tokens; a picture's or sound's are left out. */
export function chatTokenIds(
  messages: readonly ChatMessage[],
  tools: readonly unknown[],
  addGenerationPrompt: boolean,
): number[] {
  const ids = tools.length > 0
    ? tokensOf(JSON.stringify(tools)).map(tokenId)
    : [];
  for (const message of messages) {
    ids.push(START, ROLE);
    for (const text of textsOf(message)) {
      ids.push(...tokensOf(text).map(tokenId));
    }
    ids.push(END);
  }
  if (addGenerationPrompt) ids.push(ANSWER);
  return ids;
}

/** What the last message of the user says. */
export function lastUserText(messages: readonly ChatMessage[]): string {
  const last = messages.findLast(({ role }) => role === "user");
  return last ? contentTexts(last.content).join("") : "";
}

function* textsOf(message: ChatMessage): Generator<string> {
  yield* contentTexts(message.content);
  if (message.tool_calls) yield JSON.stringify(message.tool_calls);
}

/** The texts of a message's content, whether it is one or parts. */
export function contentTexts(content: unknown): string[] {
  if (typeof content === "string") return [content];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part) =>
    typeof part?.text === "string" ? [part.text] : []
  );
}

/** Tokens of the pictures, films and sounds in a chat. */
export async function countMedia(
  messages: readonly ChatMessage[],
  options: RequestOptions,
): Promise<number> {
  let tokens = 0;
  for (const { content } of messages) {
    if (!Array.isArray(content)) continue;
    for (const part of content) tokens += await partTokens(part, options);
  }
  return tokens;
}

async function partTokens(
  part: Record<string, unknown>,
  options: RequestOptions,
): Promise<number> {
  switch (part?.type) {
    case "image_url":
    case "input_image":
      return options.imageTokens;
    case "video_url":
      return options.videoTokens;
    case "input_audio":
      return await audioTokens(field(part.input_audio, "data"), options);
    case "audio_url":
      return await audioTokens(field(part.audio_url, "url"), options);
    default:
      return 0;
  }
}

function field(value: unknown, name: string): string {
  const found = (Object(value) as Record<string, unknown>)[name];
  return typeof found === "string" ? found : "";
}

/**
 * Tokens of audio in base64, or in a `data:` address; none of audio elsewhere, as it is not fetched.
 *
 * @throws {Refusal} It is no audio.
 */
async function audioTokens(
  data: string,
  { audioTokensPerSecond }: RequestOptions,
): Promise<number> {
  if (/^https?:/.test(data)) return 0;
  try {
    const bytes = Uint8Array.fromBase64(data.replace(/^data:[^,]*,/, ""));
    const { durationMs } = await inspectAudio(bytesSource(bytes, "audio"));
    return Math.ceil(durationMs / 1000 * audioTokensPerSecond);
  } catch (cause) {
    throw new Refusal("Invalid or corrupted audio data.", { cause });
  }
}
