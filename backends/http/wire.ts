import { Buffer } from "node:buffer";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import { clientOn } from "../connect/dial.ts";
import type { RawHeaders } from "./raw_headers.ts";

/** Speaks HTTP on one open socket, one request at a time. It never opens another socket. */
export interface Wire {
  /** Whether it could take a request now. */
  isReady(): boolean;
  /** Whether anything has come since the last request was dispatched that may be of its response. */
  isAnswered(): boolean;
  /** Whether the server said of the last request that it did not look at it. */
  isRefused(): boolean;
  /** Sends a request. */
  dispatch(request: WireRequest, handler: WireHandler): void;
  /** Closes its socket, whatever it does. Resolves when that is done. */
  destroy(): Promise<void>;
}

/** A POST request as it goes out. */
export interface WireRequest {
  readonly path: string;
  readonly method: "POST";
  /** Names and values by turns. */
  readonly headers: string[];
  readonly body: Uint8Array | string;
}

/** Who hears of a response: what undici 7 calls by itself, without objects between. */
export interface WireHandler {
  /** The request is written now: until then nothing of it has left. */
  onConnect(): void;
  /** All of the request was handed to the socket. */
  onRequestSent(): void;
  /** Also called for informational responses. Returns true to go on. */
  onHeaders(status: number, headers: RawHeaders): boolean;
  /** A piece of the body; one network read may bring several. Returns true to go on. */
  onData(piece: Buffer): boolean;
  onComplete(): void;
  onError(error: Error): void;
}

/** Called when the socket was lost; whoever had sent a request on it may not have heard. */
export type OnLost = (error: Error) => void;

/**
 * How long a connection may lie idle where the server says nothing of it: less than the 5 s after which common
 * servers close theirs, as a request that crosses with the closing would fail.
 */
const IDLE_MS = 4000;

/** How much sooner than the server says. */
const IDLE_MARGIN_MS = 1000;

/** HTTP/1.1, by a client of undici. */
export function http1Wire(
  socket: Socket,
  url: URL,
  { reuse, lost }: { reuse: boolean; lost: OnLost },
): Wire {
  const client = clientOn(socket, url, {
    // None at all has each request say "connection: close".
    pipelining: reuse ? 1 : 0,
    keepAliveTimeout: IDLE_MS,
    keepAliveTimeoutThreshold: IDLE_MARGIN_MS,
  });
  let readBefore = 0;
  client.on("disconnect", (_url, _targets, error) => lost(error));
  return {
    isReady: () => !socket.destroyed && socket.writableLength === 0,
    isAnswered: () => socket.bytesRead > readBefore,
    isRefused: () => false,
    dispatch(request, handler) {
      readBefore = socket.bytesRead;
      client.dispatch(request, handler);
    },
    destroy: () => client.destroy(),
  };
}

/**
 * HTTP/2, by `node:http2`: undici 7 would send requests of a lost connection again, and fails assertions that nobody
 * can catch when one is closed.
 */
export function http2Wire(
  socket: Socket,
  url: URL,
  { lost }: { lost: OnLost },
): Wire {
  const session = sessionOn(socket, url);
  let isBusy = false, isRefused = false, readBefore = 0;
  const closed = new Promise<void>((resolve) =>
    session.once("close", () => {
      resolve();
      // The request on it hears of that by its stream.
      if (!isBusy) lost(new Error("the connection closed"));
    })
  );
  return {
    isReady: () => !session.closed && !session.destroyed,
    // What comes beside a response cannot be told from it, but where the server says that it did not look at the request.
    isAnswered: () => !isRefused && socket.bytesRead > readBefore,
    isRefused: () => isRefused,
    dispatch(request, handler) {
      isBusy = true;
      isRefused = false;
      readBefore = socket.bytesRead;
      send(session, url, request, handler, (code) => {
        isBusy = false;
        isRefused = code === constants.NGHTTP2_REFUSED_STREAM;
      });
    },
    async destroy() {
      if (!session.destroyed) session.destroy();
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
  over: (code?: number) => void,
): void {
  let error = new Error("the stream was closed");
  let isHeard = false, hasHeaders = false, isWhole = false;
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
  if (stream instanceof Error) {
    over();
    return handler.onError(stream);
  }
  handler.onConnect();
  stream.on("finish", () => handler.onRequestSent());
  stream.on("headers", (given) => {
    isHeard = true;
    handler.onHeaders(given[":status"] ?? 0, rawOf(given));
  });
  stream.on("response", (given) => {
    isHeard = hasHeaders = true;
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
    over(isHeard ? undefined : stream.rstCode);
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
