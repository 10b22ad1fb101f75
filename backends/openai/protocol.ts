import type {
  Backend,
  Call,
  InferenceRequest,
  OpenContext,
  Output,
  Turn,
} from "../../plugins/mod.ts";
import type { HttpRequest, ResponseReader } from "../http/http.ts";

/** One endpoint of the OpenAI API: what is sent, and what is made of the answer. It neither waits nor tells time. */
export interface Protocol<Prepared> {
  /** Columns that a turn must have. */
  readonly needs: Backend["needs"];
  /** What reports say of it beside what all have. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Whether answers are asked for as event streams. */
  readonly streams: boolean;
  /**
   * Builds as much of the request as is known before the answers to earlier turns.
   *
   * @throws {Error} If the turn cannot be sent.
   */
  prepare(turn: Turn, signal: AbortSignal): Promise<Prepared>;
  /** The rest of it, when it is to be sent. */
  request(request: InferenceRequest<Prepared>): Wire;
  /** Reads the answer to one request. */
  reader(call: Call, request: InferenceRequest<Prepared>): AnswerReader;
  /** How many tokens were asked for, where that many are to be generated exactly. */
  exactTokens?(turn: Turn): number | undefined;
  /** What was sent, in so far as tokens can be counted of it; `undefined` where it is not text. */
  sent?(request: InferenceRequest<Prepared>): SentText | undefined;
}

/** What is sent, but for where to. */
export interface Wire extends Omit<HttpRequest, "url"> {
  /** What people are shown of a body that they could not read. */
  readonly shown?: string;
}

/** Reads an answer and says what it came to. */
export interface AnswerReader extends ResponseReader {
  /**
   * What completes the output, when the response has ended.
   *
   * @throws {RequestError} If the answer is not whole.
   */
  result(): Output;
}

/** Text that was sent. */
export interface SentText {
  /** All of it, one piece after another; or several texts, each with tokens of its own. */
  readonly text: string | readonly string[];
  /** How `/tokenize` is asked for its tokens: `{ prompt }` or `{ messages }`. It cannot be asked for several texts. */
  readonly tokenize?: Readonly<Record<string, unknown>>;
}

/** Makes the protocol of one backend from its settings and the model's name; the context is for warnings. */
export type ProtocolOf<Settings, Prepared> = (
  settings: Settings,
  model: string,
  context: OpenContext,
) => Protocol<Prepared>;
