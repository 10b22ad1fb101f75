import type { Random } from "../random.ts";
import type { TokenLimit } from "./body.ts";
import type { RequestOptions } from "./options.ts";
import { pseudoTokens, startOf, tokensOf } from "./tokens.ts";

/** What an event carries: one token or several of a kind. */
export interface Piece {
  readonly kind: "text" | "reasoning" | "refusal" | "tool" | "audio";
  readonly text: string;
  readonly tokens: number;
  /** Which call it belongs to, from 0. */
  readonly call?: number;
  /** Token times until it is there, where they are not those of its tokens. */
  readonly costs?: number;
  /** Why a piece of the audio ends here, where there are several. */
  readonly ends?: string;
  /** The called function, with the first piece of a call. */
  readonly name?: string;
}

/** A whole answer, before it is sent. */
export interface Answer {
  readonly pieces: readonly Piece[];
  readonly finishReason: "stop" | "length" | "tool_calls";
  readonly tokens: number;
  readonly reasoningTokens: number;
}

/** What an answer is made from. */
export interface AnswerPlan {
  readonly options: RequestOptions;
  readonly random: Random;
  readonly limit: TokenLimit;
  /** Whether the answer is spoken: its text is what is said. */
  readonly isSpoken?: boolean;
  /** What echo repeats. */
  readonly said: string;
  /** Names of the functions to call. */
  readonly calls: readonly string[];
}

/** Makes an answer up. */
export function makeAnswer(plan: AnswerPlan): Answer {
  const { options, random, limit: { most, least }, calls } = plan;
  const wanted = Math.max(least, wantedTokens(options, random));
  const reasoning = pseudoTokens(
    Math.min(options.reasoningTokens, most),
    random,
  )
    .map((text): Piece => ({ kind: "reasoning", text, tokens: 1 }));
  const answer = answerTokens(plan, Math.max(1, wanted - reasoning.length));
  const whole = [...reasoning, ...answer];
  const more = pseudoTokens(
    Math.max(0, least - whole.length),
    random,
    true,
  );
  const kind = plan.isSpoken ? "audio" : "text";
  whole.push(...more.map((text): Piece => ({ kind, text, tokens: 1 })));
  const all = whole.slice(0, most);
  const isCut = whole.length > most || least === most;
  return {
    pieces: withEmpty(
      gathered(all, options.tokensPerEvent),
      options.emptyEvery,
    ),
    finishReason: isCut ? "length" : calls.length > 0 ? "tool_calls" : "stop",
    tokens: all.length,
    reasoningTokens: Math.min(reasoning.length, all.length),
  };
}

/** How many tokens an answer has by itself. */
function wantedTokens(
  { outputTokens, outputTokensJitter }: RequestOptions,
  random: Random,
): number {
  const jitter = outputTokensJitter && outputTokensJitter * (2 * random() - 1);
  return Math.max(1, Math.round(outputTokens + jitter));
}

/** What follows the reasoning, a token a piece. */
function answerTokens(plan: AnswerPlan, count: number): Piece[] {
  const { options, random, limit, calls, isSpoken = false } = plan;
  const said = startOf(plan.said, limit.most + 1);
  const kindOfText = isSpoken ? "audio" : "text";
  if (calls.length > 0) {
    return calls.flatMap((name, i) => callOf(name, i, random));
  }
  const [kind, tokens] = options.refusal
    ? ["refusal", tokensOf(REFUSAL)] as const
    : options.echo && said !== ""
    ? [kindOfText, tokensOf(said)] as const
    : [
      kindOfText,
      pseudoTokens(Math.min(count, limit.most + 1), random),
    ] as const;
  return tokens.map((text) => ({ kind, text, tokens: 1 }));
}

/** A call: its name, then its arguments. */
function callOf(name: string, call: number, random: Random): Piece[] {
  const text = pseudoTokens(3, random).join("");
  return [
    { kind: "tool", text: "", name, call, tokens: 1 },
    ...tokensOf(JSON.stringify({ query: text })).map((text): Piece => ({
      kind: "tool",
      text,
      call,
      tokens: 1,
    })),
  ];
}

/** Joins up to `size` tokens of a kind. */
function gathered(pieces: readonly Piece[], size: number): Piece[] {
  if (size <= 1) return [...pieces];
  const events: Piece[] = [];
  for (const piece of pieces) {
    const last = events.at(-1);
    if (
      last && last.tokens < size && last.kind === piece.kind &&
      last.call === piece.call && piece.name === undefined
    ) {
      events[events.length - 1] = {
        ...last,
        text: last.text + piece.text,
        tokens: last.tokens + 1,
      };
    } else events.push(piece);
  }
  return events;
}

/** Holds the text of every n-th piece back to the next of its kind; the last piece keeps its own. */
function withEmpty(pieces: Piece[], every: number): Piece[] {
  if (every < 1) return pieces;
  for (let i = every - 1; i + 1 < pieces.length; i += every) {
    const [held, next] = [pieces[i]!, pieces[i + 1]!];
    if (held.kind !== next.kind || held.name || next.name) continue;
    pieces[i] = { ...held, text: "" };
    pieces[i + 1] = { ...next, text: held.text + next.text };
  }
  return pieces;
}

const REFUSAL = "I cannot help with that.";
