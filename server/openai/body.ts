import { isRecord } from "../../lib/record.ts";
import type { ServerHost } from "../context.ts";
import type { Incoming } from "../http/endpoints.ts";
import type { Exchange } from "../http/exchange.ts";
import { Refusal, refusedParameter } from "../http/refusal.ts";
import type { Options } from "../settings.ts";

/** The JSON object of a request. */
export type Body = Readonly<Record<string, unknown>>;

/** The most answers to a prompt: vLLM's own limit. */
const MAX_CHOICES = 16_384;

/**
 * Reads a request's body.
 *
 * @param required Fields that must be there.
 * @param given Number of fields that vLLM itself adds before it counts them.
 * @throws {Refusal} If the body is not JSON, lacks a field or names an unknown model.
 */
export function readBody(
  { body: bytes, contentType }: Incoming,
  { models }: ServerHost,
  { required = [], given = 0 }: {
    required?: readonly string[];
    given?: number;
  } = {},
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

function parse(text: string): Body {
  if (text === "") {
    throw invalid(["missing", "body", "Field required", "None"]);
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw invalidJson(text, cause);
  }
  if (isRecord(body)) return body;
  const message =
    "Input should be a valid dictionary or object to extract fields from";
  const input = Array.isArray(body)
    ? `<list of ${body.length} items>`
    : String(body);
  throw invalid(["model_attributes_type", "body", message, input]);
}

function invalidJson(text: string, cause: unknown): Refusal {
  const isObject = text.trimStart().startsWith("{");
  const position = isObject ? text.indexOf("{") + 1 : 0;
  const reason = isObject
    ? "Expecting property name enclosed in double quotes"
    : "Expecting value";
  return new Refusal(
    `1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.${position}', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', 'ctx': {'error': '${reason}'}}`,
    { type: "Bad Request", param: `body.${position}`, cause },
  );
}

/** A finding of pydantic about a field of a body. */
type Finding = readonly [kind: string, loc: string, msg: string, input: string];

/** The refusal of a body that does not have the form it must have. */
export function invalid(...findings: [Finding, ...Finding[]]): Refusal {
  const lines = findings.map(([kind, loc, msg, input]) =>
    `  {'type': '${kind}', 'loc': '${loc}', 'msg': '${msg}', 'input': '${input}'}`
  );
  const count = `${lines.length} validation error${
    lines.length === 1 ? "" : "s"
  }`;
  const [[, param]] = findings;
  return new Refusal([`${count}:`, ...lines].join("\n"), {
    type: "Bad Request",
    param,
  });
}

/** The refusal of a body without some fields. */
export function missingFields(
  fields: readonly string[],
  body: Body,
  given = 0,
): Refusal {
  const input = `<dict of ${Object.keys(body).length + given} items>`;
  const [first, ...others] = fields.map((
    field,
  ): Finding => ["missing", `body.${field}`, "Field required", input]);
  return invalid(first!, ...others);
}

/**
 * Checks the model that a request names. A request that names none gets the first.
 *
 * @throws {Refusal} If the server does not have that model.
 */
export function checkModel(model: unknown, models: readonly string[]): void {
  if (typeof model !== "string" || !model || models.includes(model)) return;
  const aliases = models.join(", ");
  throw new Refusal(
    `The model \`${model}\` does not exist. Valid aliases: ${aliases}.`,
    { status: 404, param: "model", code: "model_not_found" },
  );
}

/** Limits on the tokens of an answer. */
export interface TokenLimit {
  readonly most: number;
  readonly least: number;
}

/**
 * Reads the limits on an answer's tokens: the first of `fields` that is set, `min_tokens`, `ignore_eos`, and the room
 * that the prompt leaves.
 *
 * @param usual The limit of a request that sets none.
 * @throws {Refusal} If no token is allowed, or the prompt leaves no room.
 */
export function tokenLimit(
  body: Body,
  fields: readonly string[],
  promptTokens: number,
  { maxModelLen }: Pick<Options, "maxModelLen">,
  usual = Infinity,
): TokenLimit {
  const field = fields.find((name) => isSet(body[name]));
  const asked = field === undefined ? usual : wholeNumber(body, field);
  if (field !== undefined) checkAsked(field, asked, maxModelLen);
  if (promptTokens >= maxModelLen) throw tooLong(maxModelLen);
  const most = Math.min(asked, maxModelLen - promptTokens);
  const { min_tokens, ignore_eos } = body;
  const floor = typeof min_tokens === "number" ? min_tokens : 0;
  return { most, least: ignore_eos === true ? most : Math.min(floor, most) };
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function wholeNumber(body: Body, field: string): number {
  const value = body[field];
  if (Number.isInteger(value)) return value as number;
  throw notInteger(field, value);
}

/** The refusal of a field that is not a whole number. */
export function notInteger(field: string, value: unknown): Refusal {
  const message = "Input should be a valid integer";
  const parsing = `${message}, unable to parse string as an integer`;
  const loc = `body.${field}`;
  return typeof value === "string"
    ? invalid(["int_parsing", loc, parsing, value])
    : invalid(["int_type", loc, message, String(value)]);
}

function checkAsked(field: string, value: number, maxModelLen: number): void {
  if (value < 1) {
    const message = `max_tokens must be at least 1, got ${value}.`;
    throw refusedParameter(message, "max_tokens", { value });
  }
  if (value <= maxModelLen) return;
  throw refusedParameter(
    `${field}=${value} cannot be greater than max_model_len=${maxModelLen}. Please request fewer output tokens.`,
    field,
    { value },
  );
}

function tooLong(maxModelLen: number): Refusal {
  const value = maxModelLen + 1;
  return refusedParameter(
    `This model's maximum context length is ${maxModelLen} tokens. However, your prompt contains at least ${value} input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.`,
    "input_tokens",
    { value, code: "context_length_exceeded" },
  );
}

/**
 * Reads how many answers a request wants.
 *
 * @throws {Refusal} If that is not a number of at least 1, or more than vLLM gives.
 */
export function choicesOf(body: Body): number {
  const n = isSet(body.n) ? wholeNumber(body, "n") : 1;
  if (n < 1) throw new Refusal(`n must be at least 1, got ${n}.`);
  if (n <= MAX_CHOICES) return n;
  throw new Refusal(
    `n must be at most ${MAX_CHOICES}, got ${n}. To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable.`,
  );
}

/**
 * Whether a request wants a stream.
 *
 * @throws {Refusal} If it sets options of a stream without one, or for a server that does not know them.
 */
export function isStreamed(
  body: Body,
  { options, refusesStreams }: Exchange,
): boolean {
  const param = "stream_options";
  const wantsStream = body.stream === true;
  if (isSet(body[param]) && options.refuseStreamOptions) {
    throw new Refusal(`Unrecognized request argument supplied: ${param}`, {
      param,
      code: "unknown_parameter",
    });
  }
  if (isSet(body[param]) && !wantsStream) throw withoutStream(param);
  return wantsStream && !refusesStreams;
}

/** The refusal of an option of streams in a request without a stream. */
export function withoutStream(param: string): Refusal {
  const message = "Stream options can only be defined when `stream=True`.";
  return refusedParameter(message, param);
}
