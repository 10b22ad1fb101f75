import {
  type Call,
  isToken,
  JoinedText,
  type Output,
  RequestError,
} from "../../plugins/mod.ts";
import {
  abortedError,
  finishReasonIn,
  isAborted,
  parseBody,
  parseEvent,
  protocolError,
  refuseWrappedEvents,
  serverErrorIn,
} from "./answer.ts";
import { fieldOf, type JsonObject, objectsIn, textOf } from "../../lib/json.ts";
import { type ChatCalls, chatCalls, type OutputPart } from "./output_parts.ts";
import type { AnswerReader } from "./backend.ts";
import { type MeteredChoice, usageMeter } from "./usage.ts";

/** Options of {@linkcode choicesReader}. */
export interface ChoicesOptions {
  /** Receives the output. */
  readonly call: Pick<Call, "output">;
  /** Number of answers requested. */
  readonly answers: number;
  /** Maximum number of tokens per answer, if a limit was sent. */
  readonly tokenLimit?: number | undefined;
  /** Maximum number of events without any known field. @default {50000} */
  readonly maxUnknown?: number;
  /** Field that each choice of a whole answer must have. */
  readonly required: "message" | "text";
  /** Returns the parts of a choice in an event or in a whole answer. */
  partsOf(choice: JsonObject): readonly OutputPart[];
}

/** Parsed choice of an event or of a whole answer. */
interface Choice extends MeteredChoice {
  readonly parts: readonly OutputPart[];
  readonly finishReason: string | undefined;
}

/** Output of a choice without parts: an empty delta counts as an event. */
const EMPTY: readonly OutputPart[] = [{ kind: "text", text: "" }];

