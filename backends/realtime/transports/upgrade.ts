import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { found, snippet } from "../../connect/server_text.ts";
import {
  badUpgrade,
  type Refusal,
  REFUSAL_BODY_BYTES,
  REFUSAL_BODY_MS,
  refusalBody,
  type Violation,
} from "./transport.ts";

/** The first bytes of a connection, up to the end of an HTTP head. */
export interface Opening {
  /** The head in Latin-1, with the empty line. */
  readonly head: string;
  /** The bytes after it. */
  readonly rest: Buffer;
}

const MAX_HEAD_BYTES = 64 * 1024;
const READ_BYTES = 64 * 1024;
const NO_BYTES = Buffer.alloc(0);

/** Reads the client's request; `undefined` if it is not complete. */
export async function readRequest(
  near: Deno.Conn,
): Promise<Opening | undefined> {
  const buffer = new Uint8Array(READ_BYTES);
  let bytes = Buffer.alloc(0);
  while (bytes.length < MAX_HEAD_BYTES) {
    const count = await near.read(buffer).catch(() => null);
    if (count === null) return undefined;
    bytes = Buffer.concat([bytes, buffer.subarray(0, count)]);
    const opening = openingOf(bytes);
    if (opening) return opening;
  }
}

/** Reads the server's head and pauses, also when the head is known to be invalid; `undefined` if the server ends before. */
export function readResponse(far: Socket): Promise<Opening | undefined> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const opening = openingOf(bytes);
      const head = opening?.head ?? bytes.toString("latin1");
      const isInvalid = bytes.length >= MAX_HEAD_BYTES || startProblem(head);
      if (!opening && !isInvalid) return;
      far.pause().off("data", onData).off("close", onClose);
      resolve(opening ?? { head, rest: NO_BYTES });
    };
    const onClose = () => resolve(undefined);
    far.on("data", onData).once("close", onClose);
  });
}

function openingOf(bytes: Buffer): Opening | undefined {
  const at = bodyStart(bytes);
  if (at === undefined) return undefined;
  return { head: bytes.toString("latin1", 0, at), rest: bytes.subarray(at) };
}

/** Reads the body of a refusal: as much as is kept, until the timeout. */
export function readRefusal(
  far: Socket,
  { head, rest }: Opening,
): Promise<Refusal> {
  return new Promise((resolve) => {
    let body = rest.toString("latin1");
    const end = () => {
      clearTimeout(timer);
      far.off("data", onData).off("close", end);
      const bytes = Buffer.from(dechunked(head, body), "latin1");
      const encoding = headerOf(head, "content-encoding");
      resolve({ status: statusOf(head), body: refusalBody(bytes, encoding) });
    };
    const onData = (chunk?: Buffer) => {
      body += chunk?.toString("latin1") ?? "";
      if (isWhole(head, body) || body.length >= 2 * REFUSAL_BODY_BYTES) end();
    };
    const timer = setTimeout(end, REFUSAL_BODY_MS);
    far.on("data", onData).once("close", end).resume();
    onData();
  });
}

/** The problem with the head of a response. Deno would report only that it cannot be parsed. */
export function headProblem(head: string): Violation | undefined {
  const problem = startProblem(head);
  if (problem || head.endsWith("\r\n\r\n")) return problem;
  return badUpgrade("its headers are too long");
}

/** The problem with a head that may be incomplete: one that remains whatever follows. */
function startProblem(start: string): Violation | undefined {
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
/** A header, or the empty line after the last one. */
const HEADER = /^([\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*)?\r$/;

/** The problem with the server's acceptance of an upgrade. Deno checks neither the key nor extensions. */
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
    return badUpgrade("Sec-WebSocket-Accept does not match the key");
  }
  if (headerOf(response, "sec-websocket-extensions") !== undefined) {
    return badUpgrade("Sec-WebSocket-Extensions was not requested");
  }
  return protocolProblem(response, request);
}

function protocolProblem(
  response: string,
  request: string,
): Violation | undefined {
  const requested = headerOf(request, "sec-websocket-protocol");
  const chosen = headerOf(response, "sec-websocket-protocol");
  if (requested === undefined) {
    return chosen === undefined
      ? undefined
      : badUpgrade("Sec-WebSocket-Protocol was not requested");
  }
  return requested.split(",").some((name) => name.trim() === chosen)
    ? undefined
    : badUpgrade("Sec-WebSocket-Protocol must be one of those requested");
}

/** The value that RFC 6455 derives from a key. */
function acceptOf(key: string): string {
  return createHash("sha1")
    .update(`${key.trim()}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
}

/** Position of the body; `undefined` while the head is incomplete. */
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

/** The status in a response's head; 0 without one. */
export function statusOf(head: string): number {
  return Number(/^HTTP\/1\.\d (\d{3})/.exec(head)?.[1] ?? 0);
}

/** The value of a header. */
export function headerOf(head: string, name: string): string | undefined {
  return head.match(lineOf(name))?.[1]?.trim();
}

/** A head with a header set to another value, or removed. */
export function withHeader(
  head: string,
  name: string,
  value: string | undefined,
): string {
  const line = value === undefined ? "" : `${name}: ${value}\r\n`;
  // A function, so that "$" in the value has no special meaning.
  return head.replace(lineOf(name), () => line);
}

function lineOf(name: string): RegExp {
  return new RegExp(`^${name}:(.*)\\r\\n`, "im");
}

/** Whether a response's body is complete, according to its head. */
export function isWhole(head: string, body: string): boolean {
  const length = headerOf(head, "content-length");
  if (length !== undefined) return body.length >= Number(length);
  return isChunked(head) && body.endsWith("0\r\n\r\n");
}

/** Removes the frames of a chunked body. Both texts are Latin-1, one character per byte. */
export function dechunked(head: string, body: string): string {
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
