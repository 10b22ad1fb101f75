import { bytesSource, inspectAudio } from "../../audio/mod.ts";
import type { Random } from "../../lib/random.ts";
import type { Endpoint } from "../http/endpoints.ts";
import { Refusal } from "../http/refusal.ts";
import type { Options } from "../settings.ts";
import { pseudoWord } from "../speech.ts";
import { type Body, missingFields, readBody } from "./body.ts";

/** Bytes of a token: as many as fit, after a one, into a number that JSON and a double keep exactly. */
const TOKEN_BYTES = 6;

/**
 * Cuts a text into its tokens, which joined are the text. A token is at most {@linkcode TOKEN_BYTES} bytes of UTF-8, cut
 * at whole characters. White space starts a new token and belongs to the word after it.
 */
export function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  let token = "";
  let bytes = 0;
  let inWord = false;
  for (const character of text) {
    const size = bytesOf(character);
    const isSpace = /\s/.test(character);
    if (token && (bytes + size > TOKEN_BYTES || (isSpace && inWord))) {
      tokens.push(token);
      token = "";
      bytes = 0;
    }
    token += character;
    bytes += size;
    inWord = !isSpace;
  }
  if (token) tokens.push(token);
  return tokens;
}

function bytesOf(character: string): number {
  const point = character.codePointAt(0)!;
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
}

/** Counts the tokens of a text. */
export function countTokens(text: string): number {
  return tokensOf(text).length;
}

/** The start of a text, with at least its first `count` tokens. */
export function startOf(text: string, count: number): string {
  return text.slice(0, count * TOKEN_BYTES);
}

/** A token's id: in base 16, a one and its bytes. No text has an id below 256. */
export function tokenId(token: string): number {
  return Number(`0x1${new TextEncoder().encode(token).toHex()}`);
}

/** The text of token ids. Ids without a text are left out. */
export function textOfIds(ids: readonly unknown[]): string {
  const bytes = ids.map((id) =>
    /^1((?:[0-9a-f]{2}){1,6})$/.exec(Number(id).toString(16))?.[1] ?? ""
  );
  return new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(Uint8Array.fromHex(bytes.join("")));
}

/**
 * Makes up exactly `count` tokens of words of no language.
 *
 * @param follows Whether the words follow others, so that the first has a space before it.
 */
export function pseudoTokens(
  count: number,
  random: Random,
  follows = false,
): string[] {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const space = follows || tokens.length > 0 ? " " : "";
    tokens.push(...tokensOf(space + pseudoWord(random)));
  }
  tokens.length = count;
  return tokens;
}

/** A message of a chat, as the client sent it. */
export interface ChatMessage {
  readonly role?: unknown;
  readonly content?: unknown;
  readonly tool_calls?: unknown;
  readonly [field: string]: unknown;
}

/** Ids of the tokens around each message, and before the answer. */
const START = 1;
const ROLE = 2;
const END = 3;
const ANSWER = 4;

/** The token ids of a chat: three around each message, one before the answer, and those of its texts. Media have none. */
export function chatTokenIds(
  messages: readonly ChatMessage[],
  tools: readonly unknown[],
  addGenerationPrompt = true,
): number[] {
  const idsOf = (text: string) => tokensOf(text).map(tokenId);
  const ids = tools.length > 0 ? idsOf(JSON.stringify(tools)) : [];
  for (const { content, tool_calls: calls } of messages) {
    ids.push(START, ROLE);
    const texts = contentTexts(content);
    if (calls) texts.push(JSON.stringify(calls));
    for (const text of texts) {
      for (const id of idsOf(text)) ids.push(id);
    }
    ids.push(END);
  }
  if (addGenerationPrompt) ids.push(ANSWER);
  return ids;
}

/** Counts the tokens of a chat, its media included. */
export async function countPrompt(
  messages: readonly ChatMessage[],
  tools: readonly unknown[],
  options: Options,
): Promise<number> {
  let tokens = chatTokenIds(messages, tools).length;
  for (const { content } of messages) {
    if (!Array.isArray(content)) continue;
    for (const part of content) tokens += await mediaTokens(part, options);
  }
  return tokens;
}

/** The text of the user's last message. */
export function lastUserText(messages: readonly ChatMessage[]): string {
  const last = messages.findLast(({ role }) => role === "user");
  return contentTexts(last?.content).join("");
}

/** The texts of a message's content, which is a text or parts. */
export function contentTexts(content: unknown): string[] {
  if (typeof content === "string") return [content];
  if (!Array.isArray(content)) return [];
  return content.map((part) => part?.text)
    .filter((text) => typeof text === "string");
}

/** Counts the tokens of a picture, video or sound in a message. */
async function mediaTokens(
  part: Readonly<Record<string, unknown>>,
  options: Options,
): Promise<number> {
  switch (part?.type) {
    case "image_url":
    case "input_image":
      return options.imageTokens;
    case "video_url":
      return options.videoTokens;
    case "input_audio":
      return await audioTokens(Object(part.input_audio).data, options);
    case "audio_url":
      return await audioTokens(Object(part.audio_url).url, options);
    default:
      return 0;
  }
}

/**
 * Counts the tokens of audio in base64 or in a `data:` URL. Audio elsewhere is not fetched and counts none.
 *
 * @throws {Refusal} If the data is not audio.
 */
async function audioTokens(
  value: unknown,
  { audioTokensPerSecond }: Options,
): Promise<number> {
  const data = typeof value === "string" ? value : "";
  if (/^https?:/.test(data)) return 0;
  try {
    const bytes = Uint8Array.fromBase64(data.replace(/^data:[^,]*,/, ""));
    const { durationMs } = await inspectAudio(bytesSource(bytes, "audio"));
    return Math.ceil(durationMs / 1000 * audioTokensPerSecond);
  } catch (cause) {
    throw new Refusal("Invalid or corrupted audio data.", { cause });
  }
}

/** `/tokenize`: the tokens of a prompt or a chat. */
export const tokenize: Endpoint = {
  prefix: "tokenize-",
  handle(incoming, exchange) {
    const body = readBody(incoming, exchange.host);
    if (body.prompt === undefined && body.messages === undefined) {
      throw missingFields(["prompt", "messages"], body);
    }
    const tokens = idsOf(body);
    const answer = {
      count: tokens.length,
      max_model_len: exchange.options.maxModelLen,
      tokens,
      token_strs: body.return_token_strs === true
        ? tokens.map((id) => textOfIds([id]))
        : null,
    };
    exchange.answer(JSON.stringify(answer), { type: "tokens" });
  },
};

function idsOf({ prompt, messages, tools, ...body }: Body): number[] {
  if (typeof prompt === "string") return tokensOf(prompt).map(tokenId);
  return chatTokenIds(
    listOf<ChatMessage>(messages),
    listOf(tools),
    body.add_generation_prompt !== false,
  );
}

/** `/detokenize`: the text of tokens. */
export const detokenize: Endpoint = {
  prefix: "detokenize-",
  handle(incoming, exchange) {
    const required = ["tokens"];
    const { tokens } = readBody(incoming, exchange.host, { required });
    const prompt = textOfIds(listOf(tokens));
    exchange.answer(JSON.stringify({ prompt }), { type: "prompt" });
  },
};

/** A field's list; empty if it is something else. */
export function listOf<Item>(value: unknown): readonly Item[] {
  return Array.isArray(value) ? value : [];
}
