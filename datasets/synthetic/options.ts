import { z } from "zod";
import {
  type Distribution,
  type Drawer,
  parseDistribution,
  type Range,
  SHORT_FORMS,
} from "./distribution.ts";

/** A group of prefixes that sessions share. */
export interface SharedPrefixes {
  /** Number of tokens of each prefix. */
  tokens: number;
  /** Number of different prefixes. @default {1} */
  count?: number;
  /** How often sessions use this group, in proportion to the weights of the others. @default {1} */
  weight?: number;
}

/** A group with all of its values. */
export type PrefixGroup = Readonly<Required<SharedPrefixes>>;

/** Options of {@linkcode synthetic}. */
export interface SyntheticOptions {
  /** Number of sessions in a pass. @default {unlimited} */
  count?: number;
  /** Whether every pass has the same sessions, for prompts that the server has in its cache. @default {false} */
  samePasses?: boolean;
  /** Tokens of each prompt. @default {128; no prompt if there is audio} */
  inputTokens?: Distribution;
  /** Maximum number of tokens of each answer. @default {the server's} */
  outputTokens?: Distribution;
  /** Turns of each session. @default {1} */
  turns?: Distribution;
  /** Tokens of the prompt of each first turn. @default {`inputTokens`} */
  firstInputTokens?: Distribution;
  /** Maximum number of tokens of each first answer. @default {`outputTokens`} */
  firstOutputTokens?: Distribution;
  /** Pause before each turn except the first, in milliseconds. @default {none} */
  thinkMs?: Distribution;
  /** Tokens of a prefix that sessions share; short for one group of `prefixes`. @default {no prefix} */
  prefixTokens?: number;
  /** Number of different prefixes of `prefixTokens`. @default {1} */
  prefixCount?: number;
  /** Groups of prefixes that sessions share, each as an object or as `"TOKENS[:COUNT[:WEIGHT]]"`. */
  prefixes?: (SharedPrefixes | string)[];
  /** Where the prefix goes: into the column `system`, or to the start of the first prompt. @default {"system"} */
  prefixIn?: "system" | "text";
  /** A `tokenizer.json`, or its folder, that makes lengths exact. @default {4 characters a token} */
  tokenizer?: string;
  /** Number of texts in each turn's `texts`, for embeddings. @default {one `text`} */
  batch?: number;
  /** Length of speech-shaped noise, in seconds. @default {no audio} */
  audioSeconds?: Distribution;
  /** Number of images in each turn. @default {0} */
  images?: number;
  /** Width of each image, in pixels. @default {512} */
  imageWidth?: number;
  /** Height of each image, in pixels. @default {512} */
  imageHeight?: number;
  /** Content of the images: a gradient (small files) or noise (3 bytes a pixel). @default {"gradient"} */
  imageContent?: "gradient" | "noise";
}

/** More tokens than any model reads, so that more is a typing error. */
const MAX_TOKENS = 10_000_000;

const TOKENS: Range = { min: 1, max: MAX_TOKENS, whole: true };
const TURNS: Range = { min: 1, max: 10_000, whole: true };
const PAUSE_MS: Range = { min: 0, max: 86_400_000, whole: false };
/** From one millisecond to what fits into a WAV file in memory. */
const AUDIO_SECONDS: Range = { min: 0.001, max: 14_400, whole: false };

const key = z.number().optional();

const distributionKeys = z.strictObject(
  { mean: key, stdev: key, median: key, sigma: key, min: key, max: key },
  {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `must have no keys except mean, stdev, median, sigma, min and max, but had ${issue.keys}`
        : undefined,
  },
);

/** A distribution, which is parsed into the function that draws from it. */
const distribution = (range: Range, description: string) =>
  z.union([z.number(), distributionKeys, z.string()], { error: SHORT_FORMS })
    .transform((value, { addIssue }): Drawer => {
      const result = parseDistribution(value, range);
      if (typeof result === "function") return result;
      for (const { key, message } of result) {
        addIssue({ code: "custom", path: key ? [key] : [], message });
      }
      return z.NEVER;
    }).optional().describe(description);

const PREFIX = /^\d+(?::\d+(?::\d+(?:\.\d+)?)?)?$/;
const PREFIX_FORM =
  "must be TOKENS[:COUNT[:WEIGHT]], or an object with tokens, count and weight";

const prefixes = z.array(
  z.union([
    z.strictObject({
      tokens: z.int().positive().max(MAX_TOKENS),
      count: z.int().positive().default(1),
      weight: z.number().nonnegative().default(1),
    }),
    z.string().regex(PREFIX, PREFIX_FORM).transform((prefix) => {
      const [tokens = NaN, count = 1, weight = 1] = prefix.split(":")
        .map(Number);
      return { tokens, count, weight };
    }),
  ], { error: PREFIX_FORM }),
).min(1).superRefine((groups, { addIssue }) => {
  for (const [i, { tokens, count }] of groups.entries()) {
    const message = tokens < 1 || tokens > MAX_TOKENS
      ? `must have from 1 to ${MAX_TOKENS} tokens, but was ${tokens}`
      : count < 1
      ? `must have a count of 1 or more, but was ${count}`
      : undefined;
    if (message) addIssue({ code: "custom", path: [i], message });
  }
  if (groups.every(({ weight }) => weight === 0)) {
    const message = "must have a weight above 0, but all weights are 0";
    addIssue({ code: "custom", message });
  }
});

