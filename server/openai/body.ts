import { invalidJson, missingField, Refusal, unknownModel } from "./errors.ts";
import type { RequestOptions } from "./options.ts";

/** The JSON object that was posted. */
export type Body = Readonly<Record<string, unknown>>;

/**
 * Reads the body and looks whether it has what it must.
 *
 * @throws {Refusal} It has not.
 */
export function readBody(
  bytes: Uint8Array,
  { required, models }: {
    required: readonly string[];
    models: readonly string[];
  },
): Body {
  const body = parse(new TextDecoder().decode(bytes));
  for (const field of required) {
    if (body[field] === undefined) {
      throw missingField(field, Object.keys(body).length);
    }
  }
  const { model } = body;
  if (typeof model === "string" && !models.includes(model)) {
    throw unknownModel(model, models);
  }
  return body;
}

function parse(text: string): Body {
  try {
    const body = JSON.parse(text);
    if (typeof body === "object" && body !== null && !Array.isArray(body)) {
      return body;
    }
  } catch {
    throw invalidJson(
      badPosition(text),
      text === ""
        ? "Expecting value"
        : "Expecting property name enclosed in double quotes",
    );
  }
  throw new Refusal(
    "1 validation error:\n  {'type': 'model_attributes_type', 'loc': 'body', 'msg': 'Input should be a valid dictionary or object to extract fields from'}",
    { type: "Bad Request", param: "body" },
  );
}

/** Where the JSON breaks, near enough. */
function badPosition(text: string): number {
  return text.trimStart().startsWith("{") ? text.indexOf("{") + 1 : 0;
}

/**
 * The most tokens that the answer may have.
 *
 * @throws {Refusal} The request's limit is none.
 */
export function tokenLimit(
  body: Body,
  fields: readonly string[],
  { promptTokens, maxModelLen }: { promptTokens: number; maxModelLen: number },
): { limit: number; asked: boolean } {
  const room = maxModelLen - promptTokens;
  const field = fields.find((name) => typeof body[name] === "number");
  if (!field) return { limit: room, asked: false };
  const value = body[field] as number;
  const told = `(parameter=${field}, value=${value})`;
  if (value < 1) {
    throw new Refusal(`${field} must be at least 1, got ${value}. ${told}`, {
      param: field,
    });
  }
  if (value > maxModelLen) {
    throw new Refusal(
      `${field}=${value} cannot be greater than max_model_len=${maxModelLen}. Please request fewer output tokens. ${told}`,
      { param: field },
    );
  }
  return { limit: Math.min(value, room), asked: true };
}

/**
 * Whether the answer is to be streamed.
 *
 * @throws {Refusal} There are options for a stream where there is none, or where they are not known.
 */
export function isStreamed(body: Body, options: RequestOptions): boolean {
  const stream = body.stream === true;
  const { stream_options } = body;
  if (stream_options === undefined || stream_options === null) return stream;
  if (options.refuseStreamOptions) {
    throw new Refusal(
      "Unrecognized request argument supplied: stream_options",
      {
        param: "stream_options",
        code: "unknown_parameter",
      },
    );
  }
  if (stream) return true;
  throw new Refusal(
    "Stream options can only be defined when `stream=True`. (parameter=stream_options)",
    { param: "stream_options" },
  );
}
