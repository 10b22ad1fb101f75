import type { Distribution } from "./distribution.ts";

/** A group of prefixes that sessions share. */
export interface SharedPrefixes {
  /** How many tokens each prefix has. */
  tokens: number;
  /** How many different ones there are. @default {1} */
  count?: number;
  /** How often sessions draw from this group, in proportion to the weights of the others. @default {1} */
  weight?: number;
}

/** Options of {@linkcode synthetic}. */
export interface SyntheticOptions {
  /** How many sessions a pass has. @default {no end} */
  count?: number;
  /**
   * Whether every pass has the same sessions, for prompts that a server has met before.
   *
   * @default {false}
   */
  samePasses?: boolean;
  /** Tokens of each prompt. @default {128, and no prompt where there is audio} */
  inputTokens?: Distribution;
  /** Tokens that each answer may have. @default {the server's} */
  outputTokens?: Distribution;
  /** How many turns a session has. @default {1} */
  turns?: Distribution;
  /** Tokens of the prompt of each first turn. @default {`inputTokens`} */
  firstInputTokens?: Distribution;
  /** Tokens that each first answer may have. @default {`outputTokens`} */
  firstOutputTokens?: Distribution;
  /** Pause before each turn but the first, in milliseconds. @default {none} */
  thinkMs?: Distribution;
  /** Tokens of a prefix that sessions share. Short for one group of `prefixes`. */
  prefixTokens?: number;
  /** How many such prefixes there are. @default {1} */
  prefixCount?: number;
  /** Groups of prefixes that sessions share, each as an object or as `"TOKENS[:COUNT[:WEIGHT]]"`. */
  prefixes?: (SharedPrefixes | string)[];
  /**
   * Where a prefix stands: in the column `system`, or at the head of the first prompt.
   *
   * @default {"system"}
   */
  prefixIn?: "system" | "text";
  /** A `tokenizer.json`, or the folder that holds one: lengths are exact by it. @default {4 characters a token} */
  tokenizer?: string;
  /** How many texts each turn has in `texts`, for embeddings. @default {one `text`} */
  batch?: number;
  /** Length of noise in the shape of speech, in seconds. @default {no audio} */
  audioSeconds?: Distribution;
  /** How many pictures each turn has. @default {0} */
  images?: number;
  /** Width of each picture. @default {512} */
  imageWidth?: number;
  /** Height of each picture. @default {512} */
  imageHeight?: number;
  /**
   * What is in the pictures: a gradient makes a small file, noise one of 3 bytes a pixel.
   *
   * @default {"gradient"}
   */
  imageContent?: "gradient" | "noise";
}
