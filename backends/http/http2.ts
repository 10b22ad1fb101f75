import { Buffer } from "node:buffer";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import { dial, type Way } from "../target/dial.ts";
import { http1Wire } from "./http1.ts";
import type { RawHeaders } from "./raw_headers.ts";
import type { Wire, WireHandler, WireHooks, WireRequest } from "./wire.ts";

/**
 * HTTP/2 where the server offers it, HTTP/1.1 where not. By `node:http2`: undici 7 would send requests of a lost
 * connection again, and fails assertions that nobody can catch when one is closed.
 */
export function http2Wire(
  way: Way,
  hooks: WireHooks,
  { reuse }: { reuse: boolean },
): Wire {
  let session: ClientHttp2Session | undefined;
  let plain: Wire | undefined;
  let cancelDial = () => {};
  let isOver = false;

  function open(request: WireRequest, handler: WireHandler): void {
    hooks.connecting();
    cancelDial = dial(way, (error, socket) => {
      if (isOver) return void socket?.destroy();
      if (error) return handler.onError(error);
      hooks.connected(socket);
      if ((socket as { alpnProtocol?: unknown }).alpnProtocol === "h2") {
        session = sessionOn(socket, way.url);
        send(session, way.url, request, handler);
      } else {
        const known = { ...way, http2: false };
        plain = http1Wire(known, hooks, { reuse, first: socket });
        plain.dispatch(request, handler);
      }
    });
  }

  return {
    isReady: () =>
      plain?.isReady() ??
        (session !== undefined && !session.closed && !session.destroyed),
    dispatch(request, handler) {
      if (plain) plain.dispatch(request, handler);
      else if (session) send(session, way.url, request, handler);
      else open(request, handler);
    },
    async destroy() {
      isOver = true;
      cancelDial();
      await plain?.destroy();
      if (!session || session.destroyed) return;
      const closed = new Promise<void>((resolve) =>
        session!.once("close", resolve)
      );
      session.destroy();
      await closed;
    },
  };
}

function sessionOn(socket: Socket, { origin }: URL): ClientHttp2Session {
  const session = connect(origin, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
  });
  // It comes even where the session was given up before: what it throws then would end the process.
  session.once("connect", () => {
    if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
  });
  // Its streams tell what becomes of it.
  session.on("error", () => {});
  return session;
}

/** How much a server may send ahead of our reading: more than it needs to go on at full speed. */
const WINDOW_BYTES = 1024 * 1024;

function send(
  session: ClientHttp2Session,
  url: URL,
  { path, method, headers, body }: WireRequest,
  handler: WireHandler,
): void {
  let error = new Error("the stream was closed");
  let hasHeaders = false, isWhole = false;
  const early: Buffer[] = [];
  const { host = url.host, ...names } = namesOf(headers);
  const stream = opened(session, {
    ":method": method,
    ":path": path,
    ":scheme": "https",
    ":authority": host,
    ...names,
    "content-length": String(Buffer.byteLength(body)),
  });
  if (stream instanceof Error) return handler.onError(stream);
  stream.on("finish", () => handler.onRequestSent());
  stream.on("response", (given) => {
    hasHeaders = true;
    handler.onHeaders(given[":status"] ?? 0, rawOf(given));
    for (const piece of early) handler.onData(piece);
  });
  stream.on("data", (piece: Buffer) => {
    // Deno tells of data first, where both came in one read.
    if (hasHeaders) handler.onData(piece);
    else early.push(piece);
  });
  stream.on("error", (cause) => error = cause);
  // Deno tells of an end where a connection was lost, too.
  stream.on("end", () => isWhole = !session.destroyed);
  stream.on("close", () => {
    if (isWhole && hasHeaders && stream.rstCode === 0) handler.onComplete();
    else handler.onError(error);
  });
  stream.end(body);
}

/** A stream for a request. What is thrown at once would be caught by nobody: a session has just closed, a header is none. */
function opened(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
): ClientHttp2Stream | Error {
  try {
    return session.request(headers);
  } catch (error) {
    return error as Error;
  }
}

/** HTTP/2 has names in lower case alone. */
function namesOf(headers: readonly string[]): Record<string, string> {
  const names: Record<string, string> = {};
  for (let i = 0; i + 1 < headers.length; i += 2) {
    names[headers[i]!.toLowerCase()] = headers[i + 1]!;
  }
  return names;
}

function rawOf(headers: IncomingHttpHeaders): RawHeaders {
  return Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(":") || value === undefined
      ? []
      : [Buffer.from(name), Buffer.from(String(value))]
  );
}
