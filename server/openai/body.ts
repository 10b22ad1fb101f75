import { pythonType } from "../realtime/python.ts";
import { MAX_CHOICES } from "./bounds.ts";
import type { Incoming } from "../http/endpoints.ts";
import {
  invalid,
  invalidJson,
  Refusal,
  unknownModel,
} from "../http/refusal.ts";
import type { Exchange } from "../http/exchange.ts";

/** The JSON object that was posted. */
export type Body = Readonly<Record<string, unknown>>;

/**
 * Reads the body and looks whether it has what it must.
 *
 * @throws {Refusal} It has not.
 */
export function readBody(
  { body: bytes, contentType }: Incoming,
  { required, models, given = 0 }: {
    required: readonly string[];
    models: readonly string[];
    /** Fields that vLLM itself gives the body before it looks. */
    given?: number;
  },
): Body {
  if (contentType && !/^application\/([\w.-]+\+)?json/i.test(contentType)) {
    throw new Refusal(
      "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
      { type: "Bad Request" },
    );
  }
  const body = parse(new TextDecoder().decode(bytes));
  const missing = required.filter((field) => body[field] === undefined);
  if (missing.length > 0) throw missingFields(missing, body, given);
  checkModel(body.model, models);
  return body;
}

/**
 * Looks whether there is such a model; none named is the first.
 *
 * @throws {Refusal} There is not.
 */
export function checkModel(model: unknown, models: readonly string[]): void {
  if (typeof model === "string" && model && !models.includes(model)) {
    throw unknownModel(model, models);
  }
}

/** What pydantic says where fields are missing. */
export function missingFields(
  fields: readonly string[],
  body: Body,
  given = 0,
): Refusal {
  const input = `<dict of ${Object.keys(body).length + given} items>`;
  return invalid(fields.map((field) => ({
    type: "missing",
    loc: `body.${field}`,
    msg: "Field required",
    input,
  })));
}

function parse(text: string): Body {
  const found = (type: string, msg: string, input: string) =>
    invalid([{ type, loc: "body", msg, input }]);
  if (text === "") throw found("missing", "Field required", "None");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw invalidJson(text);
  }
  if (pythonType(body) === "dict") return body as Body;
  const input = Array.isArray(body)
    ? `<list of ${body.length} items>`
    : String(body);
  throw found(
    "model_attributes_type",
    "Input should be a valid dictionary or object to extract fields from",
    input,
  );
}

/** How many tokens an answer may have, and must. */
export interface TokenLimit {
  /** The most, by request and model. */
  readonly most: number;
  /** The fewest. */
  readonly least: number;
}

/**
 * Reads how many tokens the answer may have: the request's first field that is given, `min_tokens`, `ignore_eos`, and
 * the room that the prompt leaves.
 *
 * @throws {Refusal} They are none, or the prompt leaves no room.
 */
export function tokenLimit(
  body: Body,
  { fields, promptTokens, maxModelLen, usual = Infinity }: {
    fields: readonly string[];
    promptTokens: number;
    maxModelLen: number;
    /** What holds where the request says nothing. */
    usual?: number;
  },
): TokenLimit {
  const field = fields.find((name) =>
    body[name] !== undefined && body[name] !== null
  );
  const asked = field === undefined ? usual : wholeNumber(body, field);
  if (field !== undefined) checkAsked(field, asked, maxModelLen);
  checkLength(promptTokens, maxModelLen);
  const most = Math.min(asked, maxModelLen - promptTokens);
  const { min_tokens, ignore_eos } = body;
  const floor = typeof min_tokens === "number" ? min_tokens : 0;
  return { most, least: ignore_eos === true ? most : Math.min(floor, most) };
}

function wholeNumber(body: Body, field: string): number {
  const value = body[field];
  if (Number.isInteger(value)) return value as number;
  throw invalid([
    typeof value === "string"
      ? {
        type: "int_parsing",
        loc: `body.${field}`,
        msg:
          "Input should be a valid integer, unable to parse string as an integer",
        input: value,
      }
      : {
        type: "int_type",
        loc: `body.${field}`,
        msg: "Input should be a valid integer",
        input: String(value),
      },
  ]);
}

function checkAsked(field: string, value: number, maxModelLen: number): void {
  if (value < 1) {
    throw new Refusal(
      `max_tokens must be at least 1, got ${value}. (parameter=max_tokens, value=${value})`,
      { param: "max_tokens" },
    );
  }
  if (value <= maxModelLen) return;
  throw new Refusal(
    `${field}=${value} cannot be greater than max_model_len=${maxModelLen}. Please request fewer output tokens. (parameter=${field}, value=${value})`,
    { param: field },
  );
}

/** Refuses a prompt that no model of that length can hold. */
function checkLength(promptTokens: number, maxModelLen: number): void {
  if (promptTokens < maxModelLen) return;
  const least = maxModelLen + 1;
  throw new Refusal(
    `This model's maximum context length is ${maxModelLen} tokens. However, your prompt contains at least ${least} input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=${least})`,
    { param: "input_tokens", code: "context_length_exceeded" },
  );
}

/**
 * How many answers are asked for.
 *
 * @throws {Refusal} It is no number of at least 1, or more than vLLM gives.
 */
export function choicesOf(body: Body): number {
  if (body.n === undefined || body.n === null) return 1;
  const n = wholeNumber(body, "n");
  if (n < 1) throw new Refusal(`n must be at least 1, got ${n}.`);
  if (n <= MAX_CHOICES) return n;
  throw new Refusal(
    `n must be at most ${MAX_CHOICES}, got ${n}. To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable.`,
  );
}

/**
 * Whether the answer is to be streamed.
 *
 * @throws {Refusal} There are options for a stream where there is none, or where they are not known.
 */
export function isStreamed(
  body: Body,
  { options, refusesStreams }: Pick<Exchange, "options" | "refusesStreams">,
): boolean {
  const stream = body.stream === true && !refusesStreams;
  const { stream_options } = body;
  if (stream_options === undefined || stream_options === null) return stream;
  if (options.refuseStreamOptions) {
    throw new Refusal(
      "Unrecognized request argument supplied: stream_options",
      { param: "stream_options", code: "unknown_parameter" },
    );
  }
  if (body.stream === true) return stream;
  throw new Refusal(
    "Stream options can only be defined when `stream=True`. (parameter=stream_options)",
    { param: "stream_options" },
  );
}
