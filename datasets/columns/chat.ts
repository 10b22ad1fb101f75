import { isRecord } from "../../lib/record.ts";
import {
  type Audio,
  type Columns,
  type Image,
  type Message,
  messageOf,
  type MessagePart,
  type ToolCall,
} from "../../plugins/mod.ts";
import { asJson, refusal } from "./values.ts";

/** Reads the media of a chat. */
export interface ChatMedia {
  /** Returns the audio in a value. */
  audio(value: unknown): Promise<Audio>;
  /** Returns the image in a value. */
  image(value: unknown): Image;
  /** Returns the next image of the record's own column, for parts that contain no image. */
  take(): Image | undefined;
}

/** The names of speakers by role. */
const SPEAKERS: Readonly<Record<Message["role"], readonly string[]>> = {
  system: ["system", "developer"],
  user: ["user", "human"],
  assistant: "assistant gpt chatgpt bing bard model function_call".split(" "),
  tool: ["tool", "function", "function_response", "observation"],
};

const ROLES = Object.keys(SPEAKERS) as Message["role"][];

/** Whether a value is a list of messages, in OpenAI's or ShareGPT's format. */
export function looksLikeChat(value: unknown): boolean {
  const list = asJson(value);
  return Array.isArray(list) && isRecord(list[0]) &&
    typeof (list[0]["role"] ?? list[0]["from"]) === "string";
}

/**
 * Reads the messages of a chat: OpenAI's `{ role, content }`, with text or parts, or ShareGPT's `{ from, value }`.
 *
 * @throws {Error} If the value is not a chat, or a message is invalid: the error has its number.
 */
export async function chatOf(
  value: unknown,
  media: ChatMedia,
): Promise<Message[]> {
  const list = asJson(value);
  if (!Array.isArray(list) || list.length === 0) {
    throw refusal("the chat must be a list of messages", value);
  }
  const messages: Message[] = [];
  for (const [i, each] of list.entries()) {
    try {
      messages.push(await readMessage(each, media));
    } catch (cause) {
      throw new Error(`message ${i + 1}: ${messageOf(cause)}`, { cause });
    }
  }
  return messages;
}

async function readMessage(value: unknown, media: ChatMedia): Promise<Message> {
  if (!isRecord(value)) throw refusal("must be an object", value);
  const name = value["role"] ?? value["from"];
  const role = ROLES.find((role) =>
    SPEAKERS[role].includes(String(name).toLowerCase())
  );
  if (role === undefined) {
    const names = Object.values(SPEAKERS).flat().join(", ");
    throw refusal(`its role must be one of ${names}`, name);
  }
  const content = value["content"] ?? value["value"] ?? value["text"];
  const isCall = name === "function_call";
  const calls = readCalls(isCall ? [content] : asJson(value["tool_calls"]));
  const callId = value["tool_call_id"];
  return {
    role,
    content: calls && (isCall || (content ?? null) === null)
      ? ""
      : await readContent(content, media),
    ...(calls && { toolCalls: calls }),
    ...(typeof callId === "string" && { toolCallId: callId }),
  };
}

async function readContent(
  content: unknown,
  media: ChatMedia,
): Promise<Message["content"]> {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) {
    throw refusal("its content must be text or a list of parts", content);
  }
  const parts: MessagePart[] = [];
  for (const part of content) parts.push(await readPart(part, media));
  return parts;
}

async function readPart(part: unknown, media: ChatMedia): Promise<MessagePart> {
  if (typeof part === "string") return { kind: "text", text: part };
  const { type, text } = isRecord(part) ? part : {};
  const inner = isRecord(part) ? mediaIn(part) : undefined;
  switch (type) {
    case "text":
    case "input_text":
    case "output_text":
      if (typeof text !== "string") break;
      return { kind: "text", text };
    case "image":
    case "image_url":
    case "input_image": {
      const image = inner === undefined ? media.take() : media.image(inner);
      if (image === undefined) break;
      return { kind: "image", image };
    }
    case "audio":
    case "audio_url":
    case "input_audio":
      if (inner === undefined) break;
      return { kind: "audio", audio: await media.audio(inner) };
  }
  const rule =
    "each part must be text, image_url, input_audio or audio_url, with its content";
  throw refusal(rule, part);
}

const MEDIA_KEYS =
  "image_url input_audio audio_url image audio url path data base64 source"
    .split(" ");

/** Returns the media in a part, from the first key that has a value. */
function mediaIn(part: Record<string, unknown>): unknown {
  const key = MEDIA_KEYS.find((key) => (part[key] ?? null) !== null);
  if (key === undefined) return undefined;
  return key === "data" || key === "base64" ? { data: part[key] } : part[key];
}