/** Reads the answers to chats and completions. The server decides whether they are streamed or whole. */
export function choicesReader(
  {
    call,
    answers: wanted,
    tokenLimit,
    maxUnknown = 50_000,
    required,
    partsOf,
  }: ChoicesOptions,
): AnswerReader {
  const answers = collectAnswers();
  const meter = usageMeter({ answers: wanted });
  let responseId: string | undefined;
  let isWhole = false;
  /** Tokens of all answers if each reached the limit: llama.cpp counts only those of the first. */
  let outputTokens: number | undefined;
  let unknown = 0;

  /** Parses a choice. If one answer was requested, the index is ignored: some servers count tokens in it. */
  function parse(choice: JsonObject): Choice {
    const error = serverErrorIn(choice);
    if (error) throw error;
    const parts = partsOf(choice);
    return {
      index: wanted > 1 || isWhole ? indexOf(choice) : 0,
      parts,
      hasOutput: parts.some(isToken),
      finishReason: finishReasonIn(choice.finish_reason),
      usage: choice.usage,
    };
  }

  function emit({ index, parts }: Choice, atMs: number, tokens?: number): void {
    const shown = parts.length > 0 ? parts : EMPTY;
    for (const [i, { kind, text, bytes }] of shown.entries()) {
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
      const { id, choices, usage: given, x_groq } = parseEvent(event);
      responseId ??= textOf(id);
      const parsed = objectsIn(choices).map(parse);
      // Moonshot reports usage in the choice that finishes, Groq beside the choices.
      const usage = [given, fieldOf(x_groq, "usage")];
      const tokens = meter.event({ usage, choices: parsed });
      for (const choice of parsed) {
        answers.add(choice);
        emit(choice, atMs, tokens);
      }
      if (!choices && !usage.some(Boolean) && ++unknown > maxUnknown) {
        throw protocolError(`it has ${unknown} events without known fields`);
      }
      return false;
    },
    body(data) {
      const { id, choices, usage, x_groq } = parseBody(data);
      isWhole = true;
      responseId = textOf(id);
      const all = objectsIn(choices).map(parse);
      requireField(choices, required);
      meter.event({ usage: [usage, fieldOf(x_groq, "usage")], choices: all });
      for (const choice of all) answers.add(choice);
      const isAtLimit = tokenLimit !== undefined &&
        meter.usage()?.outputTokens === tokenLimit &&
        all.every(({ finishReason }) => finishReason === "length");
      if (isAtLimit) outputTokens = tokenLimit * all.length;
    },
    result(): Output {
      const output = answers.output();
      const { text, reasoning, choices = [] } = output;
      // Checked on the whole text: a delta of an answer about event streams may look like one.
      for (const whole of [text, reasoning, ...choices.map(textIn)]) {
        refuseWrappedEvents(whole ?? "");
      }
      requireComplete(answers.finishReasons(), { isWhole, wanted });
      const usage = meter.usage();
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

function textIn({ text }: { readonly text?: string }): string | undefined {
  return text;
}

function indexOf({ index }: JsonObject): number {
  return Number.isInteger(index) ? index as number : 0;
}

function requireField(choices: unknown, name: string): void {
  if (objectsIn(choices).every((choice) => choice[name] !== undefined)) return;
  throw protocolError(`each choice must have a ${name}, but one has none`);
}

/** @throws {RequestError} If the server aborted an answer, or if an answer is missing or incomplete. */
function requireComplete(
  finishReasons: readonly (string | undefined)[],
  { isWhole, wanted }: { isWhole: boolean; wanted: number },
): void {
  const aborted = finishReasons.find(isAborted);
  if (aborted !== undefined) throw abortedError(aborted);
  const received = finishReasons.length;
  const finished = finishReasons.filter((reason) => reason !== undefined);
  if (!isWhole && finished.length < Math.max(wanted, received)) {
    const which = wanted === 1
      ? ""
      : ` for ${wanted - finished.length} of ${wanted} answers`;
    throw new RequestError(
      "truncated",
      `The stream ended before [DONE] or a finish_reason${which}`,
    );
  }
  if (received === 0) throw protocolError("it has no choices");
  if (received < wanted) {
    throw protocolError(
      `it must have ${wanted} choices, as requested, but has ${received}`,
    );
  }
}

/** Collects the answers to one request from their choices. */
interface Answers {
  /** Adds a choice of an event or of a whole answer. */
  add(choice: Pick<Choice, "index" | "parts" | "finishReason">): void;
  /** Returns the finish reason of each answer by index, `undefined` for those that have not ended. */
  finishReasons(): readonly (string | undefined)[];
  /** Returns the output so far. */
  output(): Output;
}

/** Answer that is still being received. */
interface PartialAnswer {
  readonly texts: Partial<Record<OutputPart["kind"], JoinedText>>;
  readonly calls: ChatCalls;
  finishReason: string | undefined;
  /** Finish reasons that more output followed: a server that sends one with every event ends nothing by it. */
  readonly refuted: Set<string>;
}

function collectAnswers(): Answers {
  const partial = new Map<number, PartialAnswer>();

  function answerAt(index: number): PartialAnswer {
    const found = partial.get(index) ?? {
      texts: {},
      calls: chatCalls(),
      finishReason: undefined,
      refuted: new Set(),
    };
    partial.set(index, found);
    return found;
  }

  function byIndex(): readonly PartialAnswer[] {
    return [...partial].sort(([a], [b]) => a - b).map(([, answer]) => answer);
  }

  return {
    add({ index, parts, finishReason }) {
      const answer = answerAt(index);
      for (const { kind, text, toolCall } of parts) {
        if (text !== "") refuteEnd(answer);
        (answer.texts[kind] ??= new JoinedText()).add(text);
        if (toolCall) answer.calls.add(toolCall);
      }
      if (finishReason !== undefined && !answer.refuted.has(finishReason)) {
        answer.finishReason = finishReason;
      }
    },
    finishReasons: () => byIndex().map(({ finishReason }) => finishReason),
    output() {
      const all = byIndex();
      const [first] = all;
      return {
        ...(first && outputOf(first)),
        ...(all.length > 1 && { choices: all.map(choiceOutput) }),
      };
    },
  };
}

/** Revokes the finish reason of an answer that continues, unless it reports a failure. */
function refuteEnd(answer: PartialAnswer): void {
  const { finishReason, refuted } = answer;
  if (finishReason === undefined || isAborted(finishReason)) return;
  refuted.add(finishReason);
  answer.finishReason = undefined;
}

function outputOf(answer: PartialAnswer): Output {
  const { texts } = answer;
  const toolCalls = answer.calls.calls();
  const reasoning = texts.reasoning?.toString();
  const refusal = texts.refusal?.toString();
  return {
    ...choiceOutput(answer),
    ...(reasoning && { reasoning }),
    ...(refusal && { refusal }),
    ...(toolCalls.length > 0 && { toolCalls }),
  };
}

/** Returns the text and the finish reason of an answer. The text of spoken answers is their transcript. */
function choiceOutput({ texts, finishReason }: PartialAnswer) {
  return {
    text: texts.text?.toString() || texts.audio?.toString() || "",
    ...(finishReason !== undefined && { finishReason }),
  };
}
