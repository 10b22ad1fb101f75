import type { Piece } from "./answer.ts";
import type { AnswerHead, Exchange } from "../http/exchange.ts";
import { generate, type Job } from "./generation.ts";

export type { Job } from "./generation.ts";
import type { Counts, UsagePlaces } from "./usage.ts";

/** How the events of an endpoint's stream look, as JSON. */
export interface Chunks {
  /** What the log calls them. */
  readonly type: string;
  /** The chunk ahead of all text, where there is one. */
  opening?(choice: number, counts: Counts): string;
  /** A piece; the last one of its choice has a reason, which some dialects put in a chunk of its own. */
  piece(
    piece: Piece,
    at: { choice: number; counts: Counts; reason: string | undefined },
  ): readonly string[];
  /** The chunk that only brings usage. */
  usage(counts: Counts): string;
}

/** Streams answers as chunks, with usage where it belongs and `[DONE]` at the end. */
export function streamAnswers(
  exchange: Exchange,
  job: Job,
  { chunks, places }: { chunks: Chunks; places: UsagePlaces },
): void {
  const { answers, promptTokens } = job;
  const { roleChunk, done } = exchange.options;
  const nothing = { completionTokens: 0, reasoningTokens: 0 };
  const sent = answers.map(() => ({ ...nothing }));
  const all = { ...nothing };
  const send = (json: string, chars: number) =>
    exchange.send(chunks.type, `data: ${json}\n\n`, chars);
  const openings = () => {
    for (const choice of answers.keys()) {
      const counts = { promptTokens, ...nothing };
      const json = chunks.opening?.(choice, counts);
      if (json !== undefined) send(json, 0);
    }
  };
  exchange.open();
  if (roleChunk === "accept") openings();
  generate(exchange, job, {
    started() {
      if (roleChunk === "token") openings();
    },
    piece(piece, { choice, isLast }) {
      const own = sent[choice]!;
      for (const count of [own, all]) {
        count.completionTokens += piece.tokens;
        if (piece.kind === "reasoning") count.reasoningTokens += piece.tokens;
      }
      const counts = { promptTokens, ...(places.finish ? all : own) };
      const reason = isLast ? answers[choice]!.finishReason : undefined;
      let chars = piece.text.length;
      for (const json of chunks.piece(piece, { choice, counts, reason })) {
        send(json, chars);
        chars = 0;
      }
    },
    done() {
      exchange.finish(() => {
        if (places.last) send(chunks.usage(countsOf(job)), 0);
        if (done) exchange.send("[DONE]", "data: [DONE]\n\n");
      });
    },
  });
}

interface Tokens {
  readonly completionTokens: number;
  readonly reasoningTokens: number;
}

function sumOf(choices: readonly Tokens[]): Tokens {
  let completionTokens = 0;
  let reasoningTokens = 0;
  for (const choice of choices) {
    completionTokens += choice.completionTokens;
    reasoningTokens += choice.reasoningTokens;
  }
  return { completionTokens, reasoningTokens };
}

/** Generates answers, and sends them once they are whole. */
export function answerWhole(
  exchange: Exchange,
  job: Job,
  { json, ...head }: Omit<AnswerHead, "status"> & {
    type: string;
    /** The body. */
    json: () => string;
  },
): void {
  generate(exchange, job, {
    started() {},
    piece() {},
    done: () => exchange.answer(json(), head),
  });
}

/** The tokens of all answers. */
export function countsOf(
  { answers, promptTokens }: Pick<Job, "answers" | "promptTokens">,
): Counts {
  const tokens = answers.map(({ tokens, reasoningTokens }) => ({
    completionTokens: tokens,
    reasoningTokens,
  }));
  return { promptTokens, ...sumOf(tokens) };
}
