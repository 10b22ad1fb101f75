import {
  probe,
  type ProbeConnections,
  probeConnections,
  type ProbeOptions,
} from "../connect/probe.ts";
import { NO_SUCH_PATH } from "../connect/target.ts";
import { fieldOf, type JsonObject, tryJson } from "../../lib/json.ts";
import { withoutEmpty } from "./json.ts";
import type { WarnOnce } from "../../lib/warn_once.ts";
import {
  isRequestError,
  isToken,
  messageOf,
  type Output,
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
  /**
   * Question to `/tokenize`: `{ messages }`, or `{ prompt }` with further fields.
   *
   * @default {the text as `prompt`; several texts are not counted by `/tokenize`}
   */
  readonly tokenize?: Readonly<Record<string, unknown>>;
}

/** Number of tokens and its source, unless that is the server's usage. */
interface Count {
  readonly by?: TokenCounter;
  readonly tokens: number;
}

/** Options of {@linkcode TokenCounts}. */
export interface TokenCountsOptions {
  /** Server to ask for counts, if any. */
  readonly server?: TokenizeServer | undefined;
  /** Local tokenizer, if any. */
  readonly tokenizer?: Tokenizer | undefined;
  readonly warn: WarnOnce;
}

/**
 * Opens the tokenizer of the `tokenizer` option.
 *
 * @throws {UsageError} If its file cannot be used.
 */
export async function openTokenizerOption(
  { tokenizer }: { readonly tokenizer?: string | undefined },
): Promise<Tokenizer | undefined> {
  if (tokenizer === undefined) return undefined;
  return await openTokenizer(tokenizer).catch((cause) => {
    throw new UsageError(`tokenizer: ${messageOf(cause)}`, { cause });
  });
}

/**
 * Counts tokens of finished requests where the server's counts are missing or cannot be right, from these sources, in
 * order: the server's `/tokenize`, the tokenizer, an estimate.
 */
export class TokenCounts implements Disposable {
  readonly #tokenize: Tokenize | undefined;
  readonly #tokenizer: Tokenizer | undefined;
  readonly #warn: WarnOnce;

  constructor({ server, tokenizer, warn }: TokenCountsOptions) {
    const source = tokenizer ? "counted by the tokenizer" : "estimated";
    this.#tokenizer = tokenizer;
    this.#warn = warn;
    this.#tokenize = server && new Tokenize(server, (answer) =>
      warn(
        "tokenize",
        `Tokens that the server does not count are ${source}: POST ${server.url.pathname} ${answer} (tokenize=false skips it)`,
      ));
  }

  /**
   * Returns the counts that a sample lacks or that replace wrong ones, each with its source. `sent` is called only if
   * the number of input tokens is unknown.
   */
  async count(
    sample: Sample,
    sent: () => SentText | undefined,
    signal: AbortSignal,
  ): Promise<Usage> {
    const { inputTokens } = sample.output.usage ?? {};
    const [input, output] = await Promise.all([
      inputTokens ? undefined : this.#countInput(inputTokens, sent(), signal),
      this.#countOutput(sample, signal),
    ]);
    const countedBy = withoutEmpty({ input: input?.by, output: output?.by });
    return withoutEmpty({
      inputTokens: input?.tokens,
      outputTokens: output?.tokens,
      countedBy: Object.keys(countedBy).length > 0 ? countedBy : undefined,
    });
  }

  async #countInput(
    known: number | undefined,
    sent: SentText | undefined,
    signal: AbortSignal,
  ): Promise<Count | undefined> {
    const isEmpty = sent && [sent.text].flat().join("") === "";
    if (known === 0 && isEmpty) return { tokens: 0 };
    const counted = sent &&
      (await this.#countText(sent, signal) ?? byCharacters(sent));
    if (known === 0) {
      const message = `server counted 0 input tokens; ${replacedBy(counted)}`;
      this.#warn("input", message);
    }
    return counted;
  }

  /** Returns `undefined` if the server's count is kept, also if another source counts no more tokens. */
  async #countOutput(
    sample: Sample,
    signal: AbortSignal,
  ): Promise<Count | undefined> {
    const { outputTokens: known } = sample.output.usage ?? {};
    if (known !== undefined && known >= fewestTokens(sample)) return undefined;
    const text = outputText(sample);
    const counted = text === undefined ? undefined : await this.#countText({
      text,
      tokenize: { prompt: text, add_special_tokens: false },
    }, signal) ?? byDeltas(sample, text) ?? byCharacters({ text });
    if (known === undefined) return counted;
    if (known > 0 && counted && counted.tokens <= known) return undefined;
    const tokens = plural(known, "token");
    this.#warn(
      "output",
      `server counted ${tokens} for ${describeOutput(sample)}; ${
        replacedBy(counted)
      }`,
    );
    return counted;
  }

  /** Counts by `/tokenize` or by the tokenizer, which adds no tokens of a chat template. */
  async #countText(
    { text, tokenize }: SentText,
    signal: AbortSignal,
  ): Promise<Count | undefined> {
    const texts = [text].flat();
    const question = tokenize ??
      (typeof text === "string" ? { prompt: text } : undefined);
    const counted = question && await this.#tokenize?.count(question, signal);
    // vLLM counts 0 tokens for Whisper models, whatever the text.
    const isCount = counted || texts.every((one) => one.trim() === "");
    if (counted !== undefined && isCount) {
      return { by: "tokenize", tokens: counted };
    }
    if (!this.#tokenizer) return undefined;
    let tokens = 0;
    for (const one of texts) tokens += await this.#tokenizer.countLong(one);
    return { by: "tokenizer", tokens };
  }

  [Symbol.dispose](): void {
    this.#tokenize?.[Symbol.dispose]();
  }
}

