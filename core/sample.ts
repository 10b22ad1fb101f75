/** A piece of output, as it arrived. An empty one counts as an event, not as text. */
export interface Delta {
  /** What it is a piece of. */
  readonly kind: "text" | "reasoning" | "tool" | "refusal" | "audio";
  /** The text in it; may be empty. */
  readonly text?: string;
  /** Whether it continues the text so far or takes its place. @default {"append"} */
  readonly mode?: "append" | "replace";
  /** Tokens in it, where the server says. */
  readonly tokens?: number;
  /** Size of the media in it, for audio. */
  readonly bytes?: number;
  /** Which of several answers to one request it belongs to, from 0. @default {0} */
  readonly choice?: number;
}

/** A point in the life of a request that can be told from every other: the glossary of docs/metrics.md has each. */
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
  /** When a microphone would have finished recording it. Unknown where audio is sent unpaced. */
  readonly dueMs?: number;
  /** When it was handed to the socket. */
  readonly atMs: number;
  /** Where in the audio it ends, in milliseconds. */
  readonly endMs: number;
}

/**
 * Who counted tokens: the server with its answer; the server when asked to `tokenize` the text; a tokenizer's file
 * here. Or an estimate: one token for each delta, or one for so many characters.
 */
export type TokenCounter =
  | "server"
  | "tokenize"
  | "tokenizer"
  | "deltas"
  | "characters";

/** Token counts of one request. */
export interface Usage {
  /** Tokens read. */
  readonly inputTokens?: number;
  /** Tokens generated, reasoning among them. */
  readonly outputTokens?: number;
  /** Of the tokens read: those that the server had in its cache. */
  readonly cachedTokens?: number;
  /** Of the tokens read: those that stand for audio. */
  readonly audioTokens?: number;
  /** Of the tokens generated: those of the reasoning. */
  readonly reasoningTokens?: number;
  /** Seconds of audio, where the server counts these. */
  readonly audioSeconds?: number;
  /** Who counted. @default {"server", for each} */
  readonly countedBy?: {
    readonly input?: TokenCounter;
    readonly output?: TokenCounter;
  };
}

/** A function that the model wants to be called. */
export interface ToolCall {
  /** The call's own id, by which it is answered. */
  readonly id?: string;
  /** The function. */
  readonly name: string;
  /** JSON, as the model wrote it: it may be none. */
  readonly arguments: string;
}

/** What came back, whole or cut short. */
export interface Output {
  /** The answer, reasoning left out; of several the first. */
  readonly text?: string;
  /** What the model thought before it. */
  readonly reasoning?: string;
  /** Why the model would not answer, in its words. */
  readonly refusal?: string;
  /** What it wants to be called. */
  readonly toolCalls?: readonly ToolCall[];
  /** Every answer, where several were asked for. */
  readonly choices?: readonly {
    readonly text?: string;
    readonly finishReason?: string;
  }[];
  /** How many vectors came, and how long each is. */
  readonly embeddings?: {
    readonly count: number;
    readonly dimensions: number;
  };
  /** The server's id of the answer, or of the request where the answer has none: joins samples with its log. */
  readonly responseId?: string;
  /** Counts, where the server gave them. */
  readonly usage?: Usage;
  /** Why generation ended, in the server's word. */
  readonly finishReason?: string;
}

/** Why a request failed, as plain data. */
export interface Failure {
  /** What went wrong, in one word of the list in docs/failures.md: `connect_error`, `ready_timeout`, … */
  readonly class: string;
  /** The server's or the system's own code. */
  readonly code?: string;
  /** For people. Holds no secret. */
  readonly message: string;
}

/** How a request ended. `timeout` exactly where the failure's class ends in `_timeout`. */
export type Outcome =
  | { readonly status: "ok" }
  | {
    readonly status: "error" | "timeout" | "cancelled";
    readonly failure: Failure;
  };

/** The part of a stage that a request belongs to: only `measure` enters the report's statistics. */
export type Phase = "warmup" | "measure";

/** What metrics need to know of the input; never media. */
export interface SampleInput {
  /** Which audio. */
  readonly audioId?: string;
  /** Its length, in milliseconds. */
  readonly audioMs?: number;
  /** What a perfect answer would say. */
  readonly reference?: string;
  /** How many pictures. */
  readonly images?: number;
  /** How many inputs, where there may be several. */
  readonly texts?: number;
  /** How many tokens were asked for. */
  readonly maxOutputTokens?: number;
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
  /** Index of the stage that it belongs to. */
  readonly stage: number;
  /** Whether it was due before the measured window or in it. */
  readonly phase: Phase;
  /** What was sent, in so far as metrics need it. */
  readonly input: SampleInput;
  /** When the load profile wanted the request to start. */
  readonly scheduledMs: number;
  /** When it was handed to the backend. */
  readonly dispatchedMs: number;
  /** The instants that the backend could tell. */
  readonly marks: Readonly<Partial<Record<Instant, number>>>;
  /** How often the request was sent again, on a new connection. Absent where it was sent once. */
  readonly retried?: number;
  /** Network reads, and the events in them where the protocol has any: a proxy that coalesces shows here. */
  readonly reads: {
    readonly count: number;
    readonly bytes: number;
    readonly events?: number;
  };
  /** Each piece of output with the time of the read that carried it. */
  readonly deltas: readonly ({ readonly atMs: number } & Delta)[];
  /** Each chunk of audio sent. */
  readonly audioSent: readonly AudioSent[];
  /** What came back; kept through every failure. */
  readonly output: Output;
  /** When the response had ended, or failed. */
  readonly endedMs: number;
  /** How it ended. */
  readonly outcome: Outcome;
}
