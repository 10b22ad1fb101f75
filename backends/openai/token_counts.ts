import {
  isToken,
  messageOf,
  type Sample,
  type TokenCounter,
  type Usage,
  UsageError,
} from "../../plugins/mod.ts";
import {
  estimateTokens,
  openTokenizer,
  type Tokenizer,
} from "../../tokens/mod.ts";
import type { WarnOnce } from "../../lib/warn_once.ts";
import type { OpenAiSettings } from "./options.ts";
import type { SentText } from "./protocol.ts";
import {
  openTokenize,
  type Tokenize,
  type TokenizeOptions,
} from "./tokenize.ts";

/** Counts tokens of finished requests where the server's counts are missing or cannot be right. */
export interface TokenCounts extends Disposable {
  /**
   * Returns the counts that a sample lacks or that replace wrong ones, each with its source. `sent` is called only if
   * the number of input tokens is unknown.
   */
  count(
    sample: Sample,
    sent: () => SentText | undefined,
    signal: AbortSignal,
  ): Promise<Usage>;
}

/** Options of {@linkcode openTokenCounts}. */
export interface TokenCountsOptions extends Omit<TokenizeOptions, "warn"> {
  /** Whether to request `/tokenize`. */
  readonly tokenize: boolean;
  /** Local tokenizer, if any. */
  readonly tokenizer: Tokenizer | undefined;
  readonly warn: WarnOnce;
}

/** Number of tokens and its source. */
interface Count {
  readonly by: TokenCounter;
  readonly tokens: number;
}

/** Counts the tokens of a text; resolves with `undefined` if it cannot. */
type Counter = (
  text: SentText,
  signal: AbortSignal,
) => Promise<Count | undefined>;

/**
 * Opens the tokenizer of the `tokenizer` option.
 *
 * @throws {UsageError} If its file cannot be used.
 */
export async function openTokenizerOption(
  { tokenizer }: Pick<OpenAiSettings, "tokenizer">,
): Promise<Tokenizer | undefined> {
  if (tokenizer === undefined) return undefined;
  return await openTokenizer(tokenizer).catch((cause) => {
    throw new UsageError(`tokenizer: ${messageOf(cause)}`, { cause });
  });
}

/** Creates token counts from these sources, in order: the server's `/tokenize`, the tokenizer, an estimate. */
export function openTokenCounts(
  { tokenizer, tokenize, warn, ...server }: TokenCountsOptions,
): TokenCounts {
  const source = tokenizer ? "counted by the tokenizer" : "estimated";
  const remote = tokenize
    ? openTokenize({
      ...server,
      warn: (answer) =>
        warn(
          "tokenize",
          `Tokens that the server does not count are ${source}: POST ${server.url.pathname} ${answer} (tokenize=false skips it)`,
        ),
    })
    : undefined;
  const counters: readonly Counter[] = [
    ...(remote ? [byTokenize(remote)] : []),
    ...(tokenizer ? [byTokenizer(tokenizer)] : []),
  ];

  async function countText(
    text: SentText | undefined,
    signal: AbortSignal,
    estimate: (text: SentText) => Count,
  ): Promise<Count | undefined> {
    if (!text) return undefined;
    for (const counter of counters) {
      const counted = await counter(text, signal);
      if (counted) return counted;
    }
    return estimate(text);
  }

  async function countInput(
    known: number | undefined,
    text: SentText | undefined,
    signal: AbortSignal,
  ): Promise<Count | undefined> {
    if (known === 0 && text && [text.text].flat().join("") === "") {
      return { by: "server", tokens: 0 };
    }
    const counted = await countText(text, signal, byCharacters);
    if (known === 0) {
      warn("input", `server counted 0 input tokens; ${replacedBy(counted)}`);
    }
    return counted;
  }

  /** Returns `undefined` if the server's count is kept, also if another source counts no more tokens. */
  async function countOutput(
    sample: Sample,
    signal: AbortSignal,
  ): Promise<Count | undefined> {
    const { outputTokens: known } = sample.output.usage ?? {};
    if (known !== undefined && known >= fewestTokens(sample)) return undefined;
    const counted = await countText(
      outputText(sample),
      signal,
      (text) => byDeltas(sample, text) ?? byCharacters(text),
    );
    if (known === undefined) return counted;
    if (known > 0 && counted && counted.tokens <= known) return undefined;
    warn(
      "output",
      `server counted ${plural(known, "token")} for ${
        describeOutput(sample)
      }; ${replacedBy(counted)}`,
    );
    return counted;
  }

  return {
    async count(sample, sent, signal) {
      const { inputTokens } = sample.output.usage ?? {};
      const [input, output] = await Promise.all([
        inputTokens ? undefined : countInput(inputTokens, sent(), signal),
        countOutput(sample, signal),
      ]);
      return usageFrom(input, output);
    },
    [Symbol.dispose]: () => remote?.[Symbol.dispose](),
  };
}

/** Counts by `/tokenize`. A count of 0 for a text with words is not used: vLLM returns it for Whisper models. */
function byTokenize({ count }: Tokenize): Counter {
  return async ({ text, tokenize }, signal) => {
    const tokens = tokenize && await count(tokenize, signal);
    if (tokens === undefined) return undefined;
    const hasWords = [text].flat().some((one) => one.trim() !== "");
    return tokens === 0 && hasWords ? undefined : { by: "tokenize", tokens };
  };
}

