import type { Usage } from "../../plugins/mod.ts";
import { isObject, type JsonObject } from "./json.ts";

/**
 * The counts in one `usage` object, under the names of any endpoint and of the servers that have their own: OpenAI,
 * vLLM, sglang, DeepSeek, Mistral. `undefined` where nothing in it is known.
 */
export function usageOf(usage: unknown): Usage | undefined {
  const counts = countsIn([usage]);
  return counts && summary(counts);
}

/** Counts of one or more `usage` objects. */
type Counts =
  & { -readonly [Field in keyof Omit<Usage, "countedBy">]?: number }
  & {
    /** Input and output together. */
    totalTokens?: number;
  };

const FIELDS = [
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "cachedTokens",
  "audioTokens",
  "reasoningTokens",
  "audioSeconds",
] as const;

/**
 * Merges counts field by field. The highest stays: counts only grow while a server generates, so a 0 or a poorer object
 * that comes later says nothing, and the order does not matter.
 */
function raise(counts: Counts, by: Counts): void {
  for (const field of FIELDS) put(counts, field, by[field]);
}

/** All that the `usage` objects of one event say; `undefined` where there is none. */
function countsIn(usages: readonly unknown[]): Counts | undefined {
  let counts: Counts | undefined;
  for (const usage of usages) if (isObject(usage)) read(counts ??= {}, usage);
  const outputTokens = counts && generatedIn(counts);
  if (outputTokens !== undefined) counts!.outputTokens = outputTokens;
  return counts;
}

/**
 * Tokens generated, reasoning among them. Some servers leave the completion out, or at 0, where the total has it;
 * some count the reasoning beside it: then there is more reasoning than output, or the total says so.
 */
function generatedIn(counts: Counts): number | undefined {
  const { inputTokens, outputTokens, reasoningTokens = 0, totalTokens } =
    counts;
  if (!outputTokens) return restOf(counts) ?? outputTokens;
  const sum = outputTokens + reasoningTokens;
  const isBeside = reasoningTokens > outputTokens ||
    (inputTokens !== undefined && totalTokens === inputTokens + sum);
  return isBeside ? sum : outputTokens;
}

function restOf({ inputTokens, totalTokens = 0 }: Counts): number | undefined {
  if (!inputTokens) return undefined;
  return totalTokens > inputTokens ? totalTokens - inputTokens : undefined;
}

function read(counts: Counts, usage: JsonObject): void {
  put(counts, "inputTokens", usage.prompt_tokens);
  put(counts, "inputTokens", usage.input_tokens);
  put(counts, "outputTokens", usage.completion_tokens);
  put(counts, "outputTokens", usage.output_tokens);
  put(counts, "totalTokens", usage.total_tokens);
  put(counts, "cachedTokens", usage.prompt_cache_hit_tokens);
  put(counts, "reasoningTokens", usage.reasoning_tokens);
  put(counts, "audioSeconds", usage.prompt_audio_seconds);
  put(counts, "audioSeconds", usage.seconds);
  for (const name of INPUT_DETAILS) {
    const details = usage[name];
    if (!isObject(details)) continue;
    put(counts, "cachedTokens", details.cached_tokens);
    put(counts, "audioTokens", details.audio_tokens);
  }
  for (const name of OUTPUT_DETAILS) {
    const details = usage[name];
    if (!isObject(details)) continue;
    put(counts, "reasoningTokens", details.reasoning_tokens);
  }
}

const INPUT_DETAILS = [
  "prompt_tokens_details",
  "input_tokens_details",
  "input_token_details",
] as const;
const OUTPUT_DETAILS = [
  "completion_tokens_details",
  "output_tokens_details",
] as const;

function put(counts: Counts, field: keyof Counts, value: unknown): void {
  if (typeof value !== "number" || !(value >= (counts[field] ?? 0))) return;
  const isKnown = field === "audioSeconds" ? Number.isFinite : Number.isInteger;
  if (isKnown(value)) counts[field] = value;
}

/** What the counts come to; `undefined` where nothing is known. */
function summary(counts: Counts): Usage | undefined {
  const { totalTokens: _, ...known } = counts;
  // The prompt may have come in one event, and the total in another.
  const outputTokens = counts.outputTokens || restOf(counts);
  const usage = outputTokens ? { ...known, outputTokens } : known;
  return Object.keys(usage).length > 0 ? usage : undefined;
}

/** One event of a stream, or a whole answer, as far as a meter needs it. */
export interface MeteredEvent {
  /** Whatever may hold counts, of one answer or of all. */
  readonly usage: readonly unknown[];
  /** The answers that the event has something of; none where it has counts alone. */
  readonly choices: readonly MeteredChoice[];
}

/** One answer in an event. */
export interface MeteredChoice {
  /** Which of several. */
  readonly index: number;
  /** Counts that the event has for this answer alone. */
  readonly usage?: unknown;
  /** Whether the event brings output of it that is not empty. */
  readonly hasOutput: boolean;
}

