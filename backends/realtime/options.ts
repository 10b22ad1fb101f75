import { z } from "zod";
import { isHttpPath, parseTarget } from "./endpoint.ts";

/** Options of {@linkcode realtime}. */
export interface RealtimeOptions {
  /** The server: an http, https, ws or wss URL. A path before the protocol's own and a query are kept. */
  target: string;
  /**
   * Where the protocol lives on the server.
   *
   * @default {"/v1/realtime"}
   */
  path?: string;
  /** The model's name on the server. The first that `GET /v1/models` lists, unless given. */
  model?: string;
  /**
   * The protocol that the server speaks.
   *
   * @default {"vllm"}
   */
  dialect?: "vllm";
  /**
   * `stream` sends audio as a microphone would and reads the transcript meanwhile. `batch` sends all of it and
   * only then lets the server begin, as GuideLLM does: for comparison.
   *
   * @default {"stream"}
   */
  mode?: "stream" | "batch";
  /**
   * Length of a piece of audio, in milliseconds: 20 to 1000 are sensible.
   *
   * @default {100}
   */
  chunkMs?: number;
  /**
   * Times as fast as speech; 0 sends as fast as the server takes it, which is what `batch` always does.
   *
   * @default {1}
   */
  speed?: number;
  /** Headers of each request, the upgrade included. */
  headers?: Record<string, string>;
  /** Name of the environment variable that holds the key for `Authorization: Bearer`. */
  apiKeyEnv?: string;
  /** File of the certificates to trust in place of the usual ones, in PEM. */
  caCert?: string;
  /** File of the client's certificate, in PEM. */
  clientCert?: string;
  /** File of the client certificate's key, in PEM. */
  clientKey?: string;
  /**
   * Takes any certificate.
   *
   * @default {false}
   */
  insecure?: boolean;
  /**
   * What must answer with a 2xx before any load is offered; `"off"` or false to do without.
   *
   * @default {"/health"}
   */
  healthPath?: string | false;
  /**
   * How long a socket may take to open, in milliseconds. Holds for the health probe and the list of models too.
   *
   * @default {10000}
   */
  connectTimeoutMs?: number;
  /**
   * How long a session may take to be ready once its socket is open, in milliseconds.
   *
   * @default {30000}
   */
  readyTimeoutMs?: number;
  /** How long the server may be silent during an utterance, in milliseconds. For ever, unless given. */
  receiveTimeoutMs?: number;
  /** How long the transcript may take once the audio has ended, in milliseconds. 10 s or half the audio's length, whichever is more, and for unpaced audio its length on top, unless given. */
  finalTimeoutMs?: number;
  /**
   * How many unknown events an utterance may bring.
   *
   * @default {50000}
   */
  maxIgnoredEvents?: number;
  /** What else to put into `session.update`; anything but its `type` and `model`. */
  session?: Record<string, unknown>;
  /**
   * Who carries the messages: Deno's own WebSocket behind a relay, or the npm package `ws`.
   *
   * @default {"native" on Linux and macOS, else "ws"}
   */
  transport?: "native" | "ws";
  /**
   * Whether a connection takes one utterance after another, in place of one each.
   *
   * @default {false}
   */
  reuse?: boolean;
}

/** {@linkcode RealtimeOptions} with what was left out. */
export type RealtimeSettings = z.output<typeof realtimeOptions>;

const target = text(
  "must be an http, https, ws or wss URL",
  (value) => !!parseTarget(value),
);
const path = text("must begin with / and hold no query", isHttpPath);
const file = text("must name a file", (value) => value !== "");

