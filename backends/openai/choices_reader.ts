import {
  type Call,
  type Delta,
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
import {
  fieldOf,
  isObject,
  type JsonObject,
  objectsIn,
  textOf,
} from "../../lib/json.ts";
import { base64Size, joinText, withoutEmpty } from "./json.ts";
import { type CallPart, ChatCalls, parseCallPart } from "./tool_calls.ts";
import type { AnswerReader, Protocol } from "./backend.ts";
import {
  answerCount,
  isStreamed,
  type OpenAiSettings,
  tokenLimit,
} from "./options.ts";
import { type MeteredChoice, usageMeter } from "./usage.ts";

/** Options of {@linkcode choicesReader}. */
export interface ChoicesOptions {
  /** Number of answers requested. */
  readonly answers: number;
  /** Maximum number of tokens per answer, if a limit was sent. */
  readonly tokenLimit?: number | undefined;
  /** Field of each choice in a whole answer: `message` in chats, `text` in completions. */
  readonly field: "message" | "text";
}

/** Parsed choice of an event or of a whole answer. */
interface Choice extends MeteredChoice {
  readonly parts: readonly OutputPart[];
  readonly finishReason: string | undefined;
}

/** Part of an answer, and the part of a tool call in it. */
interface OutputPart extends Pick<Delta, "kind" | "bytes"> {
  readonly text: string;
  readonly toolCall?: CallPart;
}

/** Output of a choice without parts: an empty delta counts as an event. */
const EMPTY: readonly OutputPart[] = [{ kind: "text", text: "" }];

/** Maximum number of events without any known field. */
const MAX_UNKNOWN = 50_000;

/** Reads the answers to chats and completions. The server decides whether they are streamed or whole. */
export function choicesReader(
  call: Pick<Call, "output">,
  { answers: wanted, tokenLimit, field }: ChoicesOptions,
): AnswerReader {
  const answers = new Map<number, PartialAnswer>();
  const meter = usageMeter(wanted);
  let responseId: string | undefined;
  let isWhole = false;
  /** Tokens of all answers if each reached the limit: llama.cpp counts only those of the first. */
  let outputTokens: number | undefined;
  let unknown = 0;

  /** Parses a choice. If one answer was requested, the index is ignored: some servers count tokens in it. */
  function parse(choice: JsonObject): Choice {
    const error = serverErrorIn(choice);
    if (error) throw error;
    const parts = field === "text"
      ? partsOfText(choice.text)
      : partsOfMessage(choice.delta ?? choice.message);
    return {
      index: wanted > 1 || isWhole ? indexOf(choice) : 0,
      parts,
      hasOutput: parts.some(isToken),
      finishReason: finishReasonIn(choice.finish_reason),
      usage: choice.usage,
    };
  }

  function collect(choice: Choice): void {
    let answer = answers.get(choice.index);
    if (!answer) answers.set(choice.index, answer = new PartialAnswer());
    answer.add(choice);
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
      const tokens = meter.event(usage, parsed);
      for (const choice of parsed) {
        collect(choice);
        emit(choice, atMs, tokens);
      }
      if (!choices && !usage.some(Boolean) && ++unknown > MAX_UNKNOWN) {
        throw protocolError(`it has ${unknown} events without known fields`);
      }
      return false;
    },
    body(data) {
      const { id, choices, usage, x_groq } = parseBody(data);
      isWhole = true;
      responseId = textOf(id);
      const all = objectsIn(choices).map(parse);
      if (objectsIn(choices).some((choice) => choice[field] === undefined)) {
        throw protocolError(
          `each choice must have a ${field}, but one has none`,
        );
      }
      meter.event([usage, fieldOf(x_groq, "usage")], all);
      for (const choice of all) collect(choice);
      const isAtLimit = tokenLimit !== undefined &&
        meter.usage()?.outputTokens === tokenLimit &&
        all.every(({ finishReason }) => finishReason === "length");
      if (isAtLimit) outputTokens = tokenLimit * all.length;
    },
    result(): Output {
      const all = [...answers].sort(([a], [b]) => a - b)
        .map(([, answer]) => answer);
      const output = all[0]?.output();
      const choices = all.length > 1
        ? all.map((answer) => answer.choice())
        : undefined;
      requireComplete(all, { isWhole, wanted });
      const usage = meter.usage();
      return withoutEmpty({
        ...output,
        choices,
        responseId,
        usage: outputTokens ? { ...usage, outputTokens } : usage,
      });
    },
  };
}

