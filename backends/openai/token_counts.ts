import {
  messageOf,
  type OpenContext,
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
import type { OpenAiSettings } from "./options.ts";
import type { SentText } from "./protocol.ts";
import { openTokenize, type TokenizeOptions } from "./tokenize.ts";
import { deltasIn, writtenIn } from "./written.ts";

/** Counts tokens of requests that are over, where the server's answer does not. */
export interface TokenCounts extends Disposable {
  /** What the sample lacks, with who counted it. `sent` is asked only where the input is not known. */
  count(
    sample: Sample,
    sent: () => SentText | undefined,
    signal: AbortSignal,
  ): Promise<Usage>;
}

/** What is needed to count. */
export interface TokenCountsOptions
  extends Omit<TokenizeOptions, "onUnknown">, Pick<OpenContext, "warn"> {
  /** Whether the server is asked. */
  readonly tokenize: boolean;
  /** Counts where the server does not. */
  readonly tokenizer: Tokenizer | undefined;
}

/** A number of tokens, and who counted. */
interface Counted {
  readonly by: TokenCounter;
  readonly tokens: number;
}

/** One way to count; `undefined` where it cannot. */
type Counter = (
  text: SentText,
  signal: AbortSignal,
) => Promise<Counted | undefined>;

/**
 * Opens the tokenizer that an option names.
 *
 * @throws {UsageError} If its file cannot be used.
 */
export async function tokenizerOf(
  { tokenizer }: Pick<OpenAiSettings, "tokenizer">,
): Promise<Tokenizer | undefined> {
  if (tokenizer === undefined) return undefined;
  return await openTokenizer(tokenizer).catch((cause) => {
    throw new UsageError(messageOf(cause), { cause });
  });
}

/** Counts by what there is, in this order: the server by `/tokenize`, the tokenizer, an estimate. */
export function openTokenCounts(
  { tokenizer, tokenize, warn, ...server }: TokenCountsOptions,
): TokenCounts {
  const asked = tokenize
    ? openTokenize({
      ...server,
      onUnknown: (answer) =>
        warn(
          `Tokens that the server does not count are ${
            tokenizer ? "counted by the tokenizer" : "estimated"
          }: POST ${server.url.pathname} ${answer} (tokenize=false does not ask)`,
        ),
    })
    : undefined;
  const counters: readonly Counter[] = [
    ...(asked ? [byServer(asked.count)] : []),
    ...(tokenizer ? [byTokenizer(tokenizer)] : []),
  ];

  async function countOf(
    text: SentText | undefined,
    signal: AbortSignal,
    estimate: (text: SentText) => Counted,
  ): Promise<Counted | undefined> {
    if (!text) return undefined;
    for (const counter of counters) {
      const counted = await counter(text, signal);
      if (counted) return counted;
    }
    return estimate(text);
  }

  return {
    async count(sample, sent, signal) {
      const { inputTokens, outputTokens } = sample.output.usage ?? {};
      const read = inputTokens === undefined ? sent() : undefined;
      const written = outputTokens === undefined
        ? writtenIn(sample)
        : undefined;
      const [input, output] = await Promise.all([
        countOf(read, signal, byCharacters),
        countOf(
          written,
          signal,
          (text) => byDeltas(sample) ?? byCharacters(text),
        ),
      ]);
      return usageOf(input, output);
    },
    [Symbol.dispose]: () => asked?.[Symbol.dispose](),
  };
}

/** vLLM finds no token in any text where its model is Whisper: none in a text that has words is no count. */
function byServer(count: ReturnType<typeof openTokenize>["count"]): Counter {
  return async ({ text, tokenize }, signal) => {
    const tokens = tokenize && await count(tokenize, signal);
    if (tokens === undefined) return undefined;
    const hasWords = [text].flat().some((one) => one.trim() !== "");
    return tokens === 0 && hasWords ? undefined : { by: "tokenize", tokens };
  };
}

/** It knows no chat template: what one adds is not counted. */
function byTokenizer({ countLong }: Tokenizer): Counter {
  return async ({ text }) => {
    let tokens = 0;
    for (const one of [text].flat()) tokens += await countLong(one);
    return { by: "tokenizer", tokens };
  };
}

function byCharacters({ text }: SentText): Counted {
  const tokens = [text].flat().reduce(
    (sum, one) => sum + estimateTokens(one),
    0,
  );
  return { by: "characters", tokens };
}

function byDeltas(sample: Sample): Counted | undefined {
  const tokens = deltasIn(sample);
  return tokens === undefined ? undefined : { by: "deltas", tokens };
}

function usageOf(
  input: Counted | undefined,
  output: Counted | undefined,
): Usage {
  if (!input && !output) return {};
  return {
    ...(input && { inputTokens: input.tokens }),
    ...(output && { outputTokens: output.tokens }),
    countedBy: {
      ...(input && { input: input.by }),
      ...(output && { output: output.by }),
    },
  };
}
