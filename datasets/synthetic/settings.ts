import type { z } from "zod";
import { type Drawer, type Range, readDistribution } from "./distribution.ts";
import type { PrefixBucket } from "./prefixes.ts";
import {
  MAX_TOKENS,
  type SyntheticSettings,
  syntheticShape,
} from "./schema.ts";

const TOKENS: Range = { least: 1, most: MAX_TOKENS, whole: true };

/** What is drawn, and from which numbers. */
const RANGES = {
  inputTokens: TOKENS,
  outputTokens: TOKENS,
  turns: { least: 1, most: 10_000, whole: true },
  firstInputTokens: TOKENS,
  firstOutputTokens: TOKENS,
  thinkMs: { least: 0, most: 86_400_000, whole: false },
  // A millisecond at least, and what fits into a WAV file that fits into memory.
  audioSeconds: { least: 0.001, most: 14_400, whole: false },
} satisfies Record<string, Range>;

/** What each option draws; nothing where it was not given. */
export type Drawers = { readonly [Option in Drawn]?: Drawer };

/** The options that are drawn. */
export type Drawn = keyof typeof RANGES;

/** The drawers of options that were validated. */
export function drawersOf(settings: SyntheticSettings): Drawers {
  const drawers: { [Option in Drawn]?: Drawer } = {};
  for (const [option, value] of givenIn(settings)) {
    const result = readDistribution(value, RANGES[option]);
    if ("draw" in result) drawers[option] = result.draw;
  }
  return drawers;
}

/** The groups of prefixes that the options ask for; none where they ask for no prefix. */
export function bucketsOf(
  { prefixTokens, prefixCount = 1, prefixes = [] }: Pick<
    SyntheticSettings,
    "prefixTokens" | "prefixCount" | "prefixes"
  >,
): PrefixBucket[] {
  if (prefixTokens !== undefined) {
    return [{ tokens: prefixTokens, count: prefixCount, weight: 1 }];
  }
  return prefixes.map((prefix) => {
    if (typeof prefix !== "string") return prefix;
    const [tokens, count = 1, weight = 1] = prefix.split(":").map(Number);
    return { tokens: tokens!, count, weight };
  });
}

function givenIn(settings: SyntheticSettings) {
  return (Object.keys(RANGES) as Drawn[]).flatMap((option) => {
    const value = settings[option];
    return value === undefined ? [] : [[option, value] as const];
  });
}

/** What an option makes no sense without. */
const NEEDS: readonly (readonly [
  options: readonly (keyof SyntheticSettings)[],
  needed: readonly (keyof SyntheticSettings)[],
])[] = [
  [["samePasses"], ["count"]],
  [["firstInputTokens", "firstOutputTokens", "thinkMs"], ["turns"]],
  [["prefixCount"], ["prefixTokens"]],
  [["prefixIn"], ["prefixTokens", "prefixes"]],
  [["imageWidth", "imageHeight", "imageContent"], ["images"]],
];

/** What an option cannot be together with. */
const EXCLUDES: readonly (readonly [
  option: keyof SyntheticSettings,
  others: readonly (keyof SyntheticSettings)[],
])[] = [
  ["prefixTokens", ["prefixes"]],
  ["batch", ["audioSeconds", "images", "prefixTokens", "prefixes"]],
];

type Refuse = (path: readonly (string | number)[], message: string) => void;

function refine(settings: SyntheticSettings, context: z.RefinementCtx): void {
  const refuse: Refuse = (path, message) =>
    context.addIssue({ code: "custom", path: [...path], message });
  refineDistributions(settings, refuse);
  refineCompany(settings, refuse);
  refinePrefixes(settings, refuse);
}

function refineDistributions(
  settings: SyntheticSettings,
  refuse: Refuse,
): void {
  for (const [option, value] of givenIn(settings)) {
    const result = readDistribution(value, RANGES[option]);
    if ("draw" in result) continue;
    for (const { key, message } of result.flaws) {
      refuse(key === undefined ? [option] : [option, key], message);
    }
  }
}

function refineCompany(settings: SyntheticSettings, refuse: Refuse): void {
  const isGiven = (option: keyof SyntheticSettings) =>
    Boolean(settings[option]);
  for (const [options, needed] of NEEDS) {
    if (needed.some(isGiven)) continue;
    for (const option of options.filter(isGiven)) {
      refuse([option], `must come with ${needed.join(" or ")}`);
    }
  }
  for (const [option, others] of EXCLUDES) {
    const other = isGiven(option) && others.find(isGiven);
    if (other) refuse([option], `must stand without ${other}`);
  }
  if (settings.prefixIn === "text" && !hasPrompts(settings)) {
    refuse(["prefixIn"], "must be system where there are no prompts");
  }
}

function refinePrefixes({ prefixes }: SyntheticSettings, refuse: Refuse): void {
  if (prefixes === undefined) return;
  const buckets = bucketsOf({ prefixes });
  buckets.forEach(({ tokens, count }, i) => {
    if (tokens < 1 || tokens > MAX_TOKENS) {
      const rule = `must have from 1 to ${MAX_TOKENS} tokens`;
      refuse(["prefixes", i], `${rule}: current value has ${tokens}`);
    }
    if (count < 1) {
      const rule = "must have a count of 1 or more";
      refuse(["prefixes", i], `${rule}: current value is ${count}`);
    }
  });
  if (!buckets.some(({ weight }) => weight > 0)) {
    refuse(["prefixes"], "must have a weight above 0: all of them are 0");
  }
}

/** Whether sessions have prompts: without audio they always do. */
export function hasPrompts(
  { audioSeconds, inputTokens, firstInputTokens }: SyntheticSettings,
): boolean {
  return audioSeconds === undefined || inputTokens !== undefined ||
    firstInputTokens !== undefined;
}

/** The schema of {@linkcode SyntheticOptions}. */
export const syntheticSchema = syntheticShape.superRefine(refine);
