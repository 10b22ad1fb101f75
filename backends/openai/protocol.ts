import type {
  Backend,
  Call,
  InferenceRequest,
  Output,
  Turn,
} from "../../plugins/mod.ts";
import type { HttpRequest, ResponseReader } from "../http/http.ts";

/** Endpoint of the OpenAI API: builds requests and reads answers, without a transport or a clock. */
export interface Protocol<Prepared> {
  /** Columns that a turn must have. */
  readonly needs: Backend["needs"];
  /** Facts for the report, beside those of every backend. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Whether answers are requested as event streams. */
  readonly streams: boolean;
  /**
   * Builds the part of a request that does not depend on earlier answers.
   *
   * @throws {Error} If the turn cannot be sent.
   */
  prepare(turn: Turn, signal: AbortSignal): Promise<Prepared>;
  /** Completes the request when it is due. */
  request(request: InferenceRequest<Prepared>): Wire;
  /** Creates a reader for the answer to a request. */
  reader(call: Call, request: InferenceRequest<Prepared>): AnswerReader;
  /** Returns the number of tokens requested, if exactly that many are to be generated. */
  exactTokens?(turn: Turn): number | undefined;
  /** Returns the text of a request for counting tokens, or `undefined` if it contains more than text. */
  sent?(request: InferenceRequest<Prepared>): SentText | undefined;
}

/** HTTP request without its URL. */
export interface Wire extends Omit<HttpRequest, "url"> {
  /** Readable form of a binary body, for the trace. */
  readonly shown?: string;
}

/** Reads an answer and returns its output. */
export interface AnswerReader extends ResponseReader {
  /**
   * Returns the output when the response has ended.
   *
   * @throws {RequestError} If the answer is not complete.
   */
  result(): Output;
}

/** Text whose tokens are counted. */
export interface SentText {
  /** The text, or several texts that are tokenized separately. */
  readonly text: string | readonly string[];
  /** Question to `/tokenize`: `{ prompt }` or `{ messages }`. Absent for several texts, which it cannot count. */
  readonly tokenize?: Readonly<Record<string, unknown>>;
}

/** Creates the protocol of a backend from its settings and the model's name. */
export type ProtocolOf<Settings, Prepared> = (
  settings: Settings,
  model: string,
) => Protocol<Prepared>;
