import { z } from "zod";
import { isVariable } from "./credentials.ts";
import { hidden, isHttpPath, parseTarget } from "./endpoint.ts";

/** What every backend that talks to a server is told of it. */
export interface TargetOptions {
  /**
   * The server: an http, https, ws or wss URL. A path before the protocol's own and a query are kept. A user and a
   * password in it are sent as `Authorization`.
   */
  target: string;
  /** The model's name on the server. The first that `GET /v1/models` lists, unless given. */
  model?: string;
  /** Headers of each request. */
  headers?: Record<string, string>;
  /**
   * Name of the environment variable that holds the key for `Authorization: Bearer`. It takes the place of a user and a
   * password in the target.
   */
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
   * What must answer with a 2xx before any load is offered; `"off"` or false to do without. `/health`, unless given,
   * on servers that have it.
   */
  healthPath?: string | false;
  /**
   * How long a socket may take to open, in milliseconds. Holds for the health probe and the list of models too.
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
const file = text("must name a file", (value) => value !== "");

/** The schema of {@linkcode TargetOptions}, to be spread into a backend's own. */
export const targetShape = {
  target: target.describe("The server: an http, https, ws or wss URL"),
  model: text("must not be empty", (value) => value !== "").optional()
    .describe("The model's name; the first one listed, unless given"),
  headers: z.record(z.string(), z.string()).default({}).describe(
    "Headers of each request",
  ),
  apiKeyEnv: text(
    "must be the name of an environment variable, not the key itself",
    isVariable,
    (value) => value === "" ? "empty" : "not shown",
  ).optional()
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
  ]).optional().describe(
    'What must answer before the run: /health if the server has it, unless given; "off" to do without',
  ),
  connectTimeoutMs: limit().default(10_000).describe(
    "How long a socket may take to open",
  ),
};

/** {@linkcode TargetOptions} with what was left out. */
export type TargetSettings = z.output<z.ZodObject<typeof targetShape>>;

/** Holds options to each other, where the shape of one is not enough: for `superRefine`. */
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
      "Needed, as clientCert and clientKey go together",
    );
  }
  if (apiKeyEnv && hasAuthorization) {
    refuse(
      context,
      "apiKeyEnv",
      "Cannot be used, as headers hold an Authorization already",
    );
  }
  if ((username || password) && hasAuthorization) {
    refuse(
      context,
      "target",
      `Cannot hold a user and a password, as headers hold an Authorization already: current value is ${
        shown(hidden(target))
      }`,
    );
  }
}

/** Adds a problem with one option. */
export function refuse(
  context: z.RefinementCtx,
  path: string,
  message: string,
): void {
  context.addIssue({ code: "custom", path: [path], message });
}

/** Where a protocol lives on a server. */
export function path(): z.ZodType<string, string> {
  return text("must begin with / and hold no query", isHttpPath);
}

/** A text that passes a test; `rule` says which, in words. `show` tells what people are shown of any other value. */
export function text(
  rule: string,
  test: (value: string) => boolean,
  show?: Show,
): z.ZodString {
  const wrong = says(rule, show);
  return z.string(wrong).refine(test, wrong);
}

/** A number in a range; `rule` says which, in words. */
export function number(rule: string, min: number, max: number): z.ZodNumber {
  return z.number(says(rule)).min(min, says(rule)).max(max, says(rule));
}

/** A time limit, in milliseconds. */
export function limit(rule = "must be between 1 ms and 24 h"): z.ZodNumber {
  const wrong = {
    error: ({ input }: { input?: unknown }) =>
      `${rule}, but was ${shown(input)}${
        typeof input === "number" ? " ms" : ""
      }`,
  };
  return z.number(wrong).min(1, wrong).max(86_400_000, wrong);
}

/** A time limit that can be turned off. */
export function offLimit(): z.ZodUnion<
  [z.ZodNumber, z.ZodLiteral<"off">, z.ZodLiteral<false>]
> {
  const rule = "must be between 1 ms and 24 h, or off";
  return z.union([limit(rule), z.literal("off"), z.literal(false)], {
    error: ({ input }) => `${rule}, but was ${shown(input)}`,
  });
}

/** The milliseconds of a limit that can be turned off; `undefined` where it is. */
export function limitMs(
  limit: number | "off" | false | undefined,
): number | undefined {
  return typeof limit === "number" ? limit : undefined;
}

/** What people are shown of a value. */
type Show = (value: unknown) => string;

/** An error that says the rule and the current value. */
export function says(
  rule: string,
  show: Show = shown,
): { error: (issue: { input?: unknown }) => string } {
  return {
    error: ({ input }) =>
      `Cannot be used as it ${rule}: current value is ${show(input)}`,
  };
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