/** The schema of {@linkcode RealtimeOptions}. */
export const realtimeOptions = z.strictObject({
  target: target.describe("The server: an http, https, ws or wss URL"),
  path: path.default("/v1/realtime").describe(
    "Where the protocol lives on the server",
  ),
  model: text("must not be empty", (value) => value !== "").optional()
    .describe("The model's name; the first one listed, unless given"),
  dialect: z.enum(["vllm"]).default("vllm").describe(
    "The protocol that the server speaks",
  ),
  mode: z.enum(["stream", "batch"]).default("stream")
    .describe(
      "Audio as from a microphone, or all of it before the server begins",
    ),
  chunkMs: number("must be 10 to 60000 ms", 10, 60_000).default(100)
    .describe("Length of a piece of audio"),
  speed: number("must be 0 (unpaced) to 100", 0, 100).optional()
    .describe(
      "Times as fast as speech; 0 is unpaced. 1, or 0 in batch mode, unless given",
    ),
  headers: z.record(z.string(), z.string()).default({}).describe(
    "Headers of each request",
  ),
  apiKeyEnv: text("must name an environment variable", (value) => value !== "")
    .optional()
    .describe("The environment variable that holds the key"),
  caCert: file.optional().describe("File of the certificates to trust, in PEM"),
  clientCert: file.optional().describe(
    "File of the client's certificate, in PEM",
  ),
  clientKey: file.optional().describe("File of its key, in PEM"),
  insecure: z.boolean().default(false).describe("Takes any certificate"),
  healthPath: z.union([
    z.literal(false),
    text(
      'must begin with /, or be "off"',
      (value) => value === "off" || isHttpPath(value),
    ),
  ]).default("/health").describe(
    'What must answer before the run; "off" to do without',
  ),
  connectTimeoutMs: limit().default(10_000).describe(
    "How long a socket may take to open",
  ),
  readyTimeoutMs: limit().default(30_000).describe(
    "How long a session may take to be ready",
  ),
  receiveTimeoutMs: limit().optional().describe(
    "How long the server may be silent",
  ),
  finalTimeoutMs: limit().optional().describe(
    "How long the transcript may take once the audio has ended; 10 s or half the audio, and for unpaced audio its length on top, unless given",
  ),
  maxIgnoredEvents: z.int(says("must be a whole number")).min(
    0,
    says("must not be negative"),
  )
    .default(50_000).describe("How many unknown events an utterance may bring"),
  session: z.record(z.string(), z.unknown()).default({})
    .refine((extras) => !("type" in extras || "model" in extras), {
      error:
        "Cannot set type or model by session as these are the protocol's and the model option's",
    })
    .describe("What else to put into session.update"),
  transport: z.enum(["native", "ws"]).default(() =>
    defaultTransport(Deno.build.os)
  )
    .describe("Who carries the messages"),
  reuse: z.boolean().default(false).describe(
    "Whether a connection takes one utterance after another",
  ),
}).superRefine(
  ({ mode, speed, clientCert, clientKey, apiKeyEnv, headers }, context) => {
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if (mode === "batch" && speed) {
      refuse(
        "speed",
        `Cannot pace batch mode as it sends all at once: current value is ${speed}`,
      );
    }
    if (!clientCert !== !clientKey) {
      refuse(
        clientCert ? "clientKey" : "clientCert",
        "Needed, as clientCert and clientKey go together",
      );
    }
    if (
      apiKeyEnv &&
      Object.keys(headers).some((name) => /^authorization$/i.test(name))
    ) {
      refuse(
        "apiKeyEnv",
        "Cannot be used, as headers hold an Authorization already",
      );
    }
  },
);

/** Native goes through a unix socket: `ws` where there are none to be had. */
export function defaultTransport(os: string): "native" | "ws" {
  return os === "linux" || os === "darwin" ? "native" : "ws";
}

function text(rule: string, test: (value: string) => boolean) {
  return z.string(says(rule)).refine(test, says(rule));
}

function number(rule: string, min: number, max: number) {
  return z.number(says(rule)).min(min, says(rule)).max(max, says(rule));
}

function limit() {
  return number("must be more than 0 ms and at most a day", 1, 86_400_000);
}

function says(rule: string): { error: (issue: { input?: unknown }) => string } {
  return {
    error: ({ input }) =>
      `Cannot be used as it ${rule}: current value is ${shown(input)}`,
  };
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
