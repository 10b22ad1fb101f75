import { z } from "zod";
import { type OrderingOptions, orderingShape } from "./reading_options.ts";

/** Options of the dataset `sharegpt`. */
export interface ShareGptOptions extends OrderingOptions {
  /** The file: JSON or JSON Lines, of any size. */
  path: string;
  /**
   * `all` replays each conversation as a session with a turn for each recorded answer; `last` sends one request with
   * all that is said before the last answer.
   *
   * @default {"all"}
   */
  turns?: "all" | "last";
  /** Conversations with fewer turns are passed over. @default {1} */
  minTurns?: number;
  /** How many turns are kept of each conversation: the first ones. @default {all} */
  maxTurns?: number;
  /**
   * How many tokens are asked for: `recorded` as many as the recorded answer has, and what nobody answered is left
   * out; `free` what the backend says.
   *
   * @default {"recorded"}
   */
  outputLength?: "recorded" | "free";
  /** A `tokenizer.json`, or the folder that holds one, to count tokens with. @default {an estimate} */
  tokenizer?: string;
  /** Fewest tokens of what is said before each answer. @default {any} */
  minPromptTokens?: number;
  /** Most tokens of what is said before each answer, since the answer before. @default {any} */
  maxPromptTokens?: number;
  /** Fewest tokens of each recorded answer. @default {any} */
  minAnswerTokens?: number;
  /** Most tokens of all the turns that are kept, prompts and answers. @default {any} */
  maxTotalTokens?: number;
}

const atLeast = (least: number, description: string) =>
  z.int().min(least).optional().describe(description);

/** The schema of {@linkcode ShareGptOptions}. */
export const shareGptOptions = z.strictObject({
  path: z.string().min(1).describe("The file: JSON or JSON Lines"),
  turns: z.enum(["all", "last"]).default("all").describe(
    "all: a session with a turn for each recorded answer; last: one request with all that is said before the last",
  ),
  minTurns: z.int().positive().default(1).describe(
    "Conversations with fewer turns are passed over",
  ),
  maxTurns: atLeast(
    1,
    "How many turns are kept of each conversation (default: all)",
  ),
  outputLength: z.enum(["recorded", "free"]).default("recorded").describe(
    "How many tokens are asked for: as many as the recorded answer has, or what the backend says",
  ),
  tokenizer: z.string().min(1).optional().describe(
    "A tokenizer.json, or its folder, to count tokens with (default: an estimate)",
  ),
  minPromptTokens: atLeast(0, "Fewest tokens of each prompt (default: any)"),
  maxPromptTokens: atLeast(1, "Most tokens of each prompt (default: any)"),
  minAnswerTokens: atLeast(
    0,
    "Fewest tokens of each recorded answer (default: any)",
  ),
  maxTotalTokens: atLeast(
    1,
    "Most tokens of all turns that are kept, prompts and answers (default: any)",
  ),
  ...orderingShape,
}).superRefine((options, { addIssue }) => {
  for (const what of ["Turns", "PromptTokens"] as const) {
    const { [`min${what}` as const]: min, [`max${what}` as const]: max } =
      options;
    if (min === undefined || max === undefined || min <= max) continue;
    addIssue({
      code: "custom",
      path: [`min${what}`],
      message: `must be at most max${what}, which is ${max}`,
    });
  }
});

/** The options, with what was left out. */
export type ShareGptSettings = z.output<typeof shareGptOptions>;
