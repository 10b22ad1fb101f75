import { readable } from "./server_text.ts";
import { type Body, utf8 } from "../http/body.ts";
import { headerOf, type RawHeaders } from "../http/raw_headers.ts";
import { RequestError } from "../../plugins/mod.ts";

/** What a status says of the key that a request had, or had not. */
export const KEY_HINTS: Readonly<Record<number, string>> = {
  401: "wants a key: apiKeyEnv names the variable that holds it",
  403: "knows who asks, and does not allow it",
};

/** A response that is none of what was asked for. */
export interface Refusal {
  readonly status: number;
  readonly headers: RawHeaders;
  /** Where the request went. */
  readonly url: URL;
  /** What statuses mean. @default {for a request of the run} */
  readonly hints?: Readonly<Record<number, string>>;
}

/** Whether another response follows: it does not after 101, which goes over to another protocol. */
export function isInformational(status: number): boolean {
  return status >= 100 && status < 200 && status !== 101;
}

/** The failure that a final status below 200 is. An assertion is all that undici has to say of it. */
export function noAnswer(status: number): RequestError {
  const problem = status === 101
    ? "it switches to another protocol, which the request did not ask for"
    : "HTTP has no such status";
  return new RequestError(
    "protocol_error",
    `The server answered HTTP ${status}: ${problem}`,
  );
}

/** How much of what a server says is looked at. */
const MAX_BYTES = 64 * 1024;

/** Reads what a server says in place of an answer. Its end throws, and so does whatever is too long to be a message. */
export function refusal(
  response: Refusal,
  clean: (text: string) => string,
): Body {
  const decoder = utf8();
  let text = "", bytes = 0;
  const end = () => {
    throw statusError(response, clean(text));
  };
  return {
    read(piece) {
      text += decoder.write(piece);
      bytes += piece.length;
      if (bytes > MAX_BYTES) end();
      return false;
    },
    end,
  };
}

/** The failure that a status other than 2xx is. */
export function statusError(
  { status, headers, url, hints = HINTS }: Refusal,
  text: string,
): RequestError {
  const said = readable(serverWords(text).trim()) ?? "";
  const aside = [hints[status], ...asides(status, headers, url)]
    .filter(Boolean).join("; ");
  const message = `The server answered HTTP ${status}${said && `: ${said}`}${
    aside && ` (${aside})`
  }`;
  return new RequestError("http_error", message, { code: String(status) });
}

function* asides(
  status: number,
  headers: RawHeaders,
  url: URL,
): Iterable<string> {
  const location = headerOf(headers, "location");
  if (status >= 300 && status < 400 && location !== undefined) {
    yield `leads to ${
      shown(location, url)
    }, which is not followed: set target and path to it`;
  }
  const wait = headerOf(headers, "retry-after");
  if (wait !== undefined) yield `Retry-After: ${wait}`;
}

const HINTS: Readonly<Record<number, string>> = {
  ...KEY_HINTS,
  404: "no such path or model: see target, path and model",
  405: "the path takes no POST: see target and path",
  407: "the proxy wants a user and a password in its URL",
  413: "the request is larger than it takes",
  422: "does not take the request's fields: see body",
  429: "asks for fewer requests",
  500: "failed inside",
  502: "a gateway has no answer of the server behind it",
  503: "is overloaded, or not ready",
  504: "a gateway has waited too long for the server behind it",
};

/** A URL without what may be secret. */
function shown(location: string, base: URL): string {
  const url = URL.parse(location, base);
  if (!url) return "what is no URL";
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** The server's own words in a body, wherever JSON has them; else the beginning of the body. */
export function serverWords(text: string): string {
  try {
    return said(JSON.parse(text)) ?? text;
  } catch {
    return text;
  }
}

function said(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return each(value);
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  for (const name of ["error", "message", "detail", "msg"]) {
    const words = said(fields[name]);
    if (words) return words;
  }
  return undefined;
}

/** The words of each, as FastAPI lists what is wrong with a request, with the place they are about. */
function each(values: readonly unknown[]): string | undefined {
  const words = values.map((value) => {
    const place = (value as { loc?: unknown } | null)?.loc;
    const text = said(value);
    return text && Array.isArray(place) ? `${place.join(".")}: ${text}` : text;
  });
  return words.filter(Boolean).join("; ") || undefined;
}
