import {
  type AnsweredTurn,
  type Columns,
  type InferenceRequest,
  type Message,
  type MessagePart,
  type Output,
  RequestError,
  type ToolCall,
  type Turn,
} from "../../plugins/mod.ts";
import type { JsonObject } from "../../lib/json.ts";
import {
  type BodyPart,
  joinBytes,
  joinWithCommas,
  jsonItems,
  jsonRequest,
} from "./json.ts";

/** Turn encoded ahead of time, so that sending it only joins parts. */
export interface PreparedTurn {
  /** Body of a request without a history. */
  readonly body: Uint8Array;
  /** JSON of the body up to the first message. */
  readonly head: string;
  /** JSON that sets the system prompt; empty without one. */
  readonly system: string;
  /** JSON of the turn's own messages, separated by commas. Empty if the turn is only a tool's result. */
  readonly own: readonly BodyPart[];
}

/** Messages that later turns of a session are sent with. */
export type History = "answers" | "scripted" | "server" | "none";

/** Message whose parts are encoded. */
export interface EncodedMessage extends Omit<Message, "content"> {
  /** Text, encoded parts, or null for calls without a text. */
  readonly content: unknown;
  readonly reasoning?: string | undefined;
}

/** Form in which an endpoint expects a conversation. */
export interface ConversationFormat {
  readonly history: History;
  /** Values of `history` that send the calls which a turn with a `toolResult` answers. */
  readonly callHistories: readonly History[];
  /** Field of the list of messages. */
  readonly list: "messages" | "input";
  /** Text to send with media that has none. */
  readonly prompt?: string | undefined;
  /** Returns the fields of a body other than the messages and the system prompt. */
  fields(turn: Turn): JsonObject;
  /**
   * Encodes a part of a message.
   *
   * @throws {Error} If a file cannot be read.
   */
  part(part: MessagePart): Promise<JsonObject>;
  /** Encodes a message of the data, the result of a tool call, or the answer to an earlier turn. */
  message(message: EncodedMessage): readonly JsonObject[];
  /** Returns the JSON that sets the system prompt. */
  system(prompt: string): string;
  /**
   * Returns the JSON after the list of messages, the system prompt included. Without this method, the system prompt is
   * the first message.
   *
   * @throws {RequestError} `history_error` if the answer before lacks what the history needs.
   */
  tail?(system: string, earlier: readonly AnsweredTurn[]): string;
}

/** Builds requests with conversations. Text and media are encoded ahead of time, once for all turns that send them again. */
export function conversationRequests(format: ConversationFormat) {
  const { history, callHistories, list, prompt } = format;

  function join(
    { head, system }: Pick<PreparedTurn, "head" | "system">,
    messages: readonly (readonly BodyPart[])[],
    earlier: readonly AnsweredTurn[],
  ): Uint8Array {
    const tail = format.tail?.(system, earlier);
    const all = tail === undefined ? [[system], ...messages] : messages;
    return joinBytes([head, ...joinWithCommas(all), `]${tail ?? ""}}`]);
  }

  return {
    needs: [["text", "messages", "audio", "images", "toolResult"]],
    async prepare(turn: Turn, signal: AbortSignal): Promise<PreparedTurn> {
      const { columns } = turn;
      if (
        columns.toolResult !== undefined && !callHistories.includes(history)
      ) {
        const allowed = callHistories.join(" or ");
        throw new Error(
          `history must be ${allowed} for data with toolResult, but was ${history}`,
        );
      }
      const fields = format.fields(turn);
      const messages: JsonObject[] = [];
      for (const message of ownMessages(columns, prompt)) {
        const content = await encodeContent(message.content, format);
        messages.push(...format.message({ ...message, content }));
      }
      signal.throwIfAborted();
      const own = jsonItems(messages);
      const head = JSON.stringify({ ...fields, [list]: [] }).slice(0, -2);
      const system = columns.system === undefined
        ? ""
        : format.system(columns.system);
      const prepared = { head, system, own };
      return { ...prepared, body: join(prepared, [own], []) };
    },
    request(request: InferenceRequest<PreparedTurn>) {
      const { prepared, session: { history: earlier } } = request;
      const isAlone = history === "none" || earlier.length === 0;
      if (isAlone && prepared.own.length > 0) return jsonRequest(prepared.body);
      const messages = conversationJson(request, format);
      // Servers do not keep the system prompt from turn to turn: the latest one is sent.
      const system = turnsBehind(request, history)
        .map(({ prepared }) => prepared.system).findLast(Boolean) ?? "";
      const { head } = prepared;
      return jsonRequest(join({ head, system }, messages, earlier));
    },
  };
}

