import { createHash } from "node:crypto";
import { found, snippet } from "../../connect/server_text.ts";
import { badUpgrade, type Violation } from "./transport.ts";

/** What is wrong with the head of a response, if anything is: Deno would say only that it cannot parse it. */
export function headProblem(head: string): Violation | undefined {
  const problem = startProblem(head);
  if (problem || head.endsWith("\r\n\r\n")) return problem;
  return badUpgrade("its headers are too long");
}

/** The same of a head that has only begun: what is wrong whatever follows. */
export function startProblem(start: string): Violation | undefined {
  const line = start + STATUS_LINE.slice(start.length);
  if (!/^HTTP\/1\.[01] \d{3}[ \r]/.test(line)) {
    return badUpgrade(`it must begin with HTTP/1.1, but was ${found(start)}`);
  }
  const lines = start.split("\n").slice(1, -1);
  const bad = lines.find((line) => !HEADER.test(line));
  if (bad === undefined) return undefined;
  return badUpgrade(
    `a header has an invalid byte: ${
      JSON.stringify(snippet(bad.replace(/\r$/, "")))
    }`,
  );
}

const STATUS_LINE = "HTTP/1.1 101 ";
/** One, or the empty line behind all. */
const HEADER = /^([\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*)?\r$/;

/** What is wrong with the server's agreement to an upgrade: Deno checks neither the key nor what was agreed upon. */
export function upgradeProblem(
  response: string,
  request: string,
): Violation | undefined {
  const has = (name: string, value: RegExp) =>
    value.test(headerOf(response, name) ?? "");
  if (!has("upgrade", /^websocket\s*$/i)) {
    return badUpgrade("the header Upgrade must be websocket");
  }
  if (!has("connection", /\bupgrade\b/i)) {
    return badUpgrade("the header Connection must have Upgrade");
  }
  const key = headerOf(request, "sec-websocket-key") ?? "";
  if (headerOf(response, "sec-websocket-accept")?.trim() !== acceptOf(key)) {
    return badUpgrade("Sec-WebSocket-Accept does not belong to the key");
  }
  for (const name of ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]) {
    if (headerOf(response, name) === undefined) continue;
    return badUpgrade(`nobody asked for ${name}`);
  }
}

/** What RFC 6455 makes of a key. */
function acceptOf(key: string): string {
  return createHash("sha1")
    .update(`${key.trim()}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
}

/** The part of HTTP/1.1 that a relay must understand: one head, and the body of a refusal. */

/** Where the body begins; `undefined` while the head is not whole. */
export function bodyStart(bytes: Uint8Array): number | undefined {
  for (let i = 3; i < bytes.length; i++) {
    if (
      bytes[i] === LF && bytes[i - 1] === CR && bytes[i - 2] === LF &&
      bytes[i - 3] === CR
    ) return i + 1;
  }
  return undefined;
}

const CR = 13;
const LF = 10;

/** The status of a response's head; 0 if it has none. */
export function statusOf(head: string): number {
  return Number(/^HTTP\/1\.\d (\d{3})/.exec(head)?.[1] ?? 0);
}

/** The value of a header. */
export function headerOf(head: string, name: string): string | undefined {
  return head.match(lineOf(name))?.[1]?.trim();
}

/** The head with a header set to another value, or taken out. */
export function withHeader(
  head: string,
  name: string,
  value: string | undefined,
): string {
  const line = value === undefined ? "" : `${name}: ${value}\r\n`;
  // A function, so that a "$" in the value is nothing but a "$".
  return head.replace(lineOf(name), () => line);
}

function lineOf(name: string): RegExp {
  return new RegExp(`^${name}:(.*)\\r\\n`, "im");
}

/** Whether a response's body is whole, by what its head says. */
export function isWhole(head: string, body: string): boolean {
  const length = headerOf(head, "content-length");
  if (length !== undefined) return body.length >= Number(length);
  return isChunked(head) && body.endsWith("0\r\n\r\n");
}

/** A body without the frame that a chunked one has. Both in Latin-1, a character a byte. */
export function unframed(head: string, body: string): string {
  if (!isChunked(head)) return body;
  let text = "";
  for (let at = 0; at < body.length;) {
    const size = /^([0-9a-f]+)(?![0-9a-f])[^\r]*\r\n/i.exec(
      body.slice(at, at + 1024),
    );
    if (!size) break;
    at += size[0].length;
    const length = parseInt(size[1]!, 16);
    text += body.slice(at, at + length);
    at += length + 2;
  }
  return text;
}

function isChunked(head: string): boolean {
  return /chunked/i.test(headerOf(head, "transfer-encoding") ?? "");
}
