import { z } from "zod";
import { hidden, isHttpPath, parseTarget } from "./endpoint.ts";

/** Options of every backend that connects to a server. */
export interface TargetOptions {
  /**
   * The server: an http, https, ws or wss URL. A path in front of the protocol's own and a query are kept. A user and a
   * password are sent as `Authorization`.
   */
  target: string;
  /** The model's name on the server. Default: the first that `GET /v1/models` lists. */
  model?: string;
  /** Headers of each request. */
  headers?: Record<string, string>;
  /**
   * Name of the environment variable that holds the key for `Authorization: Bearer`. It replaces a user and a password
   * in the target.
   */
  apiKeyEnv?: string;
  /** PEM file of the certificates to trust instead of the system's. */
  caCert?: string;
  /** PEM file of the client's certificate. */
  clientCert?: string;
  /** PEM file of the key of the client's certificate. */
  clientKey?: string;
  /**
   * Whether any certificate of the server is accepted.
   *
   * @default {false}
   */
  insecure?: boolean;
  /**
   * Path that must answer with a 2xx status before the run; `"off"` or false skips the check. Default: `/health`, if the
   * server has it.
   */
  healthPath?: string | false;
  /**
   * Timeout for opening a connection, in milliseconds. Also of the health check and of the list of models.
   *
   * @default {10000}
   */
  connectTimeoutMs?: number;
}

const target = text(
  "must be an http, https, ws or wss URL",
  (value) => !!parseTarget(value),
  (value) => shown(typeof value === "string" ? hidden(value) : value),
);
const file = text("must name a file", (value) => value !== "").meta({
  format: "path",
});

/** The schema of {@linkcode TargetOptions}, to be spread into a backend's own. */
export const targetShape = {
  target: target.describe("The server: an http, https, ws or wss URL"),
  model: text("must not be empty", (value) => value !== "").optional()
    .describe("Name of the model; default: the first that the server lists"),
  headers: z.record(z.string(), z.string()).default({}).describe(
    "Headers of each request",
  ),
  apiKeyEnv: text(
    "must be the name of an environment variable, not the key itself",
    isVariableName,
    (value) => value === "" ? "empty" : "not shown",
  ).optional()
    .describe("Environment variable that holds the key"),
  caCert: file.optional().describe("PEM file of the certificates to trust"),
  clientCert: file.optional().describe(
    "PEM file of the client's certificate",
  ),
  clientKey: file.optional().describe("PEM file of its key"),
  insecure: z.boolean().default(false).describe(
    "Whether any certificate is accepted",
  ),
  healthPath: z.union([
    z.literal(false),
    text(
      'must begin with /, or be "off"',
      (value) => value === "off" || isHttpPath(value),
    ),
  ]).optional().describe(
    'Path that must answer before the run, or "off"; default: /health, if the server has it',
  ),
  connectTimeoutMs: limit().default(10_000).describe(
    "Timeout for opening a connection",
  ),
};

/** {@linkcode TargetOptions} with defaults applied. */
export type TargetSettings = z.output<z.ZodObject<typeof targetShape>>;

/** Checks options against each other: for `superRefine`. */
export function refineTarget(
  { target, clientCert, clientKey, apiKeyEnv, headers }: TargetSettings,
  context: z.RefinementCtx,
): void {
  const hasAuthorization = Object.keys(headers).some((name) =>
    /^authorization$/i.test(name)
  );
  const { username, password } = parseTarget(target) ?? {};
  if (!clientCert !== !clientKey) {
    refuse(
      context,
      clientCert ? "clientKey" : "clientCert",
      "must be given, as clientCert and clientKey belong together",
    );
  }
  if (apiKeyEnv && hasAuthorization) {
    refuse(
      context,
      "apiKeyEnv",
      "must not be given, as headers contain an Authorization already",
    );
  }
  if ((username || password) && hasAuthorization) {
    refuse(
      context,
      "target",
      `must not contain a user and a password, as headers contain an Authorization already, but was ${
        shown(hidden(target))
      }`,
    );
  }
}

/** Reports a problem with one option. */
export function refuse(
  context: z.RefinementCtx,
  path: string,
  message: string,
): void {
  context.addIssue({ code: "custom", path: [path], message });
}

/** Path of a protocol on a server. */
export function path(): z.ZodType<string, string> {
  return text(
    "must begin with / and have no query",
    isHttpPath,
    (value) => shown(value).replace(/\?.*/s, '?***"'),
  );
}

/** Path of an endpoint, as the option `path` of its backend. */
export function endpointPath(
  standard: string,
): z.ZodDefault<z.ZodType<string, string>> {
  return path().default(standard).describe(
    "Path of the endpoint on the server",
  );
}

/** A text that passes a test. `rule` describes it; `show` formats any other value for the error. */
export function text(
  rule: string,
  test: (value: string) => boolean,
  show?: Show,
): z.ZodString {
  const error = says(rule, show);
  return z.string(error).refine(test, error);
}

/** A number in a range. `rule` describes it. */
export function number(rule: string, min: number, max: number): z.ZodNumber {
  const error = says(rule);
  return z.number(error).min(min, error).max(max, error);
}

/** A timeout in milliseconds. */
export function limit(rule = "must be between 1 ms and 24 h"): z.ZodNumber {
  return number(rule, 1, 86_400_000);
}

/** A timeout in milliseconds that may be turned off. */
export function offLimit(): z.ZodUnion<
  [z.ZodNumber, z.ZodLiteral<"off">, z.ZodLiteral<false>]
> {
  const rule = "must be between 1 ms and 24 h, or off";
  return z.union(
    [limit(rule), z.literal("off"), z.literal(false)],
    says(rule),
  );
}

/** The milliseconds of a timeout; `undefined` if it is turned off. */
export function limitMs(
  limit: number | "off" | false | undefined,
): number | undefined {
  return typeof limit === "number" ? limit : undefined;
}

/** Formats a value for an error. */
type Show = (value: unknown) => string;

/** An error that gives the rule and the value. */
export function says(
  rule: string,
  show: Show = shown,
): { error: (issue: { input?: unknown }) => string } {
  return { error: ({ input }) => `${rule}, but was ${show(input)}` };
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

/** Whether a text may be the name of an environment variable. Few keys may: most contain a `-` or are long. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name);
}
