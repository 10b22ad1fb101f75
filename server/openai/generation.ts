import type { Random } from "../../lib/random.ts";
import type { Exchange } from "../http/exchange.ts";
import { DONE_EVENT } from "../http/refusal.ts";
import type { Options } from "../settings.ts";
import { type Answer, type Piece, tokensIn } from "./answer.ts";
import type { Counts, Head, StreamUsage } from "./usage.ts";

/** The answers to generate for a request. */
export interface Job {
  readonly answers: readonly Answer[];
  readonly promptTokens: number;
  /** Time that is added to the first token's. */
  readonly firstMs?: number;
}

/** Receives answers while they are generated. */
export interface GenerationListener {
  /** The first token is due. Called before the first piece. */
  started?(): void;
  /** A piece of one of the answers is due. */
  piece?(piece: Piece, choice: number, isLast: boolean): void;
  /** All answers are complete. */
  done(): void;
}

/** Overdue pieces that are sent without a break, except for those of the step that reaches it. */
const AT_ONCE = 64;

/** Generates answers side by side as soon as a seat is free. Each piece is due with its last token. */
export function generate(
  exchange: Exchange,
  { answers, promptTokens, firstMs = 0 }: Job,
  listener: GenerationListener,
): void {
  const { options, clock } = exchange;
  const random = exchange.random("times");
  const steps = answers.reduce(
    (most, { pieces }) => Math.max(most, pieces.length),
    0,
  );
  const prefillMs = options.prefillMsPerToken *
    Math.max(0, promptTokens - options.cachedTokens);
  let hasWaited = false;
  let dueMs = 0;
  let step = 0;

  function begin(): void {
    const fromMs = hasWaited ? clock.now() : exchange.receivedMs;
    const delayMs = firstMs + prefillMs + draw(options, random, "ttft");
    dueMs = Math.max(fromMs + delayMs, clock.now());
    pass(Math.max(0, costOf(0) - 1));
    exchange.at(dueMs, advance);
  }

  /** Adds the time of some tokens. */
  function pass(tokens: number): void {
    for (let i = 0; i < tokens; i++) dueMs += draw(options, random, "itl");
  }

  /** Token times of a step: those of its longest piece. */
  function costOf(step: number): number {
    let most = 0;
    for (const { pieces } of answers) {
      const piece = pieces[step];
      if (piece) most = Math.max(most, piece.costs ?? piece.tokens);
    }
    return most;
  }

  /** Sends the steps that are due, and waits for the next one. */
  function advance(): void {
    if (step === 0) listener.started?.();
    for (let sent = 0; sent < AT_ONCE && step < steps;) {
      sent += emit();
      if (step === steps) break;
      pass(costOf(step));
      if (dueMs > clock.now()) break;
    }
    if (step < steps) return void exchange.at(dueMs, advance);
    leave();
    listener.done();
  }

  /** Sends a step's pieces; returns their number. */
  function emit(): number {
    let sent = 0;
    for (const [choice, { pieces }] of answers.entries()) {
      const piece = pieces[step];
      if (!piece) continue;
      listener.piece?.(piece, choice, step === pieces.length - 1);
      sent++;
    }
    step++;
    return sent;
  }

  const leave = exchange.host.seats.take(begin);
  hasWaited = true;
  exchange.onOver(leave);
}

/** Draws a time from its mean, its jitter and their shape. */
export function draw(
  options: Options,
  random: Random,
  time: "ttft" | "itl",
): number {
  const meanMs = options[`${time}Ms`];
  const jitterMs = options[`${time}JitterMs`];
  if (jitterMs === 0) return meanMs;
  return Math.max(0, meanMs + jitterMs * SHAPES[options.jitterShape](random));
}

/** Deviations of each shape, for a jitter of 1. */
const SHAPES = {
  even: (random: Random) => 2 * random() - 1,
  normal: (random: Random) =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  exponential: (random: Random) => -Math.log(1 - random()),
};

/** Form of the chunks of a streamed answer. */
export interface ChunkForm {
  /** Fields of every chunk. `object` is also its type in the log. */
  readonly head: Head & { readonly object: string };
  readonly usage: StreamUsage;
  /** Forms what follows the head in the chunk before the text of an answer. */
  opening?(index: number, usage: object): object;
  /** Forms the choices of a piece, a chunk each. The last one of an answer has the reason why it ends. */
  choices(
    piece: Piece,
    index: number,
    reason: string | undefined,
  ): readonly object[];
}

/** Streams answers as chunks, with usage where it belongs and `[DONE]` at the end. */
export function streamAnswers(
  exchange: Exchange,
  job: Job,
  { head, usage, opening, choices }: ChunkForm,
): void {
  const { answers, promptTokens } = job;
  const { roleChunk, done } = exchange.options;
  const none = { promptTokens, completionTokens: 0, reasoningTokens: 0 };
  const own = answers.map(() => ({ ...none }));
  const all = { ...none };

  function send(fields: object, chars = 0): void {
    const json = JSON.stringify({ ...head, ...fields });
    exchange.send(head.object, `data: ${json}\n\n`, chars);
  }

  function open(): void {
    if (!opening) return;
    for (const index of answers.keys()) {
      send(opening(index, usage.during(none)));
    }
  }

  exchange.open();
  if (roleChunk === "accept") open();
  generate(exchange, job, {
    started: () => roleChunk === "token" && open(),
    piece(piece, index, isLast) {
      const mine = own[index]!;
      for (const counts of [mine, all]) {
        counts.completionTokens += piece.tokens;
        if (piece.kind === "reasoning") counts.reasoningTokens += piece.tokens;
      }
      const counts = usage.isFinal ? all : mine;
      const reason = isLast ? answers[index]!.finishReason : undefined;
      const parts = choices(piece, index, reason);
      for (const [i, choice] of parts.entries()) {
        const used = isLast && i === parts.length - 1
          ? usage.atFinish(counts)
          : usage.during(counts);
        send({ choices: [choice], ...used }, i === 0 ? piece.text.length : 0);
      }
    },
    done: () =>
      exchange.finish(() => {
        const { alone } = usage;
        if (alone) send({ choices: [], ...alone(countsOf(job)) });
        if (done) exchange.send(DONE_EVENT.type, DONE_EVENT.text);
      }),
  });
}

/** The tokens of all answers. */
export function countsOf(
  { answers, promptTokens }: Job,
): Counts {
  const pieces = answers.flatMap(({ pieces }) => pieces);
  return {
    promptTokens,
    completionTokens: tokensIn(pieces),
    reasoningTokens: tokensIn(pieces, "reasoning"),
  };
}
