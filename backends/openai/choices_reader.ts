import { type Call, type Output, RequestError } from "../../plugins/mod.ts";
import { gatherAnswers } from "./answers.ts";
import { BROKEN_OFF, reasonIn } from "./finish_reason.ts";
import {
  fieldOf,
  type JsonObject,
  objectsIn,
  protocolError,
  textOf,
} from "./json.ts";
import type { Piece } from "./pieces.ts";
import type { AnswerReader } from "./protocol.ts";
import { received, receivedWhole } from "./answer.ts";
import { serverErrorIn } from "./server_error.ts";
import { type MeteredChoice, usageMeter } from "./usage.ts";
import { refuseWrappedEvents } from "./wrapped_events.ts";

/** How to read answers that come in `choices`. */
export interface ChoicesOptions {
  /** Where output goes. */
  readonly call: Pick<Call, "output">;
  /** How many were asked for. */
  readonly answers: number;
  /** How many tokens each answer may have, where a limit was sent. */
  readonly tokenLimit?: number | undefined;
  /** How many events without anything that is known are passed over. @default {50000} */
  readonly maxUnknown?: number;
  /** What each choice of a whole answer must have, whatever is in it. */
  readonly required: "message" | "text";
  /** What one choice of an event, or of a whole answer, holds. */
  piecesOf(choice: JsonObject): readonly Piece[];
  /** Told of an answer that comes whole. */
  whole(): void;
}

/** A choice that was read. */
interface Read extends MeteredChoice {
  readonly pieces: readonly Piece[];
  readonly finishReason: string | undefined;
}

/** What a choice without any piece shows as. */
const NOTHING: readonly Piece[] = [{ kind: "text", text: "" }];

/** Reads chats and completions, streamed or whole, whichever was asked for: the server decides. */
export function choicesReader(
  {
    call,
    answers: wanted,
    tokenLimit,
    maxUnknown = 50_000,
    required,
    piecesOf,
    whole,
  }: ChoicesOptions,
): AnswerReader {
  const answers = gatherAnswers();
  const meter = usageMeter({ answers: wanted });
  let responseId: string | undefined;
  let isWhole = false;
  /** Tokens of all answers, where each has reached the limit: llama.cpp counts the first alone. */
  let outputTokens: number | undefined;
  let unknown = 0;

  /** What a choice holds. Where one answer was asked for, all is of it: there are servers whose index counts the tokens. */
  function read(choice: JsonObject): Read {
    const error = serverErrorIn(choice);
    if (error) throw error;
    const pieces = piecesOf(choice);
    return {
      index: wanted > 1 || isWhole ? indexOf(choice) : 0,
      pieces,
      hasOutput: pieces.some(isToken),
      finishReason: reasonIn(choice.finish_reason),
      usage: choice.usage,
    };
  }

  function take({ index, pieces, finishReason }: Read): void {
    for (const piece of pieces) answers.add(index, piece);
    answers.heard(index, finishReason);
  }

  function show(choice: Read, atMs: number, tokens?: number): void {
    take(choice);
    const { index } = choice;
    const pieces = choice.pieces.length > 0 ? choice.pieces : NOTHING;
    for (const [i, { kind, text, bytes }] of pieces.entries()) {
      call.output(atMs, {
        kind,
        text,
        ...(bytes !== undefined && { bytes }),
        ...(i === 0 && tokens !== undefined && { tokens }),
        ...(index > 0 && { choice: index }),
      });
    }
  }

  return {
    event(event, atMs) {
      if (event.data.trim() === "[DONE]") return isWhole = true;
      const { id, choices, usage: given, x_groq } = received(event);
      responseId ??= textOf(id);
      const shown = objectsIn(choices).map(read);
      // Moonshot's stands in the choice that finishes, Groq's beside it.
      const usage = [given, fieldOf(x_groq, "usage")];
      const tokens = meter.event({ usage, choices: shown });
      for (const choice of shown) show(choice, atMs, tokens);
      if (!choices && !usage.some(Boolean) && ++unknown > maxUnknown) {
        throw protocolError(
          `unknown events must be few: current value is ${unknown}`,
        );
      }
      return false;
    },
    body(data) {
      const { id, choices, usage, x_groq } = receivedWhole(data);
      isWhole = true;
      responseId = textOf(id);
      const all = objectsIn(choices).map(read);
      requireField(choices, required);
      meter.event({ usage: [usage, fieldOf(x_groq, "usage")], choices: all });
      for (const choice of all) take(choice);
      const isLimit = tokenLimit !== undefined &&
        meter.usage?.outputTokens === tokenLimit &&
        all.every(({ finishReason }) => finishReason === "length");
      if (isLimit) outputTokens = tokenLimit * all.length;
      whole();
    },
    result(): Output {
      const { output } = answers;
      const { text, reasoning, choices = [] } = output;
      // Of the whole: a piece of an answer about event streams may be one.
      for (
        const { text: whole = "" } of [
          { text },
          { text: reasoning },
          ...choices,
        ]
      ) refuseWrappedEvents(whole);
      requireWhole(answers.finishReasons, { isWhole, wanted });
      const { usage } = meter;
      return {
        ...output,
        ...(responseId !== undefined && { responseId }),
        ...(usage && {
          usage: { ...usage, ...(outputTokens && { outputTokens }) },
        }),
      };
    },
  };
}

function requireField(choices: unknown, name: string): void {
  if (objectsIn(choices).every((choice) => choice[name] !== undefined)) return;
  throw protocolError(`each choice must have a ${name}: one has none`);
}

function isToken({ text, bytes = 0 }: Piece): boolean {
  return text !== "" || bytes > 0;
}

function indexOf({ index }: JsonObject): number {
  return Number.isInteger(index) ? index as number : 0;
}

function requireWhole(
  finishReasons: readonly (string | undefined)[],
  { isWhole, wanted }: { isWhole: boolean; wanted: number },
): void {
  const broken = finishReasons.find((reason) => BROKEN_OFF.has(reason ?? ""));
  if (broken !== undefined) {
    const message = `The server gave the answer up: finish_reason is ${broken}`;
    throw new RequestError("server_error", message, { code: broken });
  }
  const finished = finishReasons.filter((reason) => reason !== undefined);
  if (!isWhole && finished.length < Math.max(wanted, finishReasons.length)) {
    throw new RequestError(
      "truncated",
      `The answer ended before it was whole: neither [DONE] nor a finish_reason came for ${
        wanted === 1 ? "it" : `${wanted - finished.length} of ${wanted}`
      }`,
    );
  }
  if (finishReasons.length === 0) {
    throw protocolError("an answer must have choices: current value is none");
  }
  if (finishReasons.length < wanted) {
    throw protocolError(
      `there must be as many choices as were asked for, ${wanted}: current value is ${finishReasons.length}`,
    );
  }
}
