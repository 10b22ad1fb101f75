import { type OpenContext, UsageError } from "../../plugins/mod.ts";
import type { Endpoint } from "./endpoint.ts";
import type { TargetSettings } from "./options.ts";

/**
 * Headers of each request: those of the options, with the key or the target's user and password as `Authorization`.
 *
 * @throws {UsageError} If a header is not valid, or the key's variable is not set or does not hold a key.
 */
export function headersOf(
  { headers, apiKeyEnv }: Pick<TargetSettings, "headers" | "apiKeyEnv">,
  { authorization }: Endpoint,
  { env }: Pick<OpenContext, "env">,
): Record<string, string> {
  checkHeaders(headers, "headers");
  if (apiKeyEnv === undefined) {
    return { ...(authorization && { authorization }), ...headers };
  }
  const key = env(apiKeyEnv);
  const variable = shownVariable(apiKeyEnv);
  if (!key) {
    throw new UsageError(
      `apiKeyEnv: the environment variable must be set: ${variable}`,
    );
  }
  if (!HEADER_VALUE.test(key)) {
    throw new UsageError(
      `apiKeyEnv: the key in ${variable} must be one line of text`,
    );
  }
  return { ...headers, Authorization: `Bearer ${key}` };
}

/**
 * Checks headers of the user or of a dialect. `place` begins the error.
 *
 * @throws {UsageError} If one is not valid, or is not theirs to set.
 */
export function checkHeaders(
  headers: Readonly<Record<string, string>>,
  place: string,
): void {
  for (const [name, value] of Object.entries(headers)) {
    const problem = headerProblem(name, value);
    if (problem) throw new UsageError(`${place}: ${problem}`);
  }
}

function headerProblem(name: string, value: string): string | undefined {
  if (
    !isToken(name) || typeof value !== "string" || !HEADER_VALUE.test(value)
  ) {
    return `${JSON.stringify(name)} must be a valid HTTP name and value`;
  }
  const lower = name.toLowerCase();
  if (lower === "content-type") {
    return `${name} must not be given, as it depends on the request`;
  }
  return CONNECTION_HEADERS.has(lower) || lower.startsWith("sec-websocket-")
    ? `${name} must not be given, as it belongs to the connection`
    : undefined;
}

/** Headers that frame a message or control its connection. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Reports whether a text is a token of HTTP: the name of a header or of a subprotocol. */
export function isToken(text: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(text);
}

/** Line ends are not allowed, as they would begin another header. */
const HEADER_VALUE = /^[\t -~\x80-\xff]*$/;

/** The name of a variable for an error; hidden if it may be a key that was given instead of a name. */
export function shownVariable(name: string): string {
  return /^[A-Z_][A-Z0-9_]{0,63}$/.test(name)
    ? name
    : "not shown, as it may be a key; give the name of a variable";
}

/** Values of headers or of a query, as each may be a secret; without the scheme in front of a key. */
export function secretsIn(
  values: Record<string, string> | URLSearchParams,
): string[] {
  const texts = [...new URLSearchParams(values).values()];
  return texts.map((text) => text.replace(/^(Bearer|Basic|Token) /i, ""));
}

/** Adds headers whose names, in any case, are not among the given ones. */
export function withDefaults(
  headers: Readonly<Record<string, string>>,
  others: Readonly<Record<string, string>>,
): Record<string, string> {
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const missing = Object.entries(others)
    .filter(([name]) => !names.has(name.toLowerCase()));
  return { ...headers, ...Object.fromEntries(missing) };
}
