import type { Fault } from "../faults.ts";

/** The server whose ways are followed. */
export type Dialect = "vllm" | "openai" | "sglang" | "mistral" | "deepseek";

/** How requests over HTTP are answered; may be set for one request too, by query: `?ttftMs=20&outputTokens=64`. */
export interface RequestOptions {
  /** Whose fields, ids, errors and oddities; the options below that are `""` follow it. @default "vllm" */
  readonly dialect: Dialect;
  /** Time to the first token, from the end of the request or from its seat. @default 50 */
  readonly ttftMs: number;
  /** By how much that varies; see `jitterShape`. @default 0 */
  readonly ttftJitterMs: number;
  /** Time added to it for each token of the prompt that is not cached. @default 0 */
  readonly prefillMsPerToken: number;
  /** Time between two tokens. @default 10 */
  readonly itlMs: number;
  /** By how much that varies. @default 0 */
  readonly itlJitterMs: number;
  /** `even`: up to the jitter either way; `normal`: by it as the standard deviation; `exponential`: upwards, by it on average. @default "even" */
  readonly jitterShape: "even" | "normal" | "exponential";
  /** Tokens of an answer, unless the request asks for fewer, or for that many with `ignore_eos`. @default 128 */
  readonly outputTokens: number;
  /** Each answer's tokens vary evenly by up to this, either way. @default 0 */
  readonly outputTokensJitter: number;
  /** Tokens that one event carries, all due with the last. @default 1 */
  readonly tokensPerEvent: number;
  /** Every so many events one without text, as where half a character is held back; 0: none. @default 0 */
  readonly emptyEvery: number;
  /** Events that are written at a time, as behind a proxy that gathers. @default 1 */
  readonly eventsPerWrite: number;
  /** A comment, `: ping`, after so long without an event; 0: none. @default 0 */
  readonly keepAliveMs: number;
  /** When the chunk with the role and no text comes: with the first token, at once, or not at all. @default "token" */
  readonly roleChunk: "token" | "accept" | "none";
  /** Tokens of reasoning ahead of the answer, counted among its tokens. @default 0 */
  readonly reasoningTokens: number;
  /** The field that carries them. @default "" */
  readonly reasoningField: "" | "reasoning" | "reasoning_content";
  /** Functions that are called where a request offers `tools` and does not answer calls. @default 0 */
  readonly toolCalls: number;
  /** Refuses in place of answering. @default false */
  readonly refusal: boolean;
  /** Repeats the last message of the user. @default false */
  readonly echo: boolean;
  /** When a stream brings usage: as `stream_options` ask, or so whatever they ask. @default "" */
  readonly usageStyle: "" | "asked" | "final" | "finish" | "every" | "none";
  /** Tokens of a prompt that were in the cache; 0: usage does not tell. @default 0 */
  readonly cachedTokens: number;
  /** Tokens that a picture in the prompt counts for. @default 256 */
  readonly imageTokens: number;
  /** Tokens that a film in the prompt counts for. @default 1024 */
  readonly videoTokens: number;
  /** Tokens that a second of audio in the prompt counts for. @default 12.5 */
  readonly audioTokensPerSecond: number;
  /** Whether streams end with `[DONE]`, where the dialect's do. @default true */
  readonly done: boolean;
  /** Answers 400 to `stream_options`. @default false */
  readonly refuseStreamOptions: boolean;
  /** Compresses answers where the client takes gzip. @default false */
  readonly gzip: boolean;
  /** Requests at a time; more are refused with 503, where `maxNumSeqs` lets them wait; 0: any number. @default 0 */
  readonly maxConcurrentRequests: number;
  /** Requests that are answered; those behind them get 500; 0: all are. @default 0 */
  readonly failAfterRequests: number;
  /** Length of a vector, unless the request says. @default 384 */
  readonly dimensions: number;
  /** Speed of transcription over real time: adds the audio's length by it to the time to the first token; 0: no time. @default 0 */
  readonly rtfx: number;
  /** The form of transcriptions, streamed ones too. @default "" */
  readonly transcriptionForm: "" | "vllm" | "openai" | "sglang" | "mistral";
  /** Audio is transcribed in pieces of that length, each with a finish_reason. @default 30000 */
  readonly clipMs: number;
  /** Prompt and output tokens of a request. @default 16384 */
  readonly maxModelLen: number;
  /** Expected WER of transcriptions, 0 to 1. @default 0 */
  readonly wordErrorRate: number;
  /** Pace of the words that unknown audio gives. @default 2.5 */
  readonly wordsPerSecond: number;
  /** What goes wrong. @default [] */
  readonly faults: readonly Fault[];
}

/** What holds where nothing is set. */
export const REQUEST_DEFAULTS: RequestOptions = {
  dialect: "vllm",
  ttftMs: 50,
  ttftJitterMs: 0,
  prefillMsPerToken: 0,
  itlMs: 10,
  itlJitterMs: 0,
  jitterShape: "even",
  outputTokens: 128,
  outputTokensJitter: 0,
  tokensPerEvent: 1,
  emptyEvery: 0,
  eventsPerWrite: 1,
  keepAliveMs: 0,
  roleChunk: "token",
  reasoningTokens: 0,
  reasoningField: "",
  toolCalls: 0,
  refusal: false,
  echo: false,
  usageStyle: "",
  cachedTokens: 0,
  imageTokens: 256,
  videoTokens: 1024,
  audioTokensPerSecond: 12.5,
  done: true,
  refuseStreamOptions: false,
  gzip: false,
  maxConcurrentRequests: 0,
  failAfterRequests: 0,
  dimensions: 384,
  rtfx: 0,
  transcriptionForm: "",
  clipMs: 30_000,
  maxModelLen: 16_384,
  wordErrorRate: 0,
  wordsPerSecond: 2.5,
  faults: [],
};
