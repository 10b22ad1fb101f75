import { yieldToEventLoop } from "../../lib/event_loop.ts";
import { random } from "../../plugins/mod.ts";
import { CHARACTERS_PER_TOKEN } from "../../tokens/mod.ts";
import { openingsOf, type Writer } from "../synthetic/writer.ts";
import type { Trace, TraceTurn } from "./rows.ts";

/** Characters of blocks that are kept, as later prompts are likely to have them too. */
const MAX_CHARACTERS = 2 ** 24;

/** Tokens of blocks that are written before other tasks may run: one or two milliseconds. */
const TOKENS_AT_ONCE = 16_384;

/** Options of {@linkcode TracePrompts}. */
export interface PromptOptions {
  readonly writer: Writer;
  readonly seed: number;
  /** Index of the pass: each has prompts of its own, so that no pass is answered from the cache of the one before. */
  readonly pass: number;
  readonly signal: AbortSignal;
}

/**
 * Writes the prompts of one pass over a trace. Equal hash ids give equal text, so that prompts share their beginnings
 * as the recorded ones did; all other text differs from its first words on.
 */
export class TracePrompts {
  readonly #trace: Trace;
  readonly #options: PromptOptions;
  readonly #openings: (n: number) => string[];
  /** Number of the first text of the pass. */
  readonly #first: number;
  /** The blocks used last, the latest at the end. */
  readonly #blocks = new Map<number, Promise<string>>();
  readonly #maxBlocks: number;
  /** Tokens that were written since other tasks could run. */
  #unyielded = 0;

  constructor(trace: Trace, options: PromptOptions) {
    const { blocks, requests, blockTokens = 1 } = trace;
    this.#trace = trace;
    this.#options = options;
    this.#openings = openingsOf(options.seed);
    this.#first = options.pass * (blocks + requests);
    const characters = blockTokens * CHARACTERS_PER_TOKEN;
    this.#maxBlocks = Math.max(1, Math.floor(MAX_CHARACTERS / characters));
  }

  /** Returns the prompt of a request. */
  async write(turn: TraceTurn): Promise<string> {
    const { inputTokens, blocks } = turn;
    const { blockTokens = 1, blocks: known } = this.#trace;
    // The last block may be shorter than the others; tokens after the last one belong to this prompt alone.
    const isCovered = blocks.length * blockTokens >= inputTokens;
    const shared = isCovered ? blocks.slice(0, -1) : blocks;
    const last = isCovered ? blocks.at(-1)! : known + turn.index;
    const tokens = shared.length * blockTokens;
    const texts: string[] = [];
    for (const block of shared) {
      if (this.#unyielded >= TOKENS_AT_ONCE) await this.#yield();
      texts.push(await this.#block(block));
    }
    const text = texts.join("").trimStart();
    return await this.#options.writer({
      tokens: inputTokens - tokens,
      ...this.#words(last),
      ...(tokens > 0 && { after: { text, tokens } }),
    });
  }

  /** Returns the text of a whole block. It begins with a space, so that blocks can be joined. */
  #block(block: number): Promise<string> {
    const { blockTokens = 1 } = this.#trace;
    let text = this.#blocks.get(block);
    if (text === undefined) {
      text = this.#options.writer({
        tokens: blockTokens,
        ...this.#words(block),
        after: { text: "", tokens: 0 },
      });
      this.#unyielded += blockTokens;
    }
    this.#blocks.delete(block);
    this.#blocks.set(block, text);
    if (this.#blocks.size > this.#maxBlocks) {
      this.#blocks.delete(this.#blocks.keys().next().value!);
    }
    return text;
  }

  async #yield(): Promise<void> {
    this.#unyielded = 0;
    await yieldToEventLoop();
  }

  /** The words of a text, by its number in the pass. A shorter text of the same number is its beginning. */
  #words(number: number) {
    const { seed, signal } = this.#options;
    const n = this.#first + number;
    return {
      opening: this.#openings(n),
      random: random(seed, `trace/${n}`),
      signal,
    };
  }
}