/** Returns a turn's own messages: its chat, then its prompt with the media that belongs to it. */
export function ownMessages(
  { messages = [], text, audio, images = [] }: Columns,
  prompt?: string,
): readonly Message[] {
  const media: readonly MessagePart[] = [
    ...(audio ? [{ kind: "audio", audio } as const] : []),
    ...images.map((image) => ({ kind: "image", image } as const)),
  ];
  const said = text ?? (media.length > 0 ? prompt : undefined);
  const content: readonly MessagePart[] = said === undefined
    ? media
    : [{ kind: "text", text: said }, ...media];
  return content.length > 0
    ? [...messages, { role: "user", content }]
    : messages;
}

/** Encodes the content of a message. Text alone becomes a string, as some servers do not accept parts. */
function encodeContent(
  content: Message["content"],
  format: ConversationFormat,
): string | Promise<JsonObject[]> {
  if (typeof content === "string") return content;
  const [first] = content;
  if (content.length === 1 && first?.kind === "text") return first.text;
  return Promise.all(content.map((part) => format.part(part)));
}

/** Reports whether a turn contains no media, so that its tokens can be counted. */
export function isTextOnly({ messages = [], audio, images }: Columns): boolean {
  return !audio && !images?.length &&
    messages.every(({ content }) =>
      typeof content === "string" ||
      content.every(({ kind }) => kind === "text")
    );
}

/**
 * Builds the JSON of the messages in a request: for each turn the results of the calls before it, its own messages and
 * its answer.
 *
 * @throws {RequestError} `history_error` if an earlier answer lacks what the history needs.
 */
function conversationJson(
  request: InferenceRequest<PreparedTurn>,
  format: ConversationFormat,
): readonly (readonly BodyPart[])[] {
  const { history } = format;
  const turns = turnsBehind(request, history);
  const first = history === "server" ? turns.length - 1 : 0;
  const encode = (message: EncodedMessage) =>
    format.message(message).map((item) => [JSON.stringify(item)]);
  return turns.flatMap(({ turn, prepared, output }, i) => {
    if (i < first) return [];
    const calls = answeredCalls(turn, turns[i - 1]?.output, i - 1);
    if (calls.length === 0 && prepared.own.length === 0) {
      throw new RequestError(
        "history_error",
        "toolResult needs a call in the answer before it, but the model called nothing",
      );
    }
    const content = turn.columns.toolResult;
    const results = calls.flatMap(({ id = "" }) =>
      encode({ role: "tool", content, toolCallId: id })
    );
    const next = turns[i + 1]?.turn;
    if (!output || !next) return [...results, prepared.own];
    const text = answerText({ turn, output }, history);
    const toolCalls = answeredCalls(next, output, i);
    const answer = encode({
      role: "assistant",
      content: text === "" && toolCalls.length > 0 ? null : text,
      toolCalls,
      reasoning: output.reasoning,
    });
    return [...results, prepared.own, ...answer];
  });
}

/**
 * Returns the text that the history contains as the answer to a turn.
 *
 * @throws {RequestError} `history_error` if the data has no answer for a scripted history.
 */
export function answerText(
  { turn, output }: { readonly turn: Turn; readonly output: Output },
  history: History,
): string {
  if (history !== "scripted") return output.text ?? "";
  const { answer } = turn.columns;
  if (answer !== undefined) return answer;
  throw new RequestError(
    "history_error",
    'history=scripted needs an answer to each earlier turn: the data has no column "answer"',
  );
}

/** Returns the calls that a turn answers, each with an id, so that results can refer to it. Servers reject unanswered calls. */
function answeredCalls(
  { columns }: Turn,
  before: Output | undefined,
  index: number,
): readonly ToolCall[] {
  if (columns.toolResult === undefined) return [];
  return (before?.toolCalls ?? []).map((call, i) => ({
    ...call,
    id: call.id ?? `call_${index}_${i}`,
  }));
}

/** Returns the turns that a request is based on: the earlier ones, unless there is no history, and its own. */
export function turnsBehind<Prepared>(
  { turn, prepared, session }: InferenceRequest<Prepared>,
  history: History,
) {
  const earlier = history === "none" ? [] : session.history;
  return [...earlier, { turn, prepared, output: undefined }];
}
