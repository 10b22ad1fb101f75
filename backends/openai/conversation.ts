import {
  type Exchange,
  type Output,
  RequestError,
  type ToolCall,
  type Turn,
} from "../../plugins/mod.ts";
import {
  assistantMessage,
  toolMessage,
  type WireMessage,
} from "./chat_message.ts";
import type { ChatSettings } from "./chat/options.ts";

/** What stands in the history. */
export type HistoryOptions = Pick<ChatSettings, "history" | "historyReasoning">;

/**
 * Holds a turn to what the history can give it.
 *
 * @throws {Error} If it answers calls that would not be sent with it.
 */
export function checkHistory(
  { columns }: Turn,
  { history }: HistoryOptions,
): void {
  if (columns.toolResult === undefined || history === "answers") return;
  throw new Error(
    `Cannot send toolResult as history must hold the calls that it answers (answers): current value is ${history}`,
  );
}

/** The results of the calls in the answer before, one message each; none if nothing was called. */
export function resultsOf(
  { columns: { toolResult } }: Turn,
  answered: Output | undefined,
  index: number,
): readonly WireMessage[] {
  if (toolResult === undefined) return [];
  return callsOf(answered, index)
    .map(({ id = "" }) => toolMessage(id, toolResult));
}

/**
 * What the server said to an earlier turn, or is made to have said. Calls stand in it where the turn after it
 * answers them: servers refuse others.
 *
 * @throws {RequestError} `history_error` if the data has no answer.
 */
export function answerTo(
  { turn, output }: Exchange,
  { next, index }: Place,
  { history, historyReasoning }: HistoryOptions,
): WireMessage {
  if (history === "scripted") {
    return assistantMessage(scripted(turn), []);
  }
  const isAnswered = next.columns.toolResult !== undefined;
  return assistantMessage(
    output.text ?? "",
    isAnswered ? callsOf(output, index) : [],
    historyReasoning ? reasoningOf(output) : {},
  );
}

/** Where an exchange stands in its session. */
interface Place {
  /** Of its turn, from 0. */
  readonly index: number;
  /** The turn after it. */
  readonly next: Turn;
}

/**
 * The answer that the data has for a turn.
 *
 * @throws {RequestError} `history_error` if it has none.
 */
export function scripted({ columns: { answer } }: Turn): string {
  if (answer !== undefined) return answer;
  throw new RequestError(
    "history_error",
    'Cannot go on as history=scripted needs an answer to each turn before: there is no column "answer"',
  );
}

/** The calls of an answer. Those that came without an id get one, so that results can name them. */
export function callsOf(
  output: Output | undefined,
  index: number,
): readonly ToolCall[] {
  return (output?.toolCalls ?? []).map((call, i) => ({
    ...call,
    id: call.id ?? `call_${index}_${i}`,
  }));
}

/** Under both names, as each is known to servers that do not know the other. */
function reasoningOf({ reasoning }: Output): WireMessage {
  return reasoning ? { reasoning, reasoning_content: reasoning } : {};
}
