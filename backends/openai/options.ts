import { z } from "zod";
import type { SampleInput, Turn } from "../../plugins/mod.ts";
import {
  offLimit,
  refineTarget,
  refuse,
  type TargetOptions,
  targetShape,
  text,
} from "../connect/options.ts";
import type { JsonObject } from "../../lib/json.ts";
import { withoutEmpty } from "./json.ts";

/** Options that all backends of the OpenAI API share. */
export interface OpenAiOptions extends TargetOptions {
  /** Further fields of each request body. They replace fields that earshot sets; null removes a field. */
  body?: Record<string, unknown>;
  /**
   * Keeps connections open for later requests.
   *
   * @default {true}
   */
  reuse?: boolean;
  /**
   * Sends a request once more on a new connection if a reused connection closes within a second and before any byte of
   * the response arrives. Such requests are counted.
   *
   * @default {true}
   */
  retryStale?: boolean;
  /**
   * Uses HTTP/2 if the server offers it over TLS.
   *
   * @default {false}
   */
  http2?: boolean;
  /**
   * Timeout between sending the request and the response headers, in milliseconds; `"off"` or false to disable.
   *
   * @default {"off": `requestTimeoutMs` applies}
   */
  headersTimeoutMs?: number | "off" | false;
  /**
   * Timeout between two reads of a response, in milliseconds; `"off"` or false to disable.
   *
   * @default {120000}
   */
  receiveTimeoutMs?: number | "off" | false;
  /**
   * Timeout of the whole request, in milliseconds; `"off"` or false to disable.
   *
   * @default {600000, and 3600000 for uploaded speech}
   */
  requestTimeoutMs?: number | "off" | false;
  /** A `tokenizer.json` or the folder that contains it: counts tokens if the server does not. */
  tokenizer?: string;
  /**
   * Requests `/tokenize` for token counts that the answer lacks.
   *
   * @default {true}
   */
  tokenize?: boolean;
}

/** Options of the backends that generate text, which may be streamed. */
export interface GenerationOptions extends OpenAiOptions {
  /**
   * Requests a streamed answer.
   *
   * @default {true}
   */
  stream?: boolean;
  /**
   * When a streamed answer reports token counts: in its `final` event, `continuous` in every event, or `off` for servers
   * that reject the request for counts.
   *
   * @default {"final"}
   */
  streamUsage?: "final" | "continuous" | "off";
  /** Maximum number of output tokens if the data gives none. The server's default unless set. */
  maxOutputTokens?: number;
  /**
   * Generates exactly that many tokens: sends `ignore_eos`, which vLLM and SGLang support.
   *
   * @default {false}
   */
  ignoreEos?: boolean;
}

/** Schema of {@linkcode OpenAiOptions}, for use in a backend's own schema. */
export const openAiShape = {
  ...targetShape,
  body: z.record(z.string(), z.unknown()).default({}).describe(
    "Further fields of each request body; null removes a field",
  ),
  reuse: z.boolean().default(true).describe(
    "Keeps connections open for later requests",
  ),
  retryStale: z.boolean().default(true).describe(
    "Sends a request once more if a reused connection turns out closed or HTTP/2 refuses it unread",
  ),
  http2: z.boolean().default(false).describe(
    "Uses HTTP/2 if the server offers it over TLS",
  ),
  headersTimeoutMs: offLimit().default("off").describe(
    'Timeout of the response headers, or "off"',
  ),
  receiveTimeoutMs: offLimit().default(120_000).describe(
    'Timeout between two reads of a response, or "off"',
  ),
  requestTimeoutMs: offLimit().default(600_000).describe(
    'Timeout of the whole request, or "off"',
  ),
  tokenizer: text("must name a file", (value) => value !== "").meta({
    format: "path",
  }).optional()
    .describe("A tokenizer.json: counts tokens if the server does not"),
  tokenize: z.boolean().default(true).describe(
    "Requests /tokenize for token counts that the answer lacks",
  ),
};

/** Schema of {@linkcode GenerationOptions}, for use in a backend's own schema. */
export const generationShape = {
  ...openAiShape,
  stream: z.boolean().default(true).describe("Requests a streamed answer"),
  streamUsage: z.enum(["final", "continuous", "off"]).default("final")
    .describe("When a streamed answer reports token counts"),
  maxOutputTokens: z.int().positive().optional().describe(
    "Maximum number of output tokens if the data gives none",
  ),
  ignoreEos: z.boolean().default(false).describe(
    "Generates exactly that many tokens (ignore_eos)",
  ),
};

