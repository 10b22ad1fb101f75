import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { request } from "node:http";
import type { Socket } from "node:net";
import { Duplex, Writable } from "node:stream";
import type { RequestError } from "../../../plugins/mod.ts";
import { found, snippet } from "../../connect/server_text.ts";
import { badUpgrade, readRefusal, type Refusal } from "./transport.ts";

/** The first bytes of a connection, up to the end of an HTTP head. */
export interface Opening {
  /** The head in Latin-1, with the empty line. */
  readonly head: string;
  /** The bytes after it. */
  readonly rest: Buffer;
}

const MAX_HEAD_BYTES = 64 * 1024;
const READ_BYTES = 64 * 1024;

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

/**
 * Reads the server's head and pauses; `undefined` if the server ends before.
 *
 * @throws {RequestError} If it is invalid, as soon as that is known. Deno would report only that it cannot be parsed.
 */
export function readResponse(far: Socket): Promise<Opening | undefined> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const opening = openingOf(bytes);
      const problem = headProblem(opening?.head ?? bytes.toString("latin1"));
      if (!opening && !problem) return;
      far.pause().off("data", onData).off("close", onClose);
      if (problem) reject(problem);
      else resolve(opening);
    };
    const onClose = () => resolve(undefined);
    far.on("data", onData).once("close", onClose);
  });
}

/** Divides bytes after an HTTP head; `undefined` while it is incomplete. */
export function openingOf(bytes: Buffer): Opening | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const at = end + HEAD_END.length;
  return { head: bytes.toString("latin1", 0, at), rest: bytes.subarray(at) };
}

const HEAD_END = "\r\n\r\n";

/** Parses a refusal by the client of node:http, as if its request were sent now: what that writes is dropped. */
export function parseRefusal(
  far: Socket,
  { head, rest }: Opening,
): Promise<Refusal> {
  far.unshift(Buffer.concat([Buffer.from(head, "latin1"), rest]));
  const writable = new Writable({ write: (_chunk, _encoding, done) => done() });
  const connection = Duplex.from({ readable: far, writable });
  return new Promise((resolve, reject) => {
    request({ createConnection: () => connection })
      .on("response", (response) => resolve(readRefusal(response)))
      .on("error", reject)
      .end();
  });
}

/** The problem with a head that may be incomplete: one that remains whatever follows. */
function headProblem(start: string): RequestError | undefined {
  const line = start + STATUS_LINE.slice(start.length);
  if (!/^HTTP\/1\.[01] \d{3}[ \r]/.test(line)) {
    return badUpgrade(`it must begin with HTTP/1.1, but was ${found(start)}`);
  }
  const lines = start.split("\n").slice(1, -1);
  const bad = lines.find((line) => !HEADER.test(line));
  if (bad !== undefined) {
    const shown = JSON.stringify(snippet(bad.replace(/\r$/, "")));
    return badUpgrade(`a header has an invalid byte: ${shown}`);
  }
  return start.length < MAX_HEAD_BYTES || start.endsWith(HEAD_END)
    ? undefined
    : badUpgrade("its headers are too long");
}

const STATUS_LINE = "HTTP/1.1 101 ";
/** A header, or the empty line after the last one. */
const HEADER = /^([\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*)?\r$/;

/** The problem with the server's acceptance of an upgrade. Deno checks neither the key nor extensions. */
export function upgradeProblem(
  response: string,
  request: string,
): RequestError | undefined {
  const header = (name: string) => headerOf(response, name);
  const key = headerOf(request, "sec-websocket-key") ?? "";
  const requested = headerOf(request, "sec-websocket-protocol")?.split(/, */);
  const chosen = header("sec-websocket-protocol");
  const rules = {
    "the header Upgrade must be websocket": /^websocket$/i
      .test(header("upgrade") ?? ""),
    "the header Connection must have Upgrade": /\bupgrade\b/i
      .test(header("connection") ?? ""),
    "Sec-WebSocket-Accept does not match the key":
      header("sec-websocket-accept") === acceptOf(key),
    "Sec-WebSocket-Extensions was not requested":
      header("sec-websocket-extensions") === undefined,
    "Sec-WebSocket-Protocol was not requested": requested !== undefined ||
      chosen === undefined,
    "Sec-WebSocket-Protocol must be one of those requested":
      requested === undefined || requested.includes(chosen ?? ""),
  };
  const broken = Object.entries(rules).find(([, isKept]) => !isKept);
  return broken && badUpgrade(broken[0]);
}

/** The value that RFC 6455 derives from a key. */
function acceptOf(key: string): string {
  return createHash("sha1")
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
}

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
