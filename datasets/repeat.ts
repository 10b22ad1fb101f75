import { z } from "zod";
import { type DatasetPlugin, defineDataset } from "../plugins/mod.ts";

/** Options of {@linkcode repeat}. */
export interface RepeatOptions {
  /** The prompt of every session. */
  text: string;
  /** Upper bound on the tokens that each answer may have. @default {the server's} */
  maxOutputTokens?: number;
}

/**
 * The same prompt for ever, as a session of one turn each: for tests, dry runs and cached prompts.
 *
 * @example Usage
 * ```ts
 * import { repeat } from "@earshot/earshot";
 *
 * const dataset = repeat({ text: "Say one word" });
 * ```
 */
export const repeat: DatasetPlugin<RepeatOptions> = defineDataset({
  name: "repeat",
  summary: "One prompt, again and again",
  primary: "text",
  options: z.strictObject({
    text: z.string().min(1).describe("The prompt of every session"),
    maxOutputTokens: z.int().positive().optional().describe(
      "Upper bound on the tokens of each answer (default: the server's)",
    ),
  }),
  open: ({ text, maxOutputTokens }) => ({
    facts: { text },
    isEndless: true,
    async *sessions({ signal }) {
      const turn = {
        columns: { text },
        ...(maxOutputTokens !== undefined && { maxOutputTokens }),
      };
      for (let i = 0; !signal.aborted; i++) {
        yield { id: String(i), turns: [turn] };
      }
    },
  }),
});
