import type { RequestOptions } from "./options.ts";
import { countTokens, tokenId, tokensOf } from "./words.ts";

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
  options: RequestOptions,
): number {
  let tokens = 1 + (tools.length > 0 ? countTokens(JSON.stringify(tools)) : 0);
  for (const message of messages) {
    tokens += 3;
    for (const text of textsOf(message)) tokens += countTokens(text);
    tokens += mediaTokens(message, options);
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

/** Tokens of the pictures and sounds in a message. */
function mediaTokens(
  { content }: ChatMessage,
  options: RequestOptions,
): number {
  if (!Array.isArray(content)) return 0;
  let tokens = 0;
  for (const part of content) {
    if (part?.type === "image_url" || part?.type === "input_image") {
      tokens += options.imageTokens;
    } else if (part?.type === "input_audio") {
      tokens += Math.ceil(
        audioSeconds(part.input_audio?.data) * options.audioTokensPerSecond,
      );
    }
  }
  return tokens;
}

/** Length of audio in base64, taken for PCM16 at 16 kHz in WAV. */
function audioSeconds(data: unknown): number {
  return typeof data === "string" ? data.length * 3 / 4 / 32_000 : 0;
}