/** Validated options of any backend of the OpenAI API, with their defaults. */
export type OpenAiSettings =
  & z.output<z.ZodObject<typeof openAiShape>>
  & Partial<z.output<z.ZodObject<typeof generationShape>>>;

/**
 * Checks that options agree and that `body` sets none of the fields that the data provides: for `superRefine`. Options of
 * streams are checked where a backend has them.
 */
export function refineOpenAi(
  settings: OpenAiSettings,
  context: z.RefinementCtx,
  dataFields: readonly string[] = [],
): void {
  const { body, streamUsage } = settings;
  const name = dataFields.find((name) => Object.hasOwn(body, name));
  if (name !== undefined) {
    refuse(context, "body", `must not set ${name}, which the data provides`);
  }
  if (streamUsage === "continuous" && !isStreamed(settings)) {
    refuse(
      context,
      "streamUsage",
      "must be final or off unless the answer is streamed",
    );
  }
  refineTarget(settings, context);
}

/** Reports whether an answer is streamed. The `body` option overrides `stream`. */
export function isStreamed({ stream, body }: OpenAiSettings): boolean {
  if (stream === undefined) return false;
  return (Object.hasOwn(body, "stream") ? body.stream : stream) === true;
}

/** Returns the number of answers requested: `n` in the `body` option, or 1. */
export function answerCount({ body: { n } }: OpenAiSettings): number {
  return Number.isInteger(n) && (n as number) > 1 ? n as number : 1;
}

/** Fields for the maximum number of output tokens, as endpoints name them. */
const LIMIT_FIELDS = [
  "max_completion_tokens",
  "max_tokens",
  "max_output_tokens",
] as const;

/** Returns the maximum number of tokens per answer, or `undefined` if no limit is sent. */
export function tokenLimit(
  { body, maxOutputTokens }: OpenAiSettings,
  turn: Turn,
): number | undefined {
  for (const name of LIMIT_FIELDS) {
    if (Number.isInteger(body[name])) return Number(body[name]);
  }
  return turn.maxOutputTokens ?? maxOutputTokens;
}

/**
 * Returns the number of output tokens that a request asks for, of all answers together: exactly so many with `ignoreEos`,
 * or a `min_tokens` in the `body` option that is as large as the limit.
 */
export function outputLimit(
  settings: OpenAiSettings,
  turn: Turn,
): Pick<SampleInput, "maxOutputTokens" | "isExactLength"> {
  const limit = tokenLimit(settings, turn);
  if (limit === undefined) return {};
  const { ignoreEos, body: { ignore_eos, min_tokens } } = settings;
  const isExactLength = (ignore_eos ?? ignoreEos) === true ||
    (typeof min_tokens === "number" && min_tokens >= limit);
  return {
    maxOutputTokens: limit * answerCount(settings),
    ...(isExactLength && { isExactLength }),
  };
}

/**
 * Builds the fields of a request for generated text: `own` are those of one endpoint alone, `maxTokensField` is its name
 * for the maximum number of output tokens. Fields of the `body` option win; null removes a field.
 *
 * @throws {Error} If `ignoreEos` is set without a number of tokens.
 */
export function generationFields(
  settings: OpenAiSettings,
  { model, maxTokensField, turn, own }: {
    readonly model: string;
    readonly maxTokensField: typeof LIMIT_FIELDS[number];
    readonly turn: Turn;
    readonly own: JsonObject;
  },
): JsonObject {
  const { streamUsage = "off", ignoreEos, body } = settings;
  const stream = isStreamed(settings);
  const fields = withoutEmpty({
    model,
    ...own,
    [maxTokensField]: turn.maxOutputTokens ?? settings.maxOutputTokens,
    ignore_eos: ignoreEos || undefined,
    stream: stream || undefined,
    ...(stream && streamUsage !== "off" && {
      stream_options: {
        include_usage: true,
        ...(streamUsage === "continuous" && { continuous_usage_stats: true }),
      },
    }),
    ...body,
  });
  if (ignoreEos && !LIMIT_FIELDS.some((name) => name in fields)) {
    throw new Error(
      "maxOutputTokens must be set if ignoreEos is true and the data gives no number of tokens",
    );
  }
  return fields;
}
