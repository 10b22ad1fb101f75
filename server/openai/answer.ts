import type { Random } from "../../lib/random.ts";
import type { Exchange } from "../http/exchange.ts";
import { Refusal } from "../http/refusal.ts";
import type { Options } from "../settings.ts";
import type { Body, TokenLimit } from "./body.ts";
import { type ChatMessage, pseudoTokens, startOf, tokensOf } from "./tokens.ts";

/** The content of an event: one token, or several of a kind. */
export interface Piece {
  readonly kind: "text" | "reasoning" | "refusal" | "tool" | "audio";
  readonly text: string;
  readonly tokens: number;
  /** Index of the call that the piece belongs to. */
  readonly call?: number;
  /** Name of the called function, in the first piece of a call. */
  readonly name?: string;
  /** Token times until it is due, if they are not those of its tokens. */
  readonly costs?: number;
  /** Why a part of an audio file ends here. */
  readonly ends?: string;
}

/** A whole answer, before it is sent. */
export interface Answer {
  readonly pieces: readonly Piece[];
  readonly finishReason: "stop" | "length" | "tool_calls";
}

/** The parts of an answer before it is made up. */
export interface AnswerPlan {
  readonly options: Options;
  readonly random: Random;
  readonly limit: TokenLimit;
  /** Kind of its text. @default "text" */
  readonly textKind?: "text" | "audio";
  /** The text that `echo` repeats. */
  readonly said: string;
  /** Names of the functions to call. */
  readonly calls: readonly string[];
}

/** The most tokens that are made for one request: 16 answers of the usual length of a model. */
const MAX_TOKENS = 262_144;

/**
 * Makes up `count` answers to each of a request's prompts. One answer may be as long as the model allows.
 *
 * @throws {Refusal} If all together are longer than a server can hold.
 */
export function makeAnswers(
  exchange: Pick<Exchange, "options" | "random">,
  plans: readonly Omit<AnswerPlan, "random">[],
  count: number,
): Answer[] {
  const most = Math.max(MAX_TOKENS, exchange.options.maxModelLen);
  const answers: Answer[] = [];
  let tokens = 0;
  for (const plan of plans) {
    for (let i = 0; i < count; i++) {
      const random = exchange.random(`answer ${answers.length}`);
      const answer = makeAnswer({ ...plan, random });
      answers.push(answer);
      tokens += tokensIn(answer.pieces);
      if (tokens <= most) continue;
      throw new Refusal(
        `The answers to a request must have at most ${most} tokens together. Please request fewer answers (n), fewer prompts or fewer tokens of each (max_tokens).`,
      );
    }
  }
  return answers;
}

/** Makes up an answer. */
export function makeAnswer(plan: AnswerPlan): Answer {
  const { options, random, limit: { most, least }, calls } = plan;
  const { outputTokens, outputTokensJitter, reasoningTokens } = options;
  const jitter = outputTokensJitter && outputTokensJitter * (2 * random() - 1);
  const usual = Math.max(1, Math.round(outputTokens + jitter));
  const wanted = Math.max(least, usual);
  const thought = piecesOf(
    "reasoning",
    pseudoTokens(Math.min(reasoningTokens, most), random),
  );
  const content = contentOf(plan, Math.max(1, wanted - thought.length));
  const missing = Math.max(0, least - thought.length - content.length);
  const more = pseudoTokens(missing, random, true);
  const filling = piecesOf(plan.textKind ?? "text", more);
  const whole = [...thought, ...content, ...filling];
  const all = whole.slice(0, most);
  const isCut = whole.length > most || least === most;
  const gathered = gather(all, options.tokensPerEvent);
  return {
    pieces: withEmpty(gathered, options.emptyEvery),
    finishReason: isCut ? "length" : calls.length > 0 ? "tool_calls" : "stop",
  };
}

function piecesOf(kind: Piece["kind"], tokens: readonly string[]): Piece[] {
  return tokens.map((text) => ({ kind, text, tokens: 1 }));
}

/** The content after the reasoning, a token a piece. */
function contentOf(plan: AnswerPlan, count: number): Piece[] {
  const { options, random, limit, calls, textKind = "text" } = plan;
  const most = limit.most + 1;
  const said = startOf(plan.said, most);
  if (calls.length > 0) {
    return calls.flatMap((name, i) => callOf(name, i, random));
  }
  if (options.refusal) return piecesOf("refusal", tokensOf(REFUSAL));
  const tokens = options.echo && said !== ""
    ? tokensOf(said)
    : pseudoTokens(Math.min(count, most), random);
  return piecesOf(textKind, tokens);
}

const REFUSAL = "I cannot help with that.";

/** A call: its name, then its arguments. */
function callOf(name: string, call: number, random: Random): Piece[] {
  const query = pseudoTokens(3, random).join("");
  const args = tokensOf(JSON.stringify({ query }));
  return [
    { kind: "tool", text: "", name, call, tokens: 1 },
    ...piecesOf("tool", args).map((piece) => ({ ...piece, call })),
  ];
}

/** Joins up to `size` tokens of a kind. */
function gather(pieces: readonly Piece[], size: number): Piece[] {
  if (size <= 1) return [...pieces];
  const events: Piece[] = [];
  for (const piece of pieces) {
    const last = events.at(-1);
    const belongs = last && last.tokens < size && last.kind === piece.kind &&
      last.call === piece.call && piece.name === undefined;
    if (!belongs) events.push(piece);
    else {
      const text = last.text + piece.text;
      events[events.length - 1] = { ...last, text, tokens: last.tokens + 1 };
    }
  }
  return events;
}

/** Moves the text of every n-th piece to the next of its kind. The last piece keeps its own. */
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

/** Names of the functions to call, out of those that a request offers: none right after results of calls. */
export function callsOf(
  { tools, tool_choice }: Body,
  messages: readonly ChatMessage[],
  count: number,
): string[] {
  if (!Array.isArray(tools) || tools.length === 0) return [];
  if (messages.at(-1)?.role === "tool" || tool_choice === "none") return [];
  const named = nameOf(tool_choice);
  return Array.from(
    { length: count },
    (_, i) => named ?? nameOf(tools[i % tools.length]) ?? "unknown",
  );
}

/** Name of a function as chats (`{function: {name}}`) or responses (`{name}`) give it. */
function nameOf(tool: unknown): string | undefined {
  const { name, function: inner } = Object(tool);
  const found = inner?.name ?? name;
  return typeof found === "string" ? found : undefined;
}

/** Counts the tokens of pieces, or of those of a kind. */
export function tokensIn(
  pieces: readonly Piece[],
  kind?: Piece["kind"],
): number {
  return pieces.filter((piece) => !kind || piece.kind === kind)
    .reduce((sum, { tokens }) => sum + tokens, 0);
}

/** The whole text of a kind; null without a piece of it. */
export function textOf(
  pieces: readonly Piece[],
  kind: Piece["kind"],
): string | null {
  const found = pieces.filter((piece) => piece.kind === kind);
  return found.length > 0 ? found.map(({ text }) => text).join("") : null;
}
