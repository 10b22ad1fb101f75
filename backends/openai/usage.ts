import type { Usage } from "../../plugins/mod.ts";
import { fieldOf, isObject, type JsonObject } from "../../lib/json.ts";

/**
 * Returns the token counts of one `usage` object, under the names of any endpoint and of servers with names of their
 * own: OpenAI, vLLM, SGLang, DeepSeek, Mistral. Returns `undefined` if it has no known count.
 */
export function usageOf(usage: unknown): Usage | undefined {
  const counts = countsIn([usage]);
  return counts && toUsage(counts);
}

/** Token counts of one or more `usage` objects. */
type Counts =
  & { -readonly [Field in keyof Omit<Usage, "countedBy">]?: number }
  & {
    /** Input and output together. */
    totalTokens?: number;
  };

/**
 * Merges counts field by field and keeps the highest. Counts only grow while a server generates, so that a later 0 or an
 * object with fewer fields changes nothing, and the order does not matter.
 */
function raise(counts: Counts, by: Counts): void {
  const fields = Object.keys(by) as (keyof Counts)[];
  for (const field of fields) put(counts, field, by[field]);
}

/** Merges the `usage` objects of one event, also those in its answers; returns `undefined` without one. */
function countsIn(
  usages: readonly unknown[],
  choices: readonly MeteredChoice[] = [],
): Counts | undefined {
  let counts: Counts | undefined;
  for (const usage of usages) if (isObject(usage)) read(counts ??= {}, usage);
  for (const { usage } of choices) {
    if (isObject(usage)) read(counts ??= {}, usage);
  }
  const outputTokens = counts && generatedIn(counts);
  if (outputTokens !== undefined) counts!.outputTokens = outputTokens;
  return counts;
}

/**
 * Returns the tokens generated, including reasoning. Some servers omit the completion, or report 0, and include it in the
 * total. Some count reasoning separately: then there is more reasoning than output, or the total shows it.
 */
function generatedIn(counts: Counts): number | undefined {
  const { inputTokens, outputTokens, reasoningTokens = 0, totalTokens } =
    counts;
  if (!outputTokens) return withoutInput(counts) ?? outputTokens;
  const sum = outputTokens + reasoningTokens;
  const isSeparate = reasoningTokens > outputTokens ||
    (inputTokens !== undefined && totalTokens === inputTokens + sum);
  return isSeparate ? sum : outputTokens;
}

function withoutInput(
  { inputTokens, totalTokens = 0 }: Counts,
): number | undefined {
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
  readInput(counts, usage.prompt_tokens_details);
  readInput(counts, usage.input_tokens_details);
  readInput(counts, usage.input_token_details);
  put(counts, "reasoningTokens", reasoningIn(usage.completion_tokens_details));
  put(counts, "reasoningTokens", reasoningIn(usage.output_tokens_details));
}

function readInput(counts: Counts, details: unknown): void {
  put(counts, "cachedTokens", fieldOf(details, "cached_tokens"));
  put(counts, "audioTokens", fieldOf(details, "audio_tokens"));
}

function reasoningIn(details: unknown): unknown {
  return fieldOf(details, "reasoning_tokens");
}

function put(counts: Counts, field: keyof Counts, value: unknown): void {
  if (typeof value !== "number" || !(value >= (counts[field] ?? 0))) return;
  const isKnown = field === "audioSeconds" ? Number.isFinite : Number.isInteger;
  if (isKnown(value)) counts[field] = value;
}

/** Converts counts to usage; returns `undefined` without any. */
function toUsage(counts: Counts): Usage | undefined {
  const { totalTokens: _, ...known } = counts;
  // One event may contain the prompt's count and another the total.
  const outputTokens = counts.outputTokens || withoutInput(counts);
  const usage = outputTokens ? { ...known, outputTokens } : known;
  return Object.keys(usage).length > 0 ? usage : undefined;
}

/** One answer in an event. */
export interface MeteredChoice {
  readonly index: number;
  /** Counts of this answer alone. */
  readonly usage?: unknown;
  /** Whether the event contains output of this answer that is not empty. */
  readonly hasOutput: boolean;
}

