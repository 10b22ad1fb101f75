import {
  probe,
  probeConnections,
  type ProbeOptions,
} from "../connect/probe.ts";
import { NO_SUCH_PATH } from "../connect/target.ts";
import { fieldOf, type JsonObject, tryJson } from "../../lib/json.ts";
import type { OpenAiSettings } from "./options.ts";
import type { WarnOnce } from "../../lib/warn_once.ts";
import {
  isRequestError,
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

/** Text whose tokens are counted. */
export interface SentText {
  /** The text, or several texts that are tokenized separately. */
  readonly text: string | readonly string[];
  /** Question to `/tokenize`: `{ prompt }` or `{ messages }`. Absent for several texts, which it cannot count. */
  readonly tokenize?: Readonly<Record<string, unknown>>;
}

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

/** Counts tokens by the server's `/tokenize`. */
export interface Tokenize extends Disposable {
  /**
   * Sends a question, `{ prompt }` or `{ messages }` with further fields. Resolves with the number of tokens, or
   * `undefined` if the server does not answer this question or any.
   */
  count(question: JsonObject, signal: AbortSignal): Promise<number | undefined>;
}

/** Options of {@linkcode openTokenize}. */
export interface TokenizeOptions {
  readonly url: URL;
  readonly model: string;
  readonly ask: ProbeOptions;
  /** Called with the server's answer if it does not tokenize. */
  warn(answer: string): void;
}

/** Maximum number of connections: the server's others are for the run. */
const MAX_SOCKETS = 4;

/**
 * Opens connections for questions, so that no request of the run waits for one or reuses one. Until the server has
 * answered a question, one is sent at a time, and a kind of question that the server does not support is sent once.
 */
export function openTokenize(
  { url, model, ask, warn }: TokenizeOptions,
): Tokenize {
  const connections = probeConnections(url, ask, MAX_SOCKETS);
  const headers = { ...ask.headers, "content-type": "application/json" };
  const unsupported = new Set<Kind>();
  let isSupported = false;
  let first: Promise<unknown> | undefined;

  function giveUp(kinds: readonly Kind[], answer: string): void {
    warn(answer);
    for (const kind of kinds) unsupported.add(kind);
  }

  async function askServer(
    question: JsonObject,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const body = JSON.stringify({ model, ...question });
    const options = { ...ask, headers, connections, signal, body };
    const count = countIn(await probe(url, options));
    if (count !== undefined) isSupported = true;
    else giveUp([kindOf(question)], "is not answered with a count");
    return count;
  }

  /** A server that is unreachable now may answer later. A silent one is given up, as it would delay the run. */
  function handleError(error: unknown, question: JsonObject): undefined {
    if (!isRequestError(error)) return;
    const { class: kind, code = "", message } = error;
    if (kind === "connect_timeout") {
      giveUp(KINDS, `is not answered within ${ask.timeoutMs} ms`);
    } else if (kind === "protocol_error") {
      giveUp([kindOf(question)], `is not answered with a count: ${message}`);
    } else if (kind !== "http_error") {
      return;
    } else if (NO_SUCH_PATH.includes(code)) {
      giveUp(KINDS, `is answered with ${code}`);
    } else if (!isTemporary(Number(code))) {
      giveUp([kindOf(question)], `fails: ${message}`);
    } else if (code === "500") warn(`fails: ${message}`);
  }

  return {
    async count(question, signal) {
      while (!isSupported && first) await first;
      if (unsupported.has(kindOf(question))) return undefined;
      const answer = askServer(question, signal).catch((error) =>
        handleError(error, question)
      );
      first = answer.finally(() => first = undefined);
      return await answer;
    },
    [Symbol.dispose]: () => connections.destroy(),
  };
}

const KINDS = ["prompt", "messages"] as const;
type Kind = typeof KINDS[number];

/** Returns the kind of a question. A server may support one of them: without a chat template it knows no messages. */
function kindOf(question: JsonObject): Kind {
  return "messages" in question ? "messages" : "prompt";
}

/** Reports whether a later request may succeed. */
function isTemporary(status: number): boolean {
  return [408, 425, 429].includes(status) || (status >= 500 && status !== 501);
}

/** Returns the count in an answer, or the length of its list of tokens. */
function countIn(body: string): number | undefined {
  const answer = tryJson(body);
  const count = fieldOf(answer, "count");
  if (Number.isInteger(count) && count as number >= 0) return count as number;
  const tokens = fieldOf(answer, "tokens");
  return Array.isArray(tokens) && tokens.length > 0 ? tokens.length : undefined;
}