function byCharacters({ text }: SentText): Count {
  const tokens = [text].flat()
    .reduce((sum, one) => sum + estimateTokens(one), 0);
  return { by: "characters", tokens };
}

/** Counts deltas with text, unless they are longer or shorter than tokens. */
function byDeltas(sample: Sample, text: string): Count | undefined {
  if (!isAppended(sample)) return undefined;
  const tokens = sample.deltas.filter(({ text = "" }) => text !== "").length;
  return mayBeTokens(tokens, text) ? { by: "deltas", tokens } : undefined;
}

function replacedBy(counted: Count | undefined): string {
  return counted ? `counted by ${counted.by} instead` : "the count is left out";
}

function describeOutput(sample: Sample): string {
  const deltas = sample.deltas.filter(isToken).length;
  if (deltas > 0) return plural(deltas, "delta");
  const { length } = outputText(sample) ?? "";
  return `an answer of ${plural(length, "character")}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Returns the text that the model generated, or `undefined` if it generated more than text or nothing is known of it. */
function outputText(sample: Sample): string | undefined {
  const { deltas, output } = sample;
  const hasAudio = deltas.some(({ kind }) => kind === "audio");
  if (output.embeddings || hasAudio) return undefined;
  return isAppended(sample) ? joinDeltas(deltas) : wholeText(output);
}

/**
 * Factor by which an estimate by characters may be off. Tokens have 2 to 7 characters on average, also those of random
 * text; the estimate assumes 4.
 */
const TOLERANCE = 3;

/** Reports whether a number of deltas can be the number of tokens in a text: they are neither sentences nor letters. */
function mayBeTokens(deltas: number, text: string): boolean {
  const estimate = estimateOf(text);
  return estimate <= deltas * TOLERANCE && estimate * TOLERANCE >= deltas;
}

/**
 * Returns the fewest tokens that the model can have generated: one for each delta with text, or as many as the
 * characters need if deltas are shorter than tokens. Some deltas are not tokens: one token may end the reasoning and
 * begin the answer, and a tool call may have several deltas of one token.
 */
function fewestTokens(sample: Sample): number {
  const { deltas } = sample;
  const text = outputText(sample) ?? "";
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
function isAppended({ deltas }: Sample): boolean {
  return deltas.length > 0 && deltas.every(({ mode }) => mode !== "replace");
}

/** Joins the deltas of each answer, one answer after another. */
function joinDeltas(deltas: Sample["deltas"]): string {
  return deltas.toSorted(({ choice: a = 0 }, { choice: b = 0 }) => a - b)
    .map(({ text = "" }) => text).join("");
}

function wholeText(output: Output): string | undefined {
  const { text, choices = [{ text }], reasoning, refusal } = output;
  const parts = [
    reasoning,
    ...choices.map(({ text }) => text),
    refusal,
    ...(output.toolCalls ?? []).flatMap((call) => [call.name, call.arguments]),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("");
}

/** Server that may have `/tokenize`. */
export interface TokenizeServer {
  readonly url: URL;
  readonly model: string;
  readonly ask: ProbeOptions;
}

/** Maximum number of connections: the server's others are for the run. */
const MAX_SOCKETS = 4;

/**
 * Counts tokens by the server's `/tokenize`, over connections of its own, so that no request of the run waits for one or
 * reuses one. Until the server has answered a question, one is sent at a time, and a kind of question that the server
 * does not support is sent once.
 */
export class Tokenize implements Disposable {
  readonly #server: TokenizeServer;
  readonly #warn: (answer: string) => void;
  readonly #connections: ProbeConnections;
  readonly #unsupported = new Set<Kind>();
  #isSupported = false;
  #first: Promise<unknown> | undefined;

  /** `warn` receives the server's answer if it does not tokenize. */
  constructor(server: TokenizeServer, warn: (answer: string) => void) {
    this.#server = server;
    this.#warn = warn;
    this.#connections = probeConnections(server.url, server.ask, MAX_SOCKETS);
  }

  /**
   * Sends a question, `{ prompt }` or `{ messages }` with further fields. Resolves with the number of tokens, or
   * `undefined` if the server does not answer this question or any.
   */
  async count(
    question: JsonObject,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    while (!this.#isSupported && this.#first) await this.#first;
    if (this.#unsupported.has(kindOf(question))) return undefined;
    const answer = this.#ask(question, signal)
      .catch((error) => this.#handleError(error, question));
    this.#first = answer.finally(() => this.#first = undefined);
    return await answer;
  }

  async #ask(
    question: JsonObject,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { url, model, ask } = this.#server;
    const answer = await probe(url, {
      ...ask,
      headers: { ...ask.headers, "content-type": "application/json" },
      connections: this.#connections,
      signal,
      body: JSON.stringify({ model, ...question }),
    });
    const count = countIn(answer);
    if (count !== undefined) this.#isSupported = true;
    else this.#giveUp([kindOf(question)], "is not answered with a count");
    return count;
  }

  /** A server that is unreachable now may answer later. A silent one is given up, as it would delay the run. */
  #handleError(error: unknown, question: JsonObject): undefined {
    if (!isRequestError(error)) return;
    const { class: kind, code = "", message } = error;
    const asked = [kindOf(question)];
    if (kind === "connect_timeout") {
      const { timeoutMs } = this.#server.ask;
      this.#giveUp(KINDS, `is not answered within ${timeoutMs} ms`);
    } else if (kind === "protocol_error") {
      this.#giveUp(asked, `is not answered with a count: ${message}`);
    } else if (kind !== "http_error") {
      return;
    } else if (NO_SUCH_PATH.includes(code)) {
      this.#giveUp(KINDS, `is answered with ${code}`);
    } else if (!isTemporary(Number(code))) {
      this.#giveUp(asked, `fails: ${message}`);
    } else if (code === "500") this.#warn(`fails: ${message}`);
  }

  #giveUp(kinds: readonly Kind[], answer: string): void {
    this.#warn(answer);
    for (const kind of kinds) this.#unsupported.add(kind);
  }

  [Symbol.dispose](): void {
    this.#connections.destroy();
  }
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