/** Follows the token counts in the events of a stream. Methods, as a getter would slow down each request. */
export interface UsageMeter {
  /** Returns the counts so far; `undefined` without any. */
  usage(): Usage | undefined;
  /**
   * Adds an event of a stream or a whole answer: the objects in it that may contain counts of one answer or of all, and
   * the answers in it, if any. Returns its number of tokens if every event of the answer so far has a count; never for
   * several answers, whose counts cannot be assigned to one.
   */
  event(
    usage: readonly unknown[],
    choices: readonly MeteredChoice[],
  ): number | undefined;
}

/** Creates a meter for a number of answers. */
export function usageMeter(answers: number): UsageMeter {
  return answers > 1 ? meterOfSeveral(answers) : meterOfOne();
}

function meterOfOne(): UsageMeter {
  const all: Counts = {};
  let isContinuous = true;
  let before = 0;
  return {
    usage: () => toUsage(all),
    event(usage, choices) {
      const now = countsIn(usage, choices);
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

/**
 * Creates a meter for several answers. Servers report one usage for all (OpenAI; vLLM and SGLang at the end), or one for
 * each: beside the answer (vLLM and SGLang in each event, Moonshot in the last), or in a separate event after each
 * (llama.cpp). Those of each are added up; the prompt is counted once.
 */
function meterOfSeveral(answers: number): UsageMeter {
  const all: Counts = {};
  /** Counts from events with one answer in them. */
  const beside = new Map<number, Counts>();
  /** Number of events with output of each answer. */
  const deltas = new Map<number, number>();
  /** Counts from events without answers. If there are more than answers, they are not one for each. */
  const separate: Counts[] = [];
  const besideScope = new ScopeJudge();
  const separateScope = new ScopeJudge();
  let allDeltas = 0;
  let hasOwn = false;
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
      besideScope.see(output, allDeltas);
      takeBeside(choice.index, counts);
    } else {
      separateScope.see(output, allDeltas);
      if (separate.length <= answers) separate.push(counts);
    }
  }

  function takeBeside(index: number, counts: Counts): void {
    const own = beside.get(index) ?? {};
    beside.set(index, own);
    raise(own, counts);
  }

  /** Reports whether each answer has a count of as many tokens as deltas, or of one more, which ended it. */
  function fitsEach(): boolean {
    return beside.size === answers &&
      [...beside].every(([index, { outputTokens = 0 }]) => {
        const more = outputTokens - (deltas.get(index) ?? 0);
        return more === 0 || more === 1;
      });
  }

  /** Returns the counts to add up; empty if the counts are those of all answers. */
  function countsOfEach(): readonly Counts[] {
    const isSeparate = separate.length === answers &&
      (isBetween || separateScope.isOne);
    if (isSeparate) return separate;
    if (separate.length > 0 && !separateScope.isOne) return [];
    return hasOwn || besideScope.isOne || fitsEach()
      ? [...beside.values()]
      : [];
  }

  return {
    usage: () => toUsage(withSum(all, countsOfEach())),
    event(usage, choices) {
      // Counts that answers follow are not those of all.
      isBetween ||= separate.length > 0 && choices.length > 0;
      for (const { index, hasOutput } of choices) {
        if (!hasOutput) continue;
        deltas.set(index, (deltas.get(index) ?? 0) + 1);
        allDeltas++;
      }
      take(choices, countsIn(usage));
      for (const { index, usage: own } of choices) {
        const counts = countsIn([own]);
        if (!counts) continue;
        hasOwn = true;
        raise(all, counts);
        takeBeside(index, counts);
      }
      return undefined;
    },
  };
}

/**
 * Decides whether counts are of one answer or of all: of one if a count is lower than the number of deltas so far, or
 * grows by less than the deltas since the last count.
 */
class ScopeJudge {
  isOne = false;
  #output = 0;
  #deltas = 0;

  see(output: number, deltas: number): void {
    this.isOne ||= output < deltas || output < this.#output ||
      output - this.#output < deltas - this.#deltas;
    this.#output = output;
    this.#deltas = deltas;
  }
}

/** Returns counts with the output of all parts added up, if there are parts. */
function withSum(all: Counts, parts: readonly Counts[]): Counts {
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
