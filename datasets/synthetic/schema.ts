import { z } from "zod";
import { SHORT_FORMS } from "./distribution.ts";

/** More tokens than any model reads: a slip of the pen. */
export const MAX_TOKENS = 10_000_000;

const distribution = (description: string) =>
  z.union([
    z.number(),
    z.strictObject({
      mean: z.number().optional(),
      stdev: z.number().optional(),
      median: z.number().optional(),
      sigma: z.number().optional(),
      min: z.number().optional(),
      max: z.number().optional(),
    }, {
      error: (issue) =>
        issue.code === "unrecognized_keys"
          ? `must have no keys but mean, stdev, median, sigma, min and max: current value has ${
            issue.keys.join(", ")
          }`
          : undefined,
    }),
    z.string(),
  ], { error: SHORT_FORMS }).optional().describe(description);

const size = () => z.int().positive().max(4096);

const PREFIX = /^\d+(?::\d+(?::\d+(?:\.\d+)?)?)?$/;
const PREFIX_FORM =
  "must be TOKENS[:COUNT[:WEIGHT]], or an object with tokens, count and weight";

/** The types of the options; what else they must be is in settings.ts. */
export const syntheticShape = z.strictObject({
  count: z.int().positive().optional().describe(
    "How many sessions a pass has (default: no end)",
  ),
  samePasses: z.boolean().default(false).describe(
    "Give every pass the same sessions, for prompts that a server has met before",
  ),
  inputTokens: distribution(
    "Tokens of each prompt: 128, 64..256, normal:128:32[:MIN..MAX] or lognormal:128:0.6[:MIN..MAX]; or key by key, as inputTokens.mean=128,inputTokens.stdev=32 (default: 128; no prompt where there is audio)",
  ),
  outputTokens: distribution(
    "Tokens that each answer may have (default: the server's)",
  ),
  turns: distribution("How many turns a session has (default: 1)"),
  firstInputTokens: distribution(
    "Tokens of the prompt of each first turn (default: inputTokens)",
  ),
  firstOutputTokens: distribution(
    "Tokens that each first answer may have (default: outputTokens)",
  ),
  thinkMs: distribution(
    "Pause before each turn but the first, in milliseconds (default: none)",
  ),
  prefixTokens: z.int().positive().max(MAX_TOKENS).optional().describe(
    "Tokens of a prefix that sessions share (default: no prefix)",
  ),
  prefixCount: z.int().positive().optional().describe(
    "How many such prefixes there are (default: 1)",
  ),
  prefixes: z.array(
    z.union([
      z.strictObject({
        tokens: z.int().positive().max(MAX_TOKENS),
        count: z.int().positive().default(1),
        weight: z.number().nonnegative().default(1),
      }),
      z.string().regex(PREFIX, PREFIX_FORM),
    ], { error: PREFIX_FORM }),
  ).min(1).optional().describe(
    "Several groups of prefixes, each as TOKENS[:COUNT[:WEIGHT]]",
  ),
  prefixIn: z.enum(["system", "text"]).optional().describe(
    "Where a prefix stands: in the system message, or at the head of the first prompt (default: system)",
  ),
  tokenizer: z.string().min(1).optional().describe(
    "A tokenizer.json, or the folder that holds one: lengths are exact by it (default: 4 characters a token)",
  ),
  batch: z.int().positive().optional().describe(
    "How many texts each turn has, for embeddings (default: one prompt)",
  ),
  audioSeconds: distribution(
    "Length of noise in the shape of speech, in seconds (default: no audio)",
  ),
  images: z.int().nonnegative().max(1000).default(0).describe(
    "How many pictures each turn has",
  ),
  imageWidth: size().optional().describe(
    "Width of each picture (default: 512)",
  ),
  imageHeight: size().optional().describe(
    "Height of each picture (default: 512)",
  ),
  imageContent: z.enum(["gradient", "noise"]).optional().describe(
    "What is in the pictures: a gradient makes a small file, noise one of 3 bytes a pixel (default: gradient)",
  ),
});

/** The options with their defaults. */
export type SyntheticSettings = z.output<typeof syntheticShape>;
