import type { Fault } from "./faults.ts";
import type { RequestOptions } from "./openai/options.ts";

export { REQUEST_DEFAULTS, type RequestOptions } from "./openai/options.ts";

/** How the server behaves; plain data. */
export interface ServerOptions
  extends Partial<SessionOptions>, Partial<RequestOptions> {
  /** @default "127.0.0.1" */
  readonly hostname?: string;
  /** 0: any free one. @default 0 */
  readonly port?: number;
  /** The model's name in `/v1/models` and `session.update`. @default "earshot-reference" */
  readonly model?: string;
  /** What `/v1/models` lists and `session.update` takes. @default [model] */
  readonly models?: readonly string[];
  /** Everything random follows from it. @default 1 */
  readonly seed?: number;
  /** Serves over TLS: PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Asked for as `Authorization: Bearer …` on everything below `/v1`. */
  readonly apiKey?: string;
  /** Stands before every path, as `/team-a`. @default "" */
  readonly pathPrefix?: string;
  /** Sessions and requests that decode at a time; others wait silently. @default unlimited */
  readonly maxNumSeqs?: number;
  /** Larger frames close with 1009. @default 16777216 */
  readonly maxFrameBytes?: number;
  /** Takes permessage-deflate where a client offers it. @default true */
  readonly deflate?: boolean;
  /** What `/health` answers. @default 200 */
  readonly healthStatus?: number;
  /** Entries that the log keeps. @default 1000000 */
  readonly logEntries?: number;
}

/** What may be set for one connection too, by query: `?tokenMs=0&fault=drop@appends:5`. */
export interface SessionOptions {
  /** `tokens`: a delta each 80 ms of audio, as voxtral; `segments`: bursts after each segment, as qwen3-asr. @default "tokens" */
  readonly mode: "tokens" | "segments";
  /** A word comes this long after its end, in audio time. @default 480 */
  readonly delayMs: number;
  /** Each word's delay varies evenly by up to this, either way. @default 0 */
  readonly jitterMs: number;
  /** Computing time of a token. @default 8 */
  readonly tokenMs: number;
  /** Each token's computing time grows evenly by up to this. @default 0 */
  readonly tokenJitterMs: number;
  /** Computing time of the tokens after the final commit. @default tokenMs */
  readonly finalTokenMs: number;
  /** Silent tokens that the server decodes behind the audio. @default 17 */
  readonly rightPadTokens: number;
  /** Tokens, of 80 ms of audio each, that the first decoding needs. @default 39 */
  readonly promptTokens: number;
  /** Those of them that the server supplies. @default 32 */
  readonly leftPadTokens: number;
  /** Prompt and output tokens of an utterance; it is ended there. @default 16384 */
  readonly maxModelLen: number;
  /** Length of a segment in mode `segments`. @default 5000 */
  readonly segmentMs: number;
  /** Tokens that one delta carries in mode `segments`. @default 3 */
  readonly tokensPerDelta: number;
  /** Text ahead of each segment in mode `segments`, as `language English<asr_text>`. @default "" */
  readonly segmentPrefix: string;
  /** Expected WER of what is said, 0 to 1. @default 0 */
  readonly wordErrorRate: number;
  /** Pace of the words that unknown audio gives. @default 2.5 */
  readonly wordsPerSecond: number;
  /** Wait before the upgrade is answered. @default 0 */
  readonly acceptDelayMs: number;
  /** Wait before `session.created`. @default 0 */
  readonly createdDelayMs: number;
  /** 0: no pings. @default 20000 */
  readonly pingIntervalMs: number;
  /** A ping unanswered this long closes with 1011. @default 20000 */
  readonly pongTimeoutMs: number;
  /** What goes wrong; see {@linkcode Fault}. @default [] */
  readonly faults: readonly Fault[];
}

/** What holds where nothing is set. */
export const SESSION_DEFAULTS: SessionOptions = {
  mode: "tokens",
  delayMs: 480,
  jitterMs: 0,
  tokenMs: 8,
  tokenJitterMs: 0,
  finalTokenMs: 8,
  rightPadTokens: 17,
  promptTokens: 39,
  leftPadTokens: 32,
  maxModelLen: 16_384,
  segmentMs: 5000,
  tokensPerDelta: 3,
  segmentPrefix: "",
  wordErrorRate: 0,
  wordsPerSecond: 2.5,
  acceptDelayMs: 0,
  createdDelayMs: 0,
  pingIntervalMs: 20_000,
  pongTimeoutMs: 20_000,
  faults: [],
};
