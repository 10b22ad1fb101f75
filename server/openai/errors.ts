import type { Dialect } from "./options.ts";

/** Why a request is refused, before anything is generated. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  /** The field that is wrong. */
  readonly param: string | null;
  /** The kind of error, where it is not the status's usual one. */
  readonly type: string | undefined;
  /** A word for programs, which OpenAI gives beside the kind. */
  readonly code: string | null;

  /** A refusal with a status; 400 unless given. */
  constructor(
    message: string,
    { status = 400, param = null, type, code = null }: {
      status?: number;
      param?: string | null;
      type?: string;
      code?: string | null;
    } = {},
  ) {
    super(message);
    this.status = status;
    this.param = param;
    this.type = type;
    this.code = code;
  }
}

/** The JSON that tells of a refusal, as the dialect's servers form it. */
export function refusalJson(refusal: Refusal, dialect: Dialect): string {
  const { status, message, param } = refusal;
  const type = refusal.type ?? TYPES[status] ?? "InternalServerError";
  switch (dialect) {
    case "vllm":
      return JSON.stringify({ error: { message, type, param, code: status } });
    case "sglang":
      return JSON.stringify({
        object: "error",
        message,
        type,
        param,
        code: status,
      });
    case "mistral":
      return JSON.stringify({
        object: "error",
        message,
        type: openAiType(status),
        param,
        code: refusal.code,
      });
    case "openai":
    case "deepseek":
      return JSON.stringify({
        error: {
          message,
          type: openAiType(status),
          param,
          code: refusal.code,
        },
      });
  }
}

/** What vLLM calls the errors of a status. */
const TYPES: Readonly<Record<number, string>> = {
  400: "BadRequestError",
  404: "NotFoundError",
  500: "InternalServerError",
};

function openAiType(status: number): string {
  return status < 500 ? "invalid_request_error" : "server_error";
}

/** A field is missing, as pydantic finds. */
export function missingField(field: string, fields: number): Refusal {
  return new Refusal(
    `1 validation error:\n  {'type': 'missing', 'loc': 'body.${field}', 'msg': 'Field required', 'input': '<dict of ${fields} items>'}`,
    { type: "Bad Request", param: `body.${field}` },
  );
}

/** The body is no JSON. */
export function invalidJson(position: number, reason: string): Refusal {
  return new Refusal(
    `1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.${position}', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', 'ctx': {'error': '${reason}'}}`,
    { type: "Bad Request", param: `body.${position}` },
  );
}

/** No such model. */
export function unknownModel(
  model: string,
  models: readonly string[],
): Refusal {
  return new Refusal(
    `The model \`${model}\` does not exist. Valid aliases: ${
      models.join(", ")
    }.`,
    { status: 404, param: "model", code: "model_not_found" },
  );
}
