import type { Random } from "../random.ts";
import type { Seats } from "../seats.ts";
import type { Answer, Piece } from "./answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { RequestOptions } from "./options.ts";

/** What is generated for a request. */
export interface Job {
  readonly answers: readonly Answer[];
  readonly promptTokens: number;
  readonly seats: Seats;
  /** What else the first token takes, in milliseconds. */
  readonly firstMs?: number;
}

/** What is told while answers are generated. */
export interface Listener {
  /** The first token is there; comes before the first piece. */
  started(): void;
  /** A piece of one of the answers. */
  piece(piece: Piece, at: { choice: number; isLast: boolean }): void;
  /** All answers are whole. */
  done(): void;
}

/** Generates answers side by side, once there is a seat, each piece when its last token is due. */
export function generate(
  exchange: Exchange,
  { answers, promptTokens, seats, firstMs = 0 }: Job,
  listener: Listener,
): void {
  const { options, clock } = exchange;
  const random = exchange.random("times");
  const steps = answers.reduce(
    (most, { pieces }) => Math.max(most, pieces.length),
    0,
  );
  const prefillMs = options.prefillMsPerToken *
    Math.max(0, promptTokens - options.cachedTokens);
  let dueMs = 0;
  let step = 0;

  function begin(): void {
    const fromMs = queued ? clock.now() : exchange.receivedMs;
    const delayMs = firstMs + prefillMs + draw(options, random, "ttft");
    dueMs = Math.max(fromMs + delayMs, clock.now());
    pass(Math.max(0, costOf(0) - 1));
    exchange.at(dueMs, next);
  }

  /** Adds the time of so many tokens. */
  function pass(tokens: number): void {
    for (let i = 0; i < tokens; i++) dueMs += draw(options, random, "itl");
  }

  /** Token times of a step: the longest of its pieces decides. */
  function costOf(step: number): number {
    let most = 0;
    for (const { pieces } of answers) {
      const piece = pieces[step];
      if (piece) most = Math.max(most, piece.costs ?? piece.tokens);
    }
    return most;
  }

  /** All that is due; the rest when it is. */
  function next(): void {
    if (step === 0) listener.started();
    for (let n = 0; n < AT_ONCE && step < steps;) {
      n += emit();
      if (step === steps) break;
      pass(costOf(step));
      if (dueMs > clock.now()) break;
    }
    if (step < steps) return void exchange.at(dueMs, next);
    leave();
    listener.done();
  }

  /** Tells of a step's pieces; returns how many they are. */
  function emit(): number {
    let told = 0;
    for (const [choice, { pieces }] of answers.entries()) {
      const piece = pieces[step];
      if (!piece) continue;
      listener.piece(piece, { choice, isLast: step === pieces.length - 1 });
      told++;
    }
    step++;
    return told;
  }

  let queued = false;
  const leave = seats.take(() => begin());
  queued = true;
  exchange.onOver(leave);
}

/** Takes a seat for as long as a prompt is read, and then says so. */
export function generateOnce(
  exchange: Exchange,
  job: Omit<Job, "answers">,
  done: () => void,
): void {
  const answers = [{
    pieces: [],
    finishReason: "stop",
    tokens: 0,
    reasoningTokens: 0,
  }] as const;
  generate(exchange, { ...job, answers }, {
    started() {},
    piece() {},
    done,
  });
}

/** Overdue pieces that are sent without a break, but for those of the step that reaches it. */
const AT_ONCE = 64;

/** A time by its mean, its jitter and their shape. */
export function draw(
  options: RequestOptions,
  random: Random,
  what: "ttft" | "itl",
): number {
  const meanMs = what === "ttft" ? options.ttftMs : options.itlMs;
  const jitterMs = what === "ttft" ? options.ttftJitterMs : options.itlJitterMs;
  if (jitterMs === 0) return meanMs;
  return Math.max(0, meanMs + jitterMs * SHAPES[options.jitterShape](random));
}

/** Numbers of each shape, for a jitter of 1. */
const SHAPES = {
  even: (random: Random) => 2 * random() - 1,
  normal: (random: Random) =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  exponential: (random: Random) => -Math.log(1 - random()),
};
