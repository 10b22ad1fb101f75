import type { Columns, Message, Turn } from "../../plugins/mod.ts";
import { wordsOf } from "./chat.ts";

/** How a recorded chat is sent: as one request with all of it, or turn by turn. */
export type Turns = "last" | "all";

/** One turn of a recorded chat. */
export interface ChatTurn {
  /** What is said before the answer, by anyone. */
  readonly asked: readonly Message[];
  /** What the assistant said then, where it was recorded. */
  readonly answer: string | undefined;
}

/**
 * Divides a chat behind each answer. What the assistant says before anyone else is left out. Calls of tools stand
 * within the turn whose answer they lead to, as what they return cannot be foreseen.
 */
export function chatTurns(messages: readonly Message[]): ChatTurn[] {
  const turns: ChatTurn[] = [];
  let asked: Message[] = [];
  for (const [i, message] of messages.entries()) {
    const isAnswer = message.role === "assistant" && !message.toolCalls;
    if (!isAnswer) {
      asked.push(message);
      continue;
    }
    if (!asked.some(({ role }) => role === "user" || role === "tool")) {
      // Later on it is a part of the history that the next question comes after.
      if (turns.length > 0) asked.push(message);
      continue;
    }
    // Of several in a row the last is the answer.
    if (messages[i + 1]?.role === "assistant") {
      asked.push(message);
      continue;
    }
    turns.push({ asked, answer: wordsOf(message) });
    asked = [];
  }
  const isAsked = asked.some(({ role }) => role === "user" || role === "tool");
  return isAsked ? [...turns, { asked, answer: undefined }] : turns;
}

/** What a record holds beside its chat, and what is made of its answers. */
export interface Beside {
  /** Its other columns. */
  readonly columns: Columns;
  /** How many tokens each answer is to have. */
  readonly maxOutputTokens?: number | undefined;
  /** Whether a chat that is sent as one request is compared with its last answer. */
  readonly isCompared: boolean;
}

/**
 * The turns that a chat is sent as, each with the `answer` that was recorded. Answers of a chat that is sent turn by
 * turn are no references: a model that says the same in other words makes no error, and to align long texts takes
 * the client's time.
 *
 * @throws {Error} If nobody asks anything in it.
 */
export function turnsOf(
  messages: readonly Message[],
  turns: Turns,
  { columns, maxOutputTokens, isCompared }: Beside,
): Turn[] {
  const asked = turns === "last"
    ? [lastTurn(messages, columns, isCompared)]
    : allTurns(messages, columns);
  if (asked.length === 0) throw nobodyAsks();
  return asked.map((columns) => ({
    columns,
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  }));
}

/** All of a chat but its last answer. */
function lastTurn(
  messages: readonly Message[],
  beside: Columns,
  isCompared: boolean,
): Columns {
  const last = messages.findLastIndex(({ role }) =>
    role === "user" || role === "tool"
  );
  if (last < 0) throw nobodyAsks();
  const message = messages.findLast(({ role, toolCalls }, i) =>
    i > last && role === "assistant" && !toolCalls
  );
  const answer = message && wordsOf(message);
  return {
    ...beside,
    messages: messages.slice(0, last + 1),
    ...(answer && { answer, ...(isCompared && { reference: answer }) }),
  };
}

/** Tools go with every turn; what else stands beside the chat with the first, and its reference with the last. */
function allTurns(messages: readonly Message[], beside: Columns): Columns[] {
  const { tools, reference, ...first } = beside;
  const turns = chatTurns(messages);
  return turns.map((turn, i) => ({
    ...(tools && { tools }),
    ...turnColumns(turn, i === 0 ? first : {}),
    ...(reference !== undefined && i === turns.length - 1 && { reference }),
  }));
}

/** What one turn holds: a prompt alone where there is no more to it. */
function turnColumns({ asked, answer }: ChatTurn, beside: Columns): Columns {
  const [first, ...others] = asked;
  const hasSystem = first?.role === "system" && beside.system === undefined;
  const said = hasSystem ? others : asked;
  const [only] = said;
  const isPrompt = said.length === 1 && only?.role === "user" &&
    typeof only.content === "string" && beside.text === undefined;
  return {
    ...beside,
    ...(hasSystem && { system: wordsOf(first) }),
    ...(isPrompt ? { text: wordsOf(only) } : { messages: said }),
    ...(answer !== undefined && { answer }),
  };
}

function nobodyAsks(): Error {
  return new Error(
    "Cannot use the chat as it must have a message by the user: current value has none",
  );
}
