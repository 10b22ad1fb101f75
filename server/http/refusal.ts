import type { Options } from "../settings.ts";

/** Optional parts of a {@linkcode Refusal}. */
export interface RefusalParts {
  /** @default 400 */
  readonly status?: number;
  /** The field that is wrong. */
  readonly param?: string | null;
  /** The kind of error. @default that of the status */
  readonly type?: string | undefined;
  /** OpenAI's code of the error. */
  readonly code?: string | null;
  readonly cause?: unknown;
}

/** The refusal of a request, before any token is generated. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;

  /** Creates a refusal with status 400, unless another one is given. */
  constructor(message: string, readonly parts: RefusalParts = {}) {
    super(message, { cause: parts.cause });
    this.status = parts.status ?? 400;
  }
}

/** The refusal of a parameter, which vLLM names at the end of the message. */
export function refusedParameter(
  message: string,
  param: string,
  { value, code }: { value?: number; code?: string } = {},
): Refusal {
  const shown = value === undefined ? "" : `, value=${value}`;
  return new Refusal(`${message} (parameter=${param}${shown})`, {
    param,
    code: code ?? null,
  });
}

/** The JSON of a refusal in a dialect. */
export function refusalJson(
  { status, message, parts }: Refusal,
  dialect: Options["dialect"],
): string {
  const { type, param = null, code = null } = parts;
  const openAiType = status < 500 ? "invalid_request_error" : "server_error";
  const vllmType = type ?? VLLM_TYPES[status] ?? "InternalServerError";
  const error = dialect === "vllm"
    ? { message, type: vllmType, param, code: status }
    : { message, type: openAiType, param, code };
  return JSON.stringify({ error });
}

/** vLLM's kind of error for a status. */
const VLLM_TYPES: Readonly<Record<number, string>> = {
  400: "BadRequestError",
  404: "NotFoundError",
  500: "InternalServerError",
  503: "ServiceUnavailableError",
};

/** Creates the refusal for a code: a status, or a word that names its kind. */
export function failureOf(code: string, message: string): Refusal {
  const status = /^[45]\d\d$/.test(code) ? Number(code) : 500;
  const kind = /^\d+$/.test(code) ? {} : { type: code, code };
  return new Refusal(message, { status, ...kind });
}

/** A server-sent event. */
export interface ServerEvent {
  /** Its type in the log. */
  readonly type: string;
  /** Its text, the empty line included. */
  readonly text: string;
}

/** Forms the events of an error in the middle of a stream. */
export type FailureEvents = (code: string, message: string) => ServerEvent[];

/** The event that ends most streams. */
export const DONE_EVENT: ServerEvent = {
  type: "[DONE]",
  text: "data: [DONE]\n\n",
};

/** Forms the error events of a stream of chunks: the error, then the usual end. */
export function chunkFailure(
  { dialect, done }: Options,
): FailureEvents {
  return (code, message) => {
    const json = refusalJson(failureOf(code, message), dialect);
    const error = { type: "error", text: `data: ${json}\n\n` };
    return done ? [error, DONE_EVENT] : [error];
  };
}
