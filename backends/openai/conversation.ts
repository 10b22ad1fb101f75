import {
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
import { type BodyPart, joinBytes, joinWithCommas } from "./json.ts";

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

/** Form in which an endpoint expects the parts of a conversation that depend on earlier answers. */
export interface ConversationFormat {
  readonly history: History;
  /** Result of a tool call. */
  toolResult(callId: string, content: string): JsonObject;
  /** Answer to an earlier turn, with the calls that the next turn answers. */
  answer(
    text: string,
    calls: readonly ToolCall[],
    output: Output,
  ): readonly JsonObject[];
}

/**
 * Checks that the history contains the tool calls that a turn answers.
 *
 * @throws {Error} If it does not.
 */
export function checkHistory(
  { columns }: Turn,
  { history }: Pick<ConversationFormat, "history">,
  allowed: readonly History[],
): void {
  if (columns.toolResult === undefined || allowed.includes(history)) return;
  throw new Error(
    `history must be ${
      allowed.join(" or ")
    } for data with toolResult, but was ${history}`,
  );
}

/** Returns a turn's own messages: its chat, then its prompt with the media that belongs to it. */
export function ownMessages(columns: Columns): readonly Message[] {
  const { messages = [], text, audio, images = [] } = columns;
  const content: readonly MessagePart[] = [
    ...(text === undefined ? [] : [{ kind: "text", text } as const]),
    ...(audio ? [{ kind: "audio", audio } as const] : []),
    ...images.map((image) => ({ kind: "image", image } as const)),
  ];
  return content.length > 0
    ? [...messages, { role: "user", content }]
    : messages;
}

/** Encodes the content of a message. Text alone becomes a string, as some servers do not accept parts. */
export async function encodeContent(
  content: Message["content"],
  encodePart: (part: MessagePart) => Promise<JsonObject>,
): Promise<unknown> {
  if (typeof content === "string") return content;
  const [first] = content;
  if (content.length === 1 && first?.kind === "text") return first.text;
  return await Promise.all(content.map(encodePart));
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
export function conversationJson(
  { turn, prepared, session: { history: earlier } }: InferenceRequest<
    PreparedTurn
  >,
  format: ConversationFormat,
): readonly (readonly BodyPart[])[] {
  const { history } = format;
  const isResent = history === "answers" || history === "scripted";
  const turns = [...earlier, { turn, prepared, output: undefined }];
  const first = isResent ? 0 : earlier.length;
  return turns.slice(first).flatMap(({ turn, prepared, output }, i) => {
    const index = first + i;
    const calls = answeredCalls(turn, earlier[index - 1]?.output, index - 1);
    if (calls.length === 0 && prepared.own.length === 0) throw noCalls();
    const { toolResult = "" } = turn.columns;
    const next = turns[index + 1];
    return [
      ...calls.map(({ id = "" }) => [
        JSON.stringify(format.toolResult(id, toolResult)),
      ]),
      prepared.own,
      ...(output && next
        ? format.answer(
          answerText({ turn, output }, history),
          answeredCalls(next.turn, output, index),
          output,
        ).map((message) => [JSON.stringify(message)])
        : []),
    ];
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

function noCalls(): RequestError {
  return new RequestError(
    "history_error",
    "toolResult needs a call in the answer before it, but the model called nothing",
  );
}

/** Turn of a conversation, with its answer unless it is the one to be sent. */
interface ConversationTurn<Prepared> {
  readonly turn: Turn;
  readonly prepared: Prepared;
  readonly output?: Output;
}

/** Returns the turns that a request is based on: the earlier ones, unless there is no history, and its own. */
export function turnsBehind<Prepared>(
  { turn, prepared, session }: InferenceRequest<Prepared>,
  history: History,
): readonly ConversationTurn<Prepared>[] {
  const earlier = history === "none" ? [] : session.history;
  return [...earlier, { turn, prepared }];
}

/** Returns the JSON of the system prompt: the latest one, as servers do not keep it from turn to turn. */
export function latestSystem(
  request: InferenceRequest<PreparedTurn>,
  history: History,
): string {
  return turnsBehind(request, history).map(({ prepared }) => prepared.system)
    .findLast((system) => system !== "") ?? "";
}

/** Joins a body: everything up to the list of messages, the messages, and the fields after them. */
export function joinBody(
  head: string,
  messages: readonly (readonly BodyPart[])[],
  tail = "",
): Uint8Array {
  return joinBytes([head, ...joinWithCommas(messages), `]${tail}}`]);
}
