import {
  type Exchange,
  RequestError,
  type ToolCall,
  type Turn,
} from "../../plugins/mod.ts";
import type { Part } from "./bytes.ts";
import { callsOf, scripted } from "./conversation.ts";
import type { SentText } from "./protocol.ts";
import type { ResponsesSettings } from "./responses/responses.ts";
import { answerItem, callItem, jsonOf, resultItem } from "./responses_input.ts";
import type {
  PreparedResponse,
  ResponsesRequest,
} from "./responses/request.ts";
import { sentText } from "./said.ts";

/** What later turns are sent with. */
type History = ResponsesSettings["history"];
type Answered = Exchange<PreparedResponse>;
type Asked = Omit<Answered, "output">;

/**
 * Holds a turn to what the history can give it.
 *
 * @throws {Error} If it answers calls that would not be sent with it.
 */
export function checkHistory({ columns }: Turn, history: History): void {
  if (columns.toolResult === undefined) return;
  if (history === "answers" || history === "server") return;
  throw new Error(
    `Cannot send toolResult as history must hold the calls that it answers (answers, server): current value is ${history}`,
  );
}

/**
 * What is sent of the session: items as JSON, and those of a turn in one piece.
 *
 * @throws {RequestError} `history_error` if earlier answers do not hold what is needed of them.
 */
export function inputOf(request: ResponsesRequest, history: History): Part[] {
  const { turn, prepared, session } = request;
  const now = { turn, prepared };
  const isResent = history === "answers" || history === "scripted";
  const before = isResent ? session.history : [];
  return [
    ...before.flatMap((exchange, i) => [
      ...asked(exchange, callsIn(before, i)),
      ...answered(exchange, before[i + 1] ?? now, {
        history,
        calls: callsIn(before, i + 1),
      }),
    ]),
    ...asked(now, callsIn(session.history, session.history.length)),
  ];
}

/** The latest word of what the model is told ahead: servers do not keep it from turn to turn. */
export function instructionsOf(
  { prepared, session }: Pick<ResponsesRequest, "prepared" | "session">,
  history: History,
): string | undefined {
  const before = history === "none" ? [] : session.history;
  return [...before.map(({ prepared }) => prepared), prepared]
    .findLast(({ instructions }) => instructions !== undefined)?.instructions;
}

/**
 * The answer that the server is to go on from; `undefined` where it keeps none, and in the first turn.
 *
 * @throws {RequestError} `history_error` if that answer has no id.
 */
export function earlierId(
  { session }: Pick<ResponsesRequest, "session">,
  history: History,
): string | undefined {
  const last = session.history.at(-1);
  if (history !== "server" || !last) return undefined;
  const { responseId } = last.output;
  if (responseId !== undefined) return responseId;
  throw new RequestError(
    "history_error",
    "Cannot go on as history=server needs the id of the answer before: the server gave none",
  );
}

/** The words that the server reads for a request, whoever keeps those of earlier turns. */
export function sentIn(
  request: ResponsesRequest,
  history: History,
): SentText | undefined {
  const { prepared, session } = request;
  const before = history === "none" ? [] : session.history;
  const usesTools = [...before, request].some(({ turn: { columns } }) =>
    columns.tools !== undefined || columns.toolResult !== undefined
  );
  if (usesTools) return undefined;
  const instructions = instructionsOf(request, history);
  return sentText([
    instructions === undefined
      ? []
      : [{ role: "system", content: instructions }],
    ...before.flatMap((exchange) => [
      exchange.prepared.said,
      [{ role: "assistant", content: answerTo(exchange, history) }],
    ]),
    prepared.said,
  ]);
}

/** The calls that a turn with this index may answer: those in the answer before it. */
function callsIn(
  history: readonly Answered[],
  index: number,
): readonly ToolCall[] {
  return callsOf(history[index - 1]?.output, index);
}

/** What a turn says, behind the results of the calls in the answer before it. */
function asked(
  { turn, prepared }: Asked,
  calls: readonly ToolCall[],
): Part[] {
  const { toolResult } = turn.columns;
  const answers = toolResult === undefined ? [] : calls;
  if (answers.length === 0 && prepared.own.length === 0) {
    throw new RequestError(
      "history_error",
      "Cannot send toolResult as the answer before it must have called something: it called nothing",
    );
  }
  const results = answers.map(({ id = "" }) => resultItem(id, toolResult!));
  return [jsonOf(results), prepared.own];
}

/** What stands in the history as the answer; its calls too where the next turn answers them, as servers refuse others. */
function answered(
  exchange: Answered,
  { turn: next }: Asked,
  { history, calls }: {
    readonly history: History;
    readonly calls: readonly ToolCall[];
  },
): Part[] {
  const text = answerTo(exchange, history);
  const isAnswered = next.columns.toolResult !== undefined;
  return [
    jsonOf([
      ...(text === "" ? [] : [answerItem(text)]),
      ...(isAnswered ? calls.map(callItem) : []),
    ]),
  ];
}

function answerTo({ turn, output }: Answered, history: History): string {
  return history === "scripted" ? scripted(turn) : output.text ?? "";
}
