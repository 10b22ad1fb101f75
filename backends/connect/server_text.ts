import type { Buffer } from "node:buffer";
import {
  isRequestError,
  messageOf,
  type OpenContext,
  RequestError,
} from "../../plugins/mod.ts";

/** Mark at the end of a shortened text. */
export const CUT = "…";

/** The first 300 characters of a text. */
export function snippet(text: string): string {
  return text.length > 300 ? text.slice(0, 300) + CUT : text;
}

/** A server's message with its code in front, unless the message contains the code. */
export function withCode(message: string, code: string | undefined): string {
  if (!code || message.includes(code)) return message;
  return message ? `${code}: ${message}` : code;
}

/** A received text as shown after "but was". */
export function found(text: string): string {
  return snippet(text.trim()) || "empty";
}

/**
 * The first 300 characters of a text; `undefined` if it looks like binary data, such as a compressed body whose header
 * does not say so.
 */
export function readable(text: string): string | undefined {
  const start = snippet(text);
  const replaced = start.split("\uFFFD").length - 1;
  return BINARY.test(start) || replaced * 10 > start.length ? undefined : start;
}

/** Control characters that text does not contain. Bell, backspace and escape occur in text for terminals. */
// deno-lint-ignore no-control-regex -- control characters are its subject
const BINARY = /[\0-\x06\x0e-\x1a\x1c-\x1f]/;

/** Bytes that should be text: as text if they are readable, otherwise the first 16 in hexadecimal. */
export function shownBytes(bytes: Buffer): string {
  return readable(bytes.toString("utf8", 0, SHOWN_BYTES)) ??
    `bytes that are not text (${
      bytes.toString("hex", 0, 16).replace(/..(?=.)/g, "$& ")
    }${bytes.length > 16 ? " …" : ""})`;
}

/** More bytes than {@linkcode snippet} keeps. */
const SHOWN_BYTES = 2048;

/** Replaces a secret. */
const HIDDEN = "***";

/** Shorter secrets would be found in unrelated text. */
const MIN_SECRET_LENGTH = 6;

/** Returns a function that hides secrets in text from a server, also one that is cut off by {@linkcode snippet}. */
export function cleaner(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter(({ length }) => length >= MIN_SECRET_LENGTH)
    .sort((a, b) => b.length - a.length);
  return (text) =>
    known.reduce(
      (clean, secret) => hideCutOff(clean.replaceAll(secret, HIDDEN), secret),
      text,
    );
}

/** Hides the beginning of a secret in front of each cut. */
function hideCutOff(text: string, secret: string): string {
  const parts = text.split(CUT);
  const last = parts.pop()!;
  return [...parts.map((part) => hideAtEnd(part, secret)), last].join(CUT);
}

function hideAtEnd(text: string, secret: string): string {
  for (let length = secret.length; length >= MIN_SECRET_LENGTH; length--) {
    if (!text.endsWith(secret.slice(0, length))) continue;
    return text.slice(0, -length) + HIDDEN;
  }
  return text;
}

/** A failure with the secrets hidden and the messages of its causes joined into one line. */
export function cleanFailure(
  error: unknown,
  clean: (text: string) => string,
): unknown {
  if (!isRequestError(error)) return error;
  const { code, retryAfterMs } = error;
  return new RequestError(error.class, clean(messageOf(error)), {
    code: code === undefined ? undefined : clean(code),
    retryAfterMs,
  });
}

/** Reports the messages that are exchanged with a server. */
export interface Trace {
  sent(text: string): void;
  received(text: string): void;
  note(text: string): void;
}

/** A trace with media shortened and secrets hidden; `undefined` if the traffic is not wanted. */
export function traceTo(
  { trace }: Pick<OpenContext, "trace">,
  clean: (text: string) => string,
): Trace | undefined {
  if (!trace) return undefined;
  return {
    sent: (text) => trace("sent", clean(shortened(text))),
    received: (text) => trace("received", clean(shortened(text))),
    note: (text) => trace("note", clean(text)),
  };
}

/** Replaces each long base64 string by its beginning and its length. */
export function shortened(message: string): string {
  return message.replace(
    /"(data:[\w.+/-]*;base64,)?([A-Za-z0-9+/]{64,}={0,2})"/g,
    (_all, start: string | undefined, base64: string) =>
      `"${start ?? ""}${base64.slice(0, 4)}…(${base64.length} base64 chars)"`,
  );
}
