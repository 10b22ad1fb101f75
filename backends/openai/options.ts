import { z } from "zod";
import { streams } from "./body.ts";
import {
  offLimit,
  refineTarget,
  refuse,
  type TargetOptions,
  targetShape,
  text,
} from "../connect/options.ts";

/** Options that all backends of the OpenAI API have. */
export interface OpenAiOptions extends TargetOptions {
  /** What else to put into the body of each request; wins over what earshot would put there. */
  body?: Record<string, unknown>;
  /**
   * Whether a connection takes one request after another.
   *
   * @default {true}
   */
  reuse?: boolean;
  /**
   * Whether a request is sent again on a new connection, once and counted, where a used connection closes within a
   * second and before anything of a response has come.
   *
   * @default {true}
   */
  retryStale?: boolean;
  /**
   * Whether to speak HTTP/2 where a server offers it over TLS.
   *
   * @default {false}
   */
  http2?: boolean;
  /**
   * Timeout of the response's headers, from when the request was sent, in milliseconds; `"off"` or false for none.
   *
   * @default {"off": `requestTimeoutMs` holds}
   */
  headersTimeoutMs?: number | "off" | false;
  /**
   * Timeout between two reads of a response, in milliseconds; `"off"` or false for none.
   *
   * @default {120000}
   */
  receiveTimeoutMs?: number | "off" | false;
  /**
   * Timeout of the whole request, in milliseconds; `"off"` or false for none.
   *
   * @default {600000, and 3600000 for uploaded speech}
   */
  requestTimeoutMs?: number | "off" | false;
  /** A `tokenizer.json`, or the folder that holds one: counts tokens where the server does not. */
  tokenizer?: string;
  /**
   * Whether the server is asked to `/tokenize` where it has not counted tokens by itself.
   *
   * @default {true}
   */
  tokenize?: boolean;
}

/** Options of the backends whose answers are generated, and may be streamed. */
export interface GenerationOptions extends OpenAiOptions {
  /**
   * Whether the answer is to be streamed.
   *
   * @default {true}
   */
  stream?: boolean;
  /**
   * Whether a streamed answer is to bring token counts: with its `final` event, `continuous` with each event, or
   * `off`, for servers that refuse to be asked.
   *
   * @default {"final"}
   */
  streamUsage?: "final" | "continuous" | "off";
  /** How many tokens to generate where the data does not say. As the server likes, unless given. */
  maxOutputTokens?: number;
  /**
   * Whether that many tokens are to be generated exactly: sends `ignore_eos`, which vLLM and sglang know.
   *
   * @default {false}
   */
  ignoreEos?: boolean;
}

/** The schema of {@linkcode OpenAiOptions}, to be spread into a backend's own. */
export const openAiShape = {
  ...targetShape,
  body: z.record(z.string(), z.unknown()).default({}).describe(
    "What else to put into the body of each request",
  ),
  reuse: z.boolean().default(true).describe(
    "Whether a connection takes one request after another",
  ),
  retryStale: z.boolean().default(true).describe(
    "Whether a request is sent again, once, if a used connection turns out closed or HTTP/2 refuses it unread",
  ),
  http2: z.boolean().default(false).describe(
    "Whether to speak HTTP/2 where a server offers it over TLS",
  ),
  headersTimeoutMs: offLimit().default("off").describe(
    'Timeout of the response\'s headers, or "off"',
  ),
  receiveTimeoutMs: offLimit().default(120_000).describe(
    'Timeout between two reads of a response, or "off"',
  ),
  requestTimeoutMs: offLimit().default(600_000).describe(
    'Timeout of the whole request, or "off"',
  ),
  tokenizer: text("must name a file", (value) => value !== "").optional()
    .describe("A tokenizer.json: counts tokens where the server does not"),
  tokenize: z.boolean().default(true).describe(
    "Whether the server is asked to /tokenize where it has not counted",
  ),
};

/** The schema of {@linkcode GenerationOptions}, to be spread into a backend's own. */
export const generationShape = {
  ...openAiShape,
  stream: z.boolean().default(true).describe(
    "Whether the answer is to be streamed",
  ),
  streamUsage: z.enum(["final", "continuous", "off"]).default("final")
    .describe("When a streamed answer brings token counts"),
  maxOutputTokens: z.int().positive().optional().describe(
    "How many tokens to generate where the data does not say",
  ),
  ignoreEos: z.boolean().default(false).describe(
    "Whether that many are to be generated exactly (ignore_eos)",
  ),
};

/** {@linkcode OpenAiOptions} with what was left out. */
export type OpenAiSettings = z.output<z.ZodObject<typeof openAiShape>>;

/** {@linkcode GenerationOptions} with what was left out. */
export type GenerationSettings = z.output<
  z.ZodObject<typeof generationShape>
>;

/** Holds the options of {@linkcode generationShape} to each other: for `superRefine`. */
export function refineGeneration(
  settings: Pick<GenerationSettings, "stream" | "streamUsage" | "body">,
  context: z.RefinementCtx,
): void {
  if (settings.streamUsage !== "continuous" || streams(settings)) return;
  refuse(
    context,
    "streamUsage",
    "Cannot be used as an answer that comes whole has no events: current value is continuous",
  );
}

export { refineTarget };
