import {
  messageOf,
  type OpenContext,
  type Sample,
  type TokenCounter,
  type Usage,
  UsageError,
} from "../../plugins/mod.ts";
import { estimateTokens, openTokenizer } from "../../tokens/mod.ts";
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
  /** Which ways to count there are. */
  readonly settings: Pick<OpenAiSettings, "tokenizer" | "tokenize">;
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
 * Opens what counts, in this order: the server by `/tokenize`, the tokenizer's file, an estimate.
 *
 * @throws {UsageError} If the tokenizer's file cannot be used.
 */
export async function openTokenCounts(
  { settings: { tokenizer, tokenize }, warn, ...server }: TokenCountsOptions,
): Promise<TokenCounts> {
  const file = tokenizer === undefined ? [] : [await byFile(tokenizer)];
  const asked = tokenize
    ? openTokenize({
      ...server,
      onUnknown: (answer) =>
        warn(
          `Tokens that the server does not count are ${
            file.length > 0 ? "counted by the tokenizer" : "estimated"
          }: POST ${server.url.pathname} ${answer} (tokenize=false does not ask)`,
        ),
    })
    : undefined;
  const counters: readonly Counter[] = [
    ...(asked ? [byServer(asked.count)] : []),
    ...file,
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

function byServer(count: ReturnType<typeof openTokenize>["count"]): Counter {
  return async ({ tokenize }, signal) => {
    const tokens = tokenize && await count(tokenize, signal);
    return tokens === undefined ? undefined : { by: "tokenize", tokens };
  };
}

/** Counts every text by a file. It knows no chat template: what one adds is not counted. */
async function byFile(path: string): Promise<Counter> {
  const tokenizer = await openTokenizer(path).catch((cause) => {
    throw new UsageError(messageOf(cause), { cause });
  });
  return async ({ text }) => {
    let tokens = 0;
    for (const one of [text].flat()) tokens += await tokenizer.countLong(one);
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
