/** A piece of output, as it arrived. An empty delta counts as an event, not as text. */
export interface Delta {
  /** Kind of the output. */
  readonly kind: "text" | "reasoning" | "tool" | "refusal" | "audio";
  /** Its text; may be empty. */
  readonly text?: string;
  /** Whether its text continues the text so far or replaces it. @default {"append"} */
  readonly mode?: "append" | "replace";
  /** Number of its tokens, if the server gives it. */
  readonly tokens?: number;
  /** Size of its audio, in bytes. */
  readonly bytes?: number;
  /** Index of the answer, where one request has several. @default {0} */
  readonly choice?: number;
}

/** A point in the life of a request. docs/metrics.md describes each. */
export type Instant =
  | "connected"
  | "ready"
  | "requestSent"
  | "headers"
  | "firstByte"
  | "firstEvent"
  | "streamStart"
  | "endSent"
  | "final";

/** One chunk of audio on the wire. */
export interface AudioSent {
  /** When a microphone would have finished recording it. Unknown for audio that is sent unpaced. */
  readonly dueMs?: number;
  /** When it was handed to the socket. */
  readonly atMs: number;
  /** Position of its end in the audio, in milliseconds. */
  readonly endMs: number;
}

/**
 * Source of a token count: the server, with its answer; the server's `tokenize` endpoint; a local tokenizer file; or an
 * estimate from the number of deltas or characters.
 */
export type TokenCounter =
  | "server"
  | "tokenize"
  | "tokenizer"
  | "deltas"
  | "characters";

/** Token counts of one request. */
export interface Usage {
  /** Number of input tokens. */
  readonly inputTokens?: number;
  /** Number of generated tokens, including reasoning. */
  readonly outputTokens?: number;
  /** Number of input tokens that the server had in its cache. */
  readonly cachedTokens?: number;
  /** Number of input tokens that encode audio. */
  readonly audioTokens?: number;
  /** Number of generated tokens of the reasoning. */
  readonly reasoningTokens?: number;
  /** Seconds of audio, if the server counts them. */
  readonly audioSeconds?: number;
  /** Source of each count. @default {"server", for each} */
  readonly countedBy?: {
    readonly input?: TokenCounter;
    readonly output?: TokenCounter;
  };
}

/** How much of a request's times this client can have made itself: upper bounds, in milliseconds. */
export interface ClientShare {
  /** From dispatch to the request's last byte, without the time for a connection or for room in the socket's buffer. */
  readonly sendingMs?: number;
  /** How long the read with the first token can have waited here. */
  readonly firstTokenMs?: number;
  /** How long the read that ended the response can have waited here. */
  readonly endMs: number;
  /** Time from the end of the response until this client could send another request, if it recorded the end. */
  readonly turnaroundMs?: number;
  /** Whether the system took the time of the end, when the bytes arrived. */
  readonly isTimedBySystem?: true;
}

/** A function call that the model asks for. */
export interface ToolCall {
  /** Id of the call, for its answer. */
  readonly id?: string;
  /** Name of the function. */
  readonly name: string;
  /** Arguments as the model wrote them: meant to be JSON, but may be invalid. */
  readonly arguments: string;
}

/** The answer, complete or cut short. */
export interface Output {
  /** Text of the answer, without reasoning; of several answers the first. */
  readonly text?: string;
  /** Text of the reasoning. */
  readonly reasoning?: string;
  /** Text of the refusal. */
  readonly refusal?: string;
  /** Tool calls. */
  readonly toolCalls?: readonly ToolCall[];
  /** All answers, where several were requested. */
  readonly choices?: readonly {
    readonly text?: string;
    readonly finishReason?: string;
  }[];
  /** Number and length of the vectors. */
  readonly embeddings?: {
    readonly count: number;
    readonly dimensions: number;
  };
  /** The server's id of the answer, or else of the request: joins samples with its log. */
  readonly responseId?: string;
  /** Token counts. */
  readonly usage?: Usage;
  /** Why generation ended, as the server calls it. */
  readonly finishReason?: string;
}

/** Why a request failed, as plain data. */
export interface Failure {
  /** Class of the failure, from the list in docs/failures.md: `connect_error`, `ready_timeout`, … */
  readonly class: string;
  /** The server's or the system's own code. */
  readonly code?: string;
  /** Message for people, without secrets. */
  readonly message: string;
  /** How long the server asked to wait before the next request, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** How a request ended. The status is `timeout` if the failure's class ends in `_timeout`. */
export type Outcome =
  | { readonly status: "ok" }
  | {
    readonly status: "error" | "timeout" | "cancelled";
    readonly failure: Failure;
  };

/** The part of a stage that a request belongs to. Only `measure` enters the statistics. */
export type Phase = "warmup" | "measure" | "cooldown";

/** Facts of the input that metrics need; never media. */
export interface SampleInput {
  /** Id of the audio. */
  readonly audioId?: string;
  /** Length of the audio, in milliseconds. */
  readonly audioMs?: number;
  /** Expected text of the answer. */
  readonly reference?: string;
  /** Number of pictures. */
  readonly images?: number;
  /** Number of inputs, where one request may have several. */
  readonly texts?: number;
  /** Number of tokens requested, of all answers together: an upper bound. */
  readonly maxOutputTokens?: number;
  /** Whether exactly that many were requested. */
  readonly isExactLength?: true;
}

/**
 * Everything observed about one request, and nothing derived. Times are milliseconds
 * since the run began, on the run's monotonic clock.
 */
export interface Sample {
  /** The request's id. */
  readonly id: number;
  /** Session and turn. */
  readonly session: { readonly id: string; readonly turn: number };
  /** Index of the stage. */
  readonly stage: number;
  /** Whether the request was due before the measured window, in it or after it. */
  readonly phase: Phase;
  /** Facts of the input. */
  readonly input: SampleInput;
  /** When the load profile wanted the request to start. */
  readonly scheduledMs: number;
  /** When the request was handed to the backend. */
  readonly dispatchedMs: number;
  /** Instants that the backend recorded. */
  readonly marks: Readonly<Partial<Record<Instant, number>>>;
  /** Number of times the request was sent again, on a new connection. Absent if it was sent once. */
  readonly retried?: number;
  /** Network reads, and their events if the protocol has any. A proxy that coalesces events shows here. */
  readonly reads: {
    readonly count: number;
    readonly bytes: number;
    readonly events?: number;
  };
  /** Pieces of output, each with the time of the read that carried it. */
  readonly deltas: readonly ({ readonly atMs: number } & Delta)[];
  /** Chunks of audio sent. */
  readonly audioSent: readonly AudioSent[];
  /** The answer, kept even if the request failed. */
  readonly output: Output;
  /** When the response ended or failed. */
  readonly endedMs: number;
  /** How the request ended. */
  readonly outcome: Outcome;
  /** The client's share of its times. Absent where nothing watched the client. */
  readonly client?: ClientShare;
}
