import { type JoinedText, joinedText, type Output } from "../../plugins/mod.ts";
import { BROKEN_OFF } from "./finish_reason.ts";
import type { Piece } from "./pieces.ts";
import { type ToolCalls, toolCalls } from "./tool_calls.ts";

/** The answers to one request, gathered from their pieces. */
export interface Answers {
  /** Takes a piece of the answer with this index. */
  add(index: number, piece: Piece): void;
  /** The answer with this index is there; it has ended, if there is a reason and no more output of it comes. */
  heard(index: number, finishReason: string | undefined): void;
  /** Why each that was heard ended, in order of their indexes; `undefined` for those that have not. */
  readonly finishReasons: readonly (string | undefined)[];
  /** What they come to. */
  readonly output: Output;
}

interface Growing {
  readonly texts: Partial<Record<Piece["kind"], JoinedText>>;
  readonly calls: ToolCalls;
  finishReason: string | undefined;
  /** Reasons that more output came behind: a server that sends one with each event ends nothing by it. */
  readonly refuted: Set<string>;
}

/** Begins with none. */
export function gatherAnswers(): Answers {
  const growing = new Map<number, Growing>();

  function at(index: number): Growing {
    const found = growing.get(index) ?? begun();
    growing.set(index, found);
    return found;
  }

  function inOrder(): readonly Growing[] {
    return [...growing].sort(([a], [b]) => a - b).map(([, answer]) => answer);
  }

  return {
    add(index, { kind, text, toolCall }) {
      const answer = at(index);
      if (text !== "") refuteEnd(answer);
      (answer.texts[kind] ??= joinedText()).add(text);
      if (toolCall) answer.calls.add(toolCall);
    },
    heard(index, finishReason) {
      const answer = at(index);
      if (finishReason === undefined || answer.refuted.has(finishReason)) {
        return;
      }
      answer.finishReason = finishReason;
    },
    get finishReasons() {
      return inOrder().map(({ finishReason }) => finishReason);
    },
    get output() {
      const all = inOrder();
      const [first] = all;
      return {
        ...(first && outputOf(first)),
        ...(all.length > 1 && { choices: all.map(choiceOf) }),
      };
    },
  };
}

function begun(): Growing {
  return {
    texts: {},
    calls: toolCalls(),
    finishReason: undefined,
    refuted: new Set(),
  };
}

/** An answer that goes on had not ended. One that had failed still has. */
function refuteEnd(answer: Growing): void {
  const { finishReason, refuted } = answer;
  if (finishReason === undefined || BROKEN_OFF.has(finishReason)) return;
  refuted.add(finishReason);
  answer.finishReason = undefined;
}

function outputOf(answer: Growing): Output {
  const { texts, calls: { calls } } = answer;
  const reasoning = textIn(texts.reasoning);
  const refusal = textIn(texts.refusal);
  return {
    ...choiceOf(answer),
    ...(reasoning !== "" && { reasoning }),
    ...(refusal !== "" && { refusal }),
    ...(calls.length > 0 && { toolCalls: calls }),
  };
}

/** An answer that is spoken has its text in the transcript. */
function choiceOf({ texts, finishReason }: Growing) {
  return {
    text: textIn(texts.text) || textIn(texts.audio),
    ...(finishReason !== undefined && { finishReason }),
  };
}

function textIn(joined: JoinedText | undefined): string {
  return joined?.toString() ?? "";
}
