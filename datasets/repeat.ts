import { z } from "zod";
import { type DatasetPlugin, defineDataset } from "../plugins/mod.ts";

/** Options of {@linkcode repeat}. */
export interface RepeatOptions {
  /** The prompt of every session. */
  text: string;
  /** Maximum number of tokens of each answer. @default {the server's} */
  maxOutputTokens?: number;
}

/**
 * One prompt, repeated without end in sessions of one turn: for tests, dry runs and cached prompts.
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
  summary: "One prompt, repeated without end",
  primary: "text",
  options: z.strictObject({
    text: z.string().min(1).describe("The prompt of every session"),
    maxOutputTokens: z.int().positive().optional().describe(
      "Maximum number of tokens of each answer (default: the server's)",
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
