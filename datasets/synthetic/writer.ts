import type { Random } from "../../plugins/mod.ts";

/** A text with a known number of tokens. */
export interface Written {
  readonly text: string;
  readonly tokens: number;
}

/** What is to be written. */
export interface Writing {
  /** How many tokens it is to have. */
  readonly tokens: number;
  /** The words that come first, if there is room for them. */
  readonly opening: readonly string[];
  /** What comes ahead of it, so that both together have the sum of their tokens. @default {nothing} */
  readonly after?: Written | undefined;
  /** Draws the words. */
  readonly chance: Random;
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined;
}

/** Writes texts of a given length. */
export interface Writer {
  /** Who counts the tokens. */
  readonly counter: "tokenizer" | "characters";
  /**
   * A text of exactly so many tokens, as the counter has it; what it comes after stands at its head.
   *
   * @throws {Error} If the tokenizer has no such text, or the signal gave it up.
   */
  write(writing: Writing): Promise<string>;
}
