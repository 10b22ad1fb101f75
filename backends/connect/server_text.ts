import type { Buffer } from "node:buffer";
import {
  isRequestError,
  messageOf,
  type OpenContext,
  RequestError,
} from "../../plugins/mod.ts";

/** What a server said with its code in front, unless it says that itself. */
export function withCode(message: string, code: string | undefined): string {
  if (!code || message.includes(code)) return message;
  return message ? `${code}: ${message}` : code;
}

/** What stands for the rest of a text. */
export const CUT = "…";

/** Enough of a text to know it by. */
export function snippet(text: string): string {
  return text.length > 300 ? text.slice(0, 300) + CUT : text;
}

/**
 * Enough of a text to know it by; `undefined` where it looks like binary data, as a compressed body does whose header
 * does not say so.
 */
export function readable(text: string): string | undefined {
  const start = snippet(text);
  const replaced = start.split("\uFFFD").length - 1;
  return BINARY.test(start) || replaced * 10 > start.length ? undefined : start;
}

/** Controls that no text has. Bell, backspace and escape are those of texts for a terminal. */
// deno-lint-ignore no-control-regex -- these are what it is about
const BINARY = /[\0-\x06\x0e-\x1a\x1c-\x1f]/;

/** Bytes that should be text: as text where they can be read, or else the first of them in hexadecimal. */
export function shownBytes(bytes: Buffer): string {
  return readable(bytes.toString("utf8", 0, SHOWN_BYTES)) ??
    `bytes that are not text (${
      bytes.toString("hex", 0, 16).replace(/..(?=.)/g, "$& ")
    }${bytes.length > 16 ? " …" : ""})`;
}

/** More than {@linkcode snippet} leaves. */
const SHOWN_BYTES = 2048;

/** What came where something else was wanted. */
export function found(text: string): string {
  return snippet(text.trim()) || "empty";
}

/** Shows the traffic to someone who wants to see it. */
export interface Trace {
  sent(text: string): void;
  received(text: string): void;
  note(text: string): void;
}

/** A trace with media shortened and secrets taken out; none, if nobody wants to see it. */
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

/** Media is told by its beginning and its length. */
export function shortened(message: string): string {
  return message.replace(
    /"(data:[\w.+/-]*;base64,)?([A-Za-z0-9+/]{64,}={0,2})"/g,
    (_all, start: string | undefined, base64: string) =>
      `"${start ?? ""}${base64.slice(0, 4)}…(${base64.length} base64 chars)"`,
  );
}

/** A failure in the words of a server, secrets taken out; its causes are told in one line with it. */
export function cleanFailure(
  error: unknown,
  clean: (text: string) => string,
): unknown {
  if (!isRequestError(error)) return error;
  const { code } = error;
  return new RequestError(error.class, clean(messageOf(error)), {
    code: code === undefined ? undefined : clean(code),
  });
}