/** Reads a list of tool calls; undefined if the list is not one. */
function readCalls(list: unknown): readonly ToolCall[] | undefined {
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

/** Returns the text of a message, without its media. */
export function textOf({ content }: Message): string {
  if (typeof content === "string") return content;
  return content.map((part) => part.kind === "text" ? part.text : "").join("");
}

/** The place of an image in a text, as in LLaVA's data. */
const MARK = "<image>";

/**
 * Inserts the images of a record into its chat: each in place of a mark `<image>` in a user's message, and the others
 * before the first user message.
 */
export function withImages(
  messages: readonly Message[],
  images: readonly Image[],
): readonly Message[] {
  const left = images.map((image): MessagePart => ({ kind: "image", image }));
  if (left.length === 0) return messages;
  const marked = messages.map((message) => {
    const { role, content } = message;
    return role === "user" && typeof content === "string"
      ? { ...message, content: replaceMarks(content, left) }
      : message;
  });
  const first = marked.findIndex(({ role }) => role === "user");
  const user = marked[first];
  if (left.length === 0 || user === undefined) return marked;
  const parts = typeof user.content === "string"
    ? [{ kind: "text", text: user.content } as const]
    : user.content;
  return marked.with(first, { ...user, content: [...left, ...parts] });
}

/** Replaces the marks in a text by the next images, which are removed from the list. */
function replaceMarks(text: string, images: MessagePart[]): Message["content"] {
  const [head = "", ...rest] = text.split(MARK);
  if (rest.length === 0 || images.length === 0) return text;
  const count = images.length;
  const texts = [head, ...rest.slice(0, count)];
  // Marks without an image stay in the text.
  texts.push([texts.pop(), ...rest.slice(count)].join(MARK));
  return texts.flatMap((text, i): MessagePart[] => {
    const image = i > 0 ? images.shift() : undefined;
    const trimmed = text.trim();
    return [
      ...(image ? [image] : []),
      ...(trimmed ? [{ kind: "text", text: trimmed } as const] : []),
    ];
  });
}

/** How a recorded chat is sent: as one request (`last`), or turn by turn (`all`). */
export type Turns = "last" | "all";

/** One turn of a recorded chat. */
export interface ChatTurn {
  /** The messages before the answer. */
  readonly asked: readonly Message[];
  /** The recorded answer; undefined without one. */
  readonly answer: string | undefined;
}

const isQuestion = ({ role }: Message) => role === "user" || role === "tool";

const isAnswer = ({ role, toolCalls }: Message) =>
  role === "assistant" && !toolCalls;

/**
 * Divides a chat after each answer. Answers before the first question are left out. Tool calls belong to the turn of
 * the answer that they lead to, as their results cannot be predicted.
 */
export function chatTurns(messages: readonly Message[]): ChatTurn[] {
  const turns: ChatTurn[] = [];
  let asked: Message[] = [];
  for (const [i, message] of messages.entries()) {
    const isAsked = asked.some(isQuestion);
    // Of several answers in a row the last counts.
    const isLast = messages[i + 1]?.role !== "assistant";
    if (isAnswer(message) && isAsked && isLast) {
      turns.push({ asked, answer: textOf(message) });
      asked = [];
    } else if (!isAnswer(message) || isAsked || turns.length > 0) {
      asked.push(message);
    }
  }
  if (asked.some(isQuestion)) turns.push({ asked, answer: undefined });
  return turns;
}

/** The rest of a record, and how answers are used. */
export interface ChatOptions {
  /** The other columns of the record. */
  readonly columns: Columns;
  /** Whether the last answer is the reference of a chat that is sent as one request. */
  readonly isCompared: boolean;
}

/**
 * Returns the columns of each turn of a chat, with its recorded `answer`. Answers of a chat that is sent turn by turn
 * are not references: the same answer in other words is not an error, and aligning long texts takes the client's time.
 *
 * @throws {Error} If the chat has no question.
 */
export function chatColumns(
  messages: readonly Message[],
  turns: Turns,
  { columns, isCompared }: ChatOptions,
): Columns[] {
  const each = turns === "last"
    ? lastTurn(messages, columns, isCompared)
    : allTurns(messages, columns);
  if (each.length > 0) return each;
  throw new Error("the chat must have a user message");
}

/** The whole chat without its last answer. */
function lastTurn(
  messages: readonly Message[],
  columns: Columns,
  isCompared: boolean,
): Columns[] {
  const end = messages.findLastIndex(isQuestion) + 1;
  if (end === 0) return [];
  const message = messages.slice(end).findLast(isAnswer);
  const answer = message && textOf(message);
  return [{
    ...columns,
    messages: messages.slice(0, end),
    ...(answer && { answer, ...(isCompared && { reference: answer }) }),
  }];
}

/** Tools belong to every turn, the reference to the last, and all other columns to the first. */
function allTurns(messages: readonly Message[], columns: Columns): Columns[] {
  const { tools, reference, ...first } = columns;
  return chatTurns(messages).map((turn, i, turns) => ({
    ...(tools && { tools }),
    ...turnColumns(turn, i === 0 ? first : {}),
    ...(reference !== undefined && i === turns.length - 1 && { reference }),
  }));
}

/** A turn that is a single prompt is sent as `text`. */
function turnColumns({ asked, answer }: ChatTurn, columns: Columns): Columns {
  const [first, ...others] = asked;
  const hasSystem = first?.role === "system" && columns.system === undefined;
  const rest = hasSystem ? others : asked;
  const [only] = rest;
  const isPrompt = rest.length === 1 && only?.role === "user" &&
    typeof only.content === "string" && columns.text === undefined;
  return {
    ...columns,
    ...(hasSystem && { system: textOf(first) }),
    ...(isPrompt ? { text: textOf(only) } : { messages: rest }),
    ...(answer !== undefined && { answer }),
  };
}