/** Counts by the tokenizer, without the tokens that a chat template adds. */
function byTokenizer({ countLong }: Tokenizer): Counter {
  return async ({ text }) => {
    let tokens = 0;
    for (const one of [text].flat()) tokens += await countLong(one);
    return { by: "tokenizer", tokens };
  };
}

function byCharacters({ text }: SentText): Count {
  const tokens = [text].flat().reduce(
    (sum, one) => sum + estimateTokens(one),
    0,
  );
  return { by: "characters", tokens };
}

/** Counts deltas with text, unless they are longer or shorter than tokens. */
function byDeltas(sample: Sample, { text }: SentText): Count | undefined {
  if (!isAppended(sample)) return undefined;
  const tokens = sample.deltas.filter(({ text = "" }) => text !== "").length;
  if (!mayBeTokens(tokens, String(text))) return undefined;
  return { by: "deltas", tokens };
}

function replacedBy(counted: Count | undefined): string {
  return counted ? `counted by ${counted.by} instead` : "the count is left out";
}

function describeOutput(sample: Sample): string {
  const deltas = sample.deltas.filter(isToken).length;
  if (deltas > 0) return plural(deltas, "delta");
  const { length } = String(outputText(sample)?.text ?? "");
  return `an answer of ${plural(length, "character")}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function usageFrom(input: Count | undefined, output: Count | undefined): Usage {
  const countedBy = {
    ...(input && input.by !== "server" && { input: input.by }),
    ...(output && output.by !== "server" && { output: output.by }),
  };
  return {
    ...(input && { inputTokens: input.tokens }),
    ...(output && { outputTokens: output.tokens }),
    ...(Object.keys(countedBy).length > 0 && { countedBy }),
  };
}

type Answered = Pick<Sample, "deltas" | "output">;

/** Returns the text that the model generated, or `undefined` if it generated more than text or nothing is known of it. */
export function outputText(sample: Answered): SentText | undefined {
  const { deltas, output: { embeddings } } = sample;
  if (embeddings || deltas.some(({ kind }) => kind === "audio")) {
    return undefined;
  }
  const text = isAppended(sample) ? joinDeltas(deltas) : wholeText(sample);
  if (text === undefined) return undefined;
  return { text, tokenize: { prompt: text, add_special_tokens: false } };
}

/**
 * Factor by which an estimate by characters may be off. Tokens have 2 to 7 characters on average, also those of random
 * text; the estimate assumes 4.
 */
const TOLERANCE = 3;

/** Reports whether a number of deltas can be the number of tokens in a text: they are neither sentences nor letters. */
export function mayBeTokens(deltas: number, text: string): boolean {
  const estimate = estimateOf(text);
  return estimate <= deltas * TOLERANCE && estimate * TOLERANCE >= deltas;
}

/**
 * Returns the fewest tokens that the model can have generated: one for each delta with text, or as many as the
 * characters need if deltas are shorter than tokens. Some deltas are not tokens: one token may end the reasoning and
 * begin the answer, and a tool call may have several deltas of one token.
 */
export function fewestTokens(sample: Answered): number {
  const { deltas } = sample;
  const text = String(outputText(sample)?.text ?? "");
  const pieces = isAppended(sample) ? countTextDeltas(deltas) : 0;
  const atLeast = estimateOf(text) / TOLERANCE;
  const fewest = mayBeTokens(pieces, text) ? pieces : Math.min(pieces, atLeast);
  const hasAudio = deltas.some(({ bytes = 0 }) => bytes > 0);
  return Math.max(Math.floor(fewest), text !== "" || hasAudio ? 1 : 0);
}

/** Estimates tokens. A run of white space is one token or few, whatever its length. */
function estimateOf(text: string): number {
  return estimateTokens(text.replace(/\s+/g, " "));
}

/** Counts deltas with text, without tool calls and without the delta at which an answer changes its kind. */
function countTextDeltas(deltas: Sample["deltas"]): number {
  const kinds = new Map<number, string>();
  let count = 0;
  for (const { kind, text = "", choice = 0 } of deltas) {
    if (text === "" || kind === "tool") continue;
    if ((kinds.get(choice) ?? kind) === kind) count++;
    kinds.set(choice, kind);
  }
  return count;
}

/** Reports whether an answer arrived as deltas that only append. */
function isAppended({ deltas }: Answered): boolean {
  return deltas.length > 0 && deltas.every(({ mode }) => mode !== "replace");
}

/** Joins the deltas of each answer, one answer after another. */
function joinDeltas(deltas: Sample["deltas"]): string {
  return deltas.toSorted(({ choice: a = 0 }, { choice: b = 0 }) => a - b)
    .map(({ text = "" }) => text).join("");
}

function wholeText({ output }: Answered): string | undefined {
  const { text, choices = [{ text }], reasoning, refusal } = output;
  const parts = [
    reasoning,
    ...choices.map(({ text }) => text),
    refusal,
    ...(output.toolCalls ?? []).flatMap((call) => [call.name, call.arguments]),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("");
}
