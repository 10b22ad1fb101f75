import type { Columns, Message, Turn } from "../../plugins/mod.ts";
import { textOf } from "./chat.ts";

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
  /** Number of tokens to generate for each answer. */
  readonly maxOutputTokens?: number | undefined;
  /** Whether the last answer is the reference of a chat that is sent as one request. */
  readonly isCompared: boolean;
}

/**
 * Returns the turns of a chat, each with its recorded `answer`. Answers of a chat that is sent turn by turn are not
 * references: the same answer in other words is not an error, and aligning long texts takes the client's time.
 *
 * @throws {Error} If the chat has no question.
 */
export function turnsOf(
  messages: readonly Message[],
  turns: Turns,
  { columns, maxOutputTokens, isCompared }: ChatOptions,
): Turn[] {
  const each = turns === "last"
    ? lastTurn(messages, columns, isCompared)
    : allTurns(messages, columns);
  if (each.length === 0) {
    throw new Error(
      "the chat must have a message by the user, but has no such message",
    );
  }
  return each.map((columns) => ({
    columns,
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  }));
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
