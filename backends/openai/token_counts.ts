import {
  type Delta,
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
import { deltasIn, fewestTokens, mayBeTokens, writtenIn } from "./written.ts";

/** Counts tokens of requests that are over, where the server's answer does not, or cannot be right. */
export interface TokenCounts extends Disposable {
  /**
   * What the sample lacks, or has and cannot be right, with who counted it. `sent` is asked only where the input is not
   * known.
   */
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

  const warnOnce = onceEach(warn);

  async function inputOf(
    known: number | undefined,
    text: SentText | undefined,
    signal: AbortSignal,
  ): Promise<Counted | undefined> {
    if (known === 0 && text && [text.text].flat().join("") === "") {
      return { by: "server", tokens: 0 };
    }
    const counted = await countOf(text, signal, byCharacters);
    if (known === 0) {
      warnOnce("input", `server counted 0 input tokens; ${insteadBy(counted)}`);
    }
    return counted;
  }

  /** `undefined` where the server's count stands: also where another, of text that came in bits, comes to no more. */
  async function outputOf(
    sample: Sample,
    signal: AbortSignal,
  ): Promise<Counted | undefined> {
    const { outputTokens: known } = sample.output.usage ?? {};
    if (known !== undefined && known >= fewestTokens(sample)) return undefined;
    const counted = await countOf(
      writtenIn(sample),
      signal,
      (text) => byDeltas(sample, text) ?? byCharacters(text),
    );
    if (known === undefined) return counted;
    if (known > 0 && counted && counted.tokens <= known) return undefined;
    warnOnce(
      "output",
      `server counted ${some(known, "token")} for ${shownOf(sample)}; ${
        insteadBy(counted)
      }`,
    );
    return counted;
  }

  return {
    async count(sample, sent, signal) {
      const { inputTokens } = sample.output.usage ?? {};
      const [input, output] = await Promise.all([
        inputTokens ? undefined : inputOf(inputTokens, sent(), signal),
        outputOf(sample, signal),
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

/** Deltas that hold sentences, or letters, are no tokens. */
function byDeltas(sample: Sample, { text }: SentText): Counted | undefined {
  const tokens = deltasIn(sample);
  if (tokens === undefined || !mayBeTokens(tokens, String(text))) {
    return undefined;
  }
  return { by: "deltas", tokens };
}

/** Passes on the first warning of each kind. */
function onceEach(warn: OpenContext["warn"]) {
  const said = new Set<string>();
  return (kind: string, message: string): void => {
    if (said.has(kind)) return;
    said.add(kind);
    warn(message);
  };
}

function insteadBy(counted: Counted | undefined): string {
  return counted ? `counted by ${counted.by} instead` : "the count is left out";
}

/** What came, for people. */
function shownOf(sample: Sample): string {
  const deltas = sample.deltas.filter(isOutput).length;
  if (deltas > 0) return some(deltas, "delta");
  const { length } = String(writtenIn(sample)?.text ?? "");
  return `an answer of ${some(length, "character")}`;
}

function isOutput({ text = "", bytes = 0 }: Delta): boolean {
  return text !== "" || bytes > 0;
}

function some(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function usageOf(
  input: Counted | undefined,
  output: Counted | undefined,
): Usage {
  const by = {
    ...(input && input.by !== "server" && { input: input.by }),
    ...(output && output.by !== "server" && { output: output.by }),
  };
  return {
    ...(input && { inputTokens: input.tokens }),
    ...(output && { outputTokens: output.tokens }),
    ...(Object.keys(by).length > 0 && { countedBy: by }),
  };
}