const imageSize = () => z.int().positive().max(4096).optional();

const shape = z.strictObject({
  count: z.int().positive().optional().describe(
    "Number of sessions in a pass (default: unlimited)",
  ),
  samePasses: z.boolean().default(false).describe(
    "Repeat the same sessions in every pass, for prompts that the server has in its cache",
  ),
  inputTokens: distribution(
    TOKENS,
    "Tokens of each prompt: 128, 64..256, normal:128:32[:MIN..MAX] or lognormal:128:0.6[:MIN..MAX]; or by keys: inputTokens.mean=128,inputTokens.stdev=32 (default: 128; no prompt if there is audio)",
  ),
  outputTokens: distribution(
    TOKENS,
    "Maximum number of tokens of each answer (default: the server's)",
  ),
  turns: distribution(TURNS, "Turns of each session (default: 1)"),
  firstInputTokens: distribution(
    TOKENS,
    "Tokens of the prompt of each first turn (default: inputTokens)",
  ),
  firstOutputTokens: distribution(
    TOKENS,
    "Maximum number of tokens of each first answer (default: outputTokens)",
  ),
  thinkMs: distribution(
    PAUSE_MS,
    "Pause before each turn except the first, in milliseconds (default: none)",
  ),
  prefixTokens: z.int().positive().max(MAX_TOKENS).optional().describe(
    "Tokens of a prefix that sessions share (default: no prefix)",
  ),
  prefixCount: z.int().positive().optional().describe(
    "Number of different prefixes (default: 1)",
  ),
  prefixes: prefixes.optional().describe(
    "Several groups of prefixes, each as TOKENS[:COUNT[:WEIGHT]]",
  ),
  prefixIn: z.enum(["system", "text"]).optional().describe(
    "Where the prefix goes: into the system message, or to the start of the first prompt (default: system)",
  ),
  tokenizer: z.string().min(1).meta({ format: "path" }).optional().describe(
    "A tokenizer.json, or its folder, that makes lengths exact (default: 4 characters a token)",
  ),
  batch: z.int().positive().optional().describe(
    "Number of texts in each turn, for embeddings (default: one prompt)",
  ),
  audioSeconds: distribution(
    AUDIO_SECONDS,
    "Length of speech-shaped noise, in seconds (default: no audio)",
  ),
  images: z.int().nonnegative().max(1000).default(0).describe(
    "Number of images in each turn",
  ),
  imageWidth: imageSize().describe(
    "Width of each image, in pixels (default: 512)",
  ),
  imageHeight: imageSize().describe(
    "Height of each image, in pixels (default: 512)",
  ),
  imageContent: z.enum(["gradient", "noise"]).optional().describe(
    "Content of the images: gradient (small files) or noise (3 bytes a pixel) (default: gradient)",
  ),
});

/** The options with their defaults, and with what draws from distributions. */
export type SyntheticSettings = z.output<typeof shape>;

/** An option that is a distribution. */
export type Drawn =
  | "inputTokens"
  | "outputTokens"
  | "turns"
  | "firstInputTokens"
  | "firstOutputTokens"
  | "thinkMs"
  | "audioSeconds";

type OptionName = keyof SyntheticSettings;
type OptionNames = readonly OptionName[];

/** Options that require one of others. */
const REQUIRES: readonly (readonly [OptionNames, needed: OptionNames])[] = [
  [["samePasses"], ["count"]],
  [["firstInputTokens", "firstOutputTokens", "thinkMs"], ["turns"]],
  [["prefixCount"], ["prefixTokens"]],
  [["prefixIn"], ["prefixTokens", "prefixes"]],
  [["imageWidth", "imageHeight", "imageContent"], ["images"]],
];

/** Options that exclude others. */
const EXCLUDES: readonly (readonly [OptionName, others: OptionNames])[] = [
  ["prefixTokens", ["prefixes"]],
  ["batch", ["audioSeconds", "images", "prefixTokens", "prefixes"]],
];

/** The schema of {@linkcode SyntheticOptions}. */
export const syntheticSchema = shape.superRefine((settings, { addIssue }) => {
  const isGiven = (option: OptionName) => Boolean(settings[option]);
  const refuse = (option: OptionName, message: string) =>
    addIssue({ code: "custom", path: [option], message });
  for (const [options, needed] of REQUIRES) {
    if (needed.some(isGiven)) continue;
    for (const option of options.filter(isGiven)) {
      refuse(option, `must be used together with ${needed.join(" or ")}`);
    }
  }
  for (const [option, others] of EXCLUDES) {
    const other = isGiven(option) && others.find(isGiven);
    if (other) refuse(option, `must not be used together with ${other}`);
  }
  if (settings.prefixIn === "text" && !hasPrompts(settings)) {
    refuse("prefixIn", "must be system if there are no prompts");
  }
});

/** Whether sessions have prompts: without audio they always have. */
export function hasPrompts(
  { audioSeconds, inputTokens, firstInputTokens }: SyntheticSettings,
): boolean {
  return audioSeconds === undefined || inputTokens !== undefined ||
    firstInputTokens !== undefined;
}

/** Returns the groups of prefixes that the options ask for. */
export function prefixGroups(
  { prefixTokens: tokens, prefixCount: count = 1, prefixes = [] }:
    SyntheticSettings,
): readonly PrefixGroup[] {
  return tokens === undefined ? prefixes : [{ tokens, count, weight: 1 }];
}
