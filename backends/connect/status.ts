import { tryJson } from "../../lib/json.ts";
import { RequestError } from "../../plugins/mod.ts";
import { readable } from "./server_text.ts";

/** An HTTP response with a status other than 2xx. */
export interface FailedResponse {
  readonly status: number;
  /** Returns the value of a header, by its name in lower case. */
  header(name: string): string | undefined;
  /** The URL of the request. */
  readonly url: URL;
  /** Explanations by status. @default {STATUS_HINTS} */
  readonly hints?: Readonly<Record<number, string>>;
}

/** Whether another response follows. It does not after 101, which switches to another protocol. */
export function isInformational(status: number): boolean {
  return status >= 100 && status < 200 && status !== 101;
}

/** The failure for a final status below 200. */
export function notAnAnswer(status: number): RequestError {
  const problem = status === 101
    ? "it switches to another protocol, which the request did not ask for"
    : "HTTP does not define this status";
  const message = `The server answered HTTP ${status}: ${problem}`;
  return new RequestError("protocol_error", message);
}

/** The failure of a status of 300 and above, with the server's message from the body's text. */
export function statusError(
  { status, header, url, hints = STATUS_HINTS }: FailedResponse,
  text: string,
): RequestError {
  const message = readable(serverMessage(text).trim()) ?? "";
  const location = header("location");
  const wait = header("retry-after");
  const notes = [
    hints[status],
    status < 400 && location !== undefined && redirection(location, url),
    wait !== undefined && `Retry-After: ${wait}`,
  ].filter(Boolean).join("; ");
  return new RequestError(
    "http_error",
    `The server answered HTTP ${status}${message && `: ${message}`}${
      notes && ` (${notes})`
    }`,
    {
      code: String(status),
      retryAfterMs: parseRetryAfter(wait, header("date")),
    },
  );
}

/**
 * Returns how long the header `Retry-After` asks to wait, in milliseconds: a number of seconds, or a date, which is
 * compared with the server's own in the header `Date`, as this machine's clock may differ. `undefined` for a time that
 * has passed or cannot be read.
 */
export function parseRetryAfter(
  text: string | undefined,
  date: string | undefined,
): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(text)
    ? 1000 * Number(text)
    : Date.parse(text) - Date.parse(date ?? "");
  return ms >= 0 && Number.isFinite(ms) ? ms : undefined;
}

function redirection(location: string, base: URL): string {
  const url = URL.parse(location, base);
  // The query may hold a secret.
  const shown = url
    ? `${url.protocol}//${url.host}${url.pathname}`
    : "an invalid URL";
  return `redirects to ${shown}; redirects are not followed: set target and path to it`;
}

/** Explanations of the statuses that concern the key of a request. */
export const KEY_HINTS: Readonly<Record<number, string>> = {
  401: "a key is required: apiKeyEnv names the variable that holds it",
  403: "the key or user is known, but access is denied",
};

/** Explanations of the statuses that a request of the run may get. */
export const STATUS_HINTS: Readonly<Record<number, string>> = {
  ...KEY_HINTS,
  404: "the path or the model does not exist: see target, path and model",
  405: "the path does not take POST: see target and path",
  407: "the proxy requires a user and a password in its URL",
  413: "the request is too large",
  422: "the server rejects the request's fields: see body",
  429: "too many requests",
  500: "internal server error",
  502: "a gateway got no answer from the server behind it",
  503: "the server is overloaded or not ready",
  504: "a gateway timed out waiting for the server behind it",
};

/** The server's message in a JSON body, in any of the usual fields; otherwise the whole text. */
export function serverMessage(text: string): string {
  return messageIn(tryJson(text)) ?? text;
}

function messageIn(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return messagesIn(value);
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  for (const name of ["error", "message", "detail", "msg"]) {
    const message = messageIn(fields[name]);
    if (message) return message;
  }
  return undefined;
}

/** Joins a list of problems, each with its place in the request, as FastAPI sends them. */
function messagesIn(values: readonly unknown[]): string | undefined {
  const messages = values.map((value) => {
    const place = (value as { loc?: unknown } | null)?.loc;
    const text = messageIn(value);
    return text && Array.isArray(place) ? `${place.join(".")}: ${text}` : text;
  });
  return messages.filter(Boolean).join("; ") || undefined;
}
