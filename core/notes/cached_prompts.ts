import { hashOf } from "../../lib/random.ts";
import { isRecord } from "../../lib/record.ts";
import type { Sample } from "../sample.ts";

/** Input tokens of a request that count: of shorter ones a cache saves little, and most of them are the chat template. */
const LEAST_TOKENS = 64;
/** Requests below which nothing is said. */
const LEAST_REQUESTS = 20;
/** Sessions whose requests are counted: a sample of all. */
const MAX_SESSIONS = 512;

/** Whether a dataset says among its facts that its prompts begin alike on purpose; of several datasets, any of them. */
export function sharesPrefixes(
  facts: Readonly<Record<string, unknown>> = {},
): boolean {
  const parts = Array.isArray(facts["datasets"]) ? facts["datasets"] : [];
  return facts["sharesPrefixes"] === true ||
    parts.filter(isRecord).some(sharesPrefixes);
}

/**
 * Counts the input tokens that the server had in its cache, and how often the data was sent again. Only the first turn
 * of each session counts, as later ones repeat its history, and only requests for text without speech: other models
 * keep no prompts.
 */
export class CachedPrompts {
  #requests = 0;
  #reporting = 0;
  #inputTokens = 0;
  #cachedTokens = 0;
  /** Requests of the sessions with the lowest hashes: the same sessions, whatever the order of the samples is. */
  readonly #sent = new Map<number, number>();
  /** Hash above which no session is counted any more. */
  #highest = Infinity;

  /** Adds a request that ended `ok`. */
  add({ session, input, output }: Sample): void {
    const { inputTokens, cachedTokens, countedBy } = output.usage ?? {};
    const isPrompt = session.turn === 0 && input.audioMs === undefined &&
      !output.embeddings;
    const isCounted = inputTokens !== undefined &&
      (countedBy?.input ?? "server") === "server";
    if (!isPrompt || !isCounted) return;
    this.#requests++;
    this.#inputTokens += inputTokens;
    if (cachedTokens !== undefined) {
      this.#reporting++;
      this.#cachedTokens += cachedTokens;
    }
    this.#count(hashOf(session.id), 1);
  }

  /** Adds the counts of other requests of the stage. */
  merge(other: CachedPrompts): void {
    this.#requests += other.#requests;
    this.#reporting += other.#reporting;
    this.#inputTokens += other.#inputTokens;
    this.#cachedTokens += other.#cachedTokens;
    for (const [hash, times] of other.#sent) this.#count(hash, times);
  }

  /** Cached ÷ all input tokens, from 0 to 1; `undefined` if the server does not report them, or for too few or short ones. */
  get cachedShare(): number | undefined {
    if (this.#reporting === 0 || !this.#isEnough()) return undefined;
    return this.#cachedTokens / this.#inputTokens;
  }

  /** Requests ÷ different sessions; `undefined` for too few or short ones. */
  get timesSent(): number | undefined {
    if (!this.#isEnough()) return undefined;
    this.#dropHighest();
    let sent = 0;
    for (const times of this.#sent.values()) sent += times;
    return sent / this.#sent.size;
  }

  #isEnough(): boolean {
    return this.#requests >= LEAST_REQUESTS &&
      this.#inputTokens >= LEAST_TOKENS * this.#requests;
  }

  #count(hash: number, times: number): void {
    if (hash > this.#highest) return;
    this.#sent.set(hash, (this.#sent.get(hash) ?? 0) + times);
    if (this.#sent.size >= 2 * MAX_SESSIONS) this.#dropHighest();
  }

  #dropHighest(): void {
    const hashes = [...this.#sent.keys()].sort((a, b) => a - b);
    for (const hash of hashes.slice(MAX_SESSIONS)) this.#sent.delete(hash);
    this.#highest = hashes[MAX_SESSIONS - 1] ?? Infinity;
  }
}