/** Follows the usage through the events of a stream. */
export interface UsageMeter {
  /** What it comes to so far; `undefined` where nothing is known. */
  readonly usage: Usage | undefined;
  /**
   * Takes one event. Returns how many tokens it brought, where each event with an answer in it so far told how many
   * there were; never of several answers, as nobody knows whose they are.
   */
  event(event: MeteredEvent): number | undefined;
}

/** Makes a meter for a number of answers. */
export function usageMeter(
  { answers }: { readonly answers: number },
): UsageMeter {
  return answers > 1 ? meterOfSeveral(answers) : meterOfOne();
}

function meterOfOne(): UsageMeter {
  const all: Counts = {};
  let isContinuous = true;
  let before = 0;
  return {
    get usage() {
      return summary(all);
    },
    event({ usage, choices }) {
      const now = countsIn(withOwn(usage, choices));
      if (now) raise(all, now);
      if (choices.length === 0) return undefined;
      const total = now?.outputTokens;
      if (!isContinuous || total === undefined || total < before) {
        isContinuous = false;
        return undefined;
      }
      const tokens = total - before;
      before = total;
      return tokens;
    },
  };
}

/** Of one answer, all is its own. */
function withOwn(
  usage: readonly unknown[],
  choices: readonly MeteredChoice[],
): readonly unknown[] {
  const isOwn = choices.some((choice) => choice.usage);
  return isOwn ? [...usage, ...choices.map(({ usage }) => usage)] : usage;
}

/**
 * Several answers have one usage for all (OpenAI; vLLM and sglang at the end), or one for each: beside the answer (vLLM
 * and sglang with each event, Moonshot with the last), or in an event of its own behind each (llama.cpp). Those of each
 * are added up; the prompt is read once.
 */
function meterOfSeveral(answers: number): UsageMeter {
  const all: Counts = {};
  /** From events with one answer in them. */
  const beside = new Map<number, Counts>();
  /** Pieces of each answer. */
  const pieces = new Map<number, number>();
  /** From events with none; more than there are answers cannot be one for each. */
  const apart: Counts[] = [];
  const besideIs = scopeJudge();
  const apartIs = scopeJudge();
  let allPieces = 0;
  let isOwn = false;
  let isBetween = false;

  function take(
    choices: readonly MeteredChoice[],
    counts: Counts | undefined,
  ): void {
    if (!counts) return;
    raise(all, counts);
    const { outputTokens: output } = counts;
    if (!output || choices.length > 1) return;
    const [choice] = choices;
    if (choice) {
      besideIs.see(output, allPieces);
      takeBeside(choice.index, counts);
    } else {
      apartIs.see(output, allPieces);
      if (apart.length <= answers) apart.push(counts);
    }
  }

  function takeBeside(index: number, counts: Counts): void {
    const own = beside.get(index) ?? {};
    beside.set(index, own);
    raise(own, counts);
  }

  /** Whether each answer has a count of as many tokens as it has pieces, or of one more, which ended it. */
  function fitsEach(): boolean {
    return beside.size === answers &&
      [...beside].every(([index, { outputTokens = 0 }]) => {
        const more = outputTokens - (pieces.get(index) ?? 0);
        return more === 0 || more === 1;
      });
  }

  /** The counts to be added up, where those that came are of one answer each. */
  function ofEach(): readonly Counts[] {
    const isApart = apart.length === answers && (isBetween || apartIs.ofOne);
    if (isApart) return apart;
    if (apart.length > 0 && !apartIs.ofOne) return [];
    return isOwn || besideIs.ofOne || fitsEach() ? [...beside.values()] : [];
  }

  return {
    get usage() {
      return summary(added(all, ofEach()));
    },
    event({ usage, choices }) {
      // Counts with answers behind them are not those of all.
      isBetween ||= apart.length > 0 && choices.length > 0;
      for (const { index, hasOutput } of choices) {
        if (!hasOutput) continue;
        pieces.set(index, (pieces.get(index) ?? 0) + 1);
        allPieces++;
      }
      take(choices, countsIn(usage));
      for (const { index, usage: own } of choices) {
        const counts = countsIn([own]);
        if (!counts) continue;
        isOwn = true;
        raise(all, counts);
        takeBeside(index, counts);
      }
      return undefined;
    },
  };
}

/**
 * Finds out whether counts are of all answers so far or of one: it is of one if it is lower than the pieces of all
 * that came, or grows by less than the pieces that came since the last.
 */
function scopeJudge() {
  let last = { output: 0, pieces: 0 };
  let ofOne = false;
  return {
    get ofOne() {
      return ofOne;
    },
    see(output: number, pieces: number): void {
      ofOne ||= output < pieces || output < last.output ||
        output - last.output < pieces - last.pieces;
      last = { output, pieces };
    },
  };
}

/** Counts whose output is that of parts added up, where there are any. */
function added(all: Counts, parts: readonly Counts[]): Counts {
  if (parts.length === 0) return all;
  let outputTokens = 0, reasoningTokens = 0;
  for (const part of parts) {
    outputTokens += part.outputTokens ?? 0;
    reasoningTokens += part.reasoningTokens ?? 0;
  }
  const { totalTokens: _, ...sum } = all;
  raise(sum, { outputTokens, ...(reasoningTokens > 0 && { reasoningTokens }) });
  return sum;
}