/** Returns the parts of a protocol that chats and completions share. */
export function choicesProtocol(
  settings: OpenAiSettings,
  field: ChoicesOptions["field"],
): Pick<Protocol<unknown>, "facts" | "reader"> {
  const { streamUsage } = settings;
  const stream = isStreamed(settings);
  const answers = answerCount(settings);
  return {
    facts: { stream, ...(stream && { streamUsage }) },
    reader(call, { turn }) {
      const limit = tokenLimit(settings, turn);
      return choicesReader(call, { answers, tokenLimit: limit, field });
    },
  };
}

function indexOf({ index }: JsonObject): number {
  return Number.isInteger(index) ? index as number : 0;
}

/** @throws {RequestError} If the server aborted an answer, or if an answer is missing or incomplete. */
function requireComplete(
  answers: readonly PartialAnswer[],
  { isWhole, wanted }: { isWhole: boolean; wanted: number },
): void {
  const finished = answers.map(({ finishReason }) => finishReason)
    .filter((reason) => reason !== undefined);
  const aborted = finished.find(isAborted);
  if (aborted !== undefined) throw abortedError(aborted);
  const received = answers.length;
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

/** Answer that is still being received. */
class PartialAnswer {
  readonly #texts: Partial<Record<OutputPart["kind"], JoinedText>> = {};
  readonly #toolCalls = new ChatCalls();
  /** Finish reasons that more output followed: a server that sends one with every event ends nothing by it. */
  readonly #refuted = new Set<string>();
  finishReason: string | undefined;

  add({ parts, finishReason }: Choice): void {
    for (const { kind, text, toolCall } of parts) {
      if (text !== "") this.#refuteEnd();
      (this.#texts[kind] ??= new JoinedText()).add(text);
      if (toolCall) this.#toolCalls.add(toolCall);
    }
    if (finishReason !== undefined && !this.#refuted.has(finishReason)) {
      this.finishReason = finishReason;
    }
  }

  /** Revokes the finish reason of an answer that continues, unless it reports a failure. */
  #refuteEnd(): void {
    if (this.finishReason === undefined || isAborted(this.finishReason)) return;
    this.#refuted.add(this.finishReason);
    this.finishReason = undefined;
  }

  /** Returns the text and the finish reason. The text of spoken answers is their transcript. */
  choice() {
    const text = this.#textOf("text") ?? this.#textOf("audio") ?? "";
    const { finishReason } = this;
    return { text, ...(finishReason !== undefined && { finishReason }) };
  }

  output(): Output {
    const { calls } = this.#toolCalls;
    return withoutEmpty({
      ...this.choice(),
      reasoning: this.#textOf("reasoning"),
      refusal: this.#textOf("refusal"),
      toolCalls: calls.length > 0 ? calls : undefined,
    });
  }

  /** Checks the whole text: a delta of an answer about event streams may look like one. */
  #textOf(kind: OutputPart["kind"]): string | undefined {
    const text = this.#texts[kind]?.toString();
    refuseWrappedEvents(text ?? "");
    return text || undefined;
  }
}

/** Returns the parts of a completion or of a delta of one. */
function partsOfText(text: unknown): readonly OutputPart[] {
  return typeof text === "string" && text !== ""
    ? [{ kind: "text", text }]
    : [];
}

/**
 * Returns the parts of a chat message or of a delta of one. Reasoning is first, as servers generate it first. Empty
 * parts are left out.
 */
function partsOfMessage(message: unknown): readonly OutputPart[] {
  if (!isObject(message)) return [];
  const { content, refusal, tool_calls: calls, audio } = message;
  const parts: OutputPart[] = [];
  const put = (kind: Delta["kind"], text: string | undefined) => {
    if (text) parts.push({ kind, text });
  };
  // Servers that send several of these repeat the same text.
  put(
    "reasoning",
    textOf(message.reasoning) || textOf(message.reasoning_content) ||
      contentOfType(content, "thinking"),
  );
  put("text", textOf(content) ?? contentOfType(content, "text"));
  put("refusal", textOf(refusal));
  if (calls) {
    for (const toolCall of objectsIn(calls).map(parseCallPart)) {
      const text = toolCall.name + toolCall.arguments;
      parts.push({ kind: "tool", text, toolCall });
    }
  }
  if (audio) {
    const text = textOf(fieldOf(audio, "transcript")) ?? "";
    const bytes = base64Size(textOf(fieldOf(audio, "data")) ?? "");
    if (text !== "" || bytes > 0) parts.push({ kind: "audio", text, bytes });
  }
  return parts;
}

/** Joins the parts of one type in a content that is a list, as Mistral's reasoning models send it. */
function contentOfType(
  content: unknown,
  type: "text" | "thinking",
): string | undefined {
  if (!Array.isArray(content)) return undefined;
  return objectsIn(content).filter((part) => part.type === type)
    .map((part) => joinText(part[type])).join("");
}
