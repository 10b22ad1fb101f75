import type { Dialect } from "../openai/options.ts";

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
    { status = 400, param = null, type, code = null, cause }: {
      status?: number;
      cause?: unknown;
      param?: string | null;
      type?: string;
      code?: string | null;
    } = {},
  ) {
    super(message, { cause });
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
  503: "ServiceUnavailableError",
};

function openAiType(status: number): string {
  return status < 500 ? "invalid_request_error" : "server_error";
}

/** One finding of pydantic about a body. */
export interface Finding {
  readonly type: string;
  readonly loc: string;
  readonly msg: string;
  readonly input: string;
}

/** The body is not of the form that it must have. */
export function invalid(findings: readonly Finding[]): Refusal {
  const lines = findings.map(({ type, loc, msg, input }) =>
    `  {'type': '${type}', 'loc': '${loc}', 'msg': '${msg}', 'input': '${input}'}`
  );
  return new Refusal(`${count(findings.length)}:\n${lines.join("\n")}`, {
    type: "Bad Request",
    param: findings[0]!.loc,
  });
}

/** The body is no JSON. */
export function invalidJson(text: string): Refusal {
  const isObject = text.trimStart().startsWith("{");
  const position = isObject ? text.indexOf("{") + 1 : 0;
  const reason = isObject
    ? "Expecting property name enclosed in double quotes"
    : "Expecting value";
  return new Refusal(
    `1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.${position}', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', 'ctx': {'error': '${reason}'}}`,
    { type: "Bad Request", param: `body.${position}` },
  );
}

function count(findings: number): string {
  return `${findings} validation error${findings === 1 ? "" : "s"}`;
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
