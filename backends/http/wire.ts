import { Buffer } from "node:buffer";
import { once } from "node:events";
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

/** HTTP on one open socket, one request at a time. It never opens another socket. */
export interface Wire {
  /** Whether it can take a request now. */
  isReady(): boolean;
  /** Whether any byte was received since the last request was dispatched that may belong to its response. */
  isAnswered(): boolean;
  /** Whether the server reported that it did not process the last request. */
  isRefused(): boolean;
  /** Waits for the first request: notices meanwhile if the server closes the socket, or sends what nobody requested. */
  watch(): void;
  /** Sends a request. */
  dispatch(request: WireRequest, handler: WireHandler): void;
  /** Closes the socket at once. Resolves when that is done. */
  destroy(): Promise<void>;
}

/** A POST request as it is sent. */
export interface WireRequest {
  readonly path: string;
  readonly method: "POST";
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Uint8Array | string;
}

/** Receives a response. Undici 7 calls these methods directly. */
export interface WireHandler {
  /** The request is being written; before this, nothing of it has been sent. */
  onConnect(): void;
  /** All of the request was passed to the socket. */
  onRequestSent(): void;
  /** Also called for informational responses. Returns true to continue. */
  onHeaders(status: number, headers: RawHeaders): boolean;
  /** Receives a piece of the body; one network read may bring several. Returns true to continue. */
  onData(piece: Buffer): boolean;
  onComplete(): void;
  onError(error: Error): void;
}

/** Options of a wire. */
export interface WireOptions {
  /** Whether the connection is used for one request after another. */
  readonly reuse: boolean;
  /** Called when the socket was lost. The request on it may not have been notified. */
  lost(error: Error): void;
}

/** Headers as received: names and values in turn. */
export type RawHeaders = readonly Buffer[];

/** The value of a header, by its name in lower case. */
export function headerOf(raw: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const key = raw[i]!;
    if (key.length !== name.length) continue;
    if (key.toString("latin1").toLowerCase() === name) {
      return raw[i + 1]!.toString("latin1");
    }
  }
  return undefined;
}

/**
 * Longest time that a connection is kept idle if the server does not name one. Common servers close after 5 s, and a
 * request that crosses with the close would fail.
 */
const IDLE_MS = 4000;

/** Safety margin before the time that the server names. */
const IDLE_MARGIN_MS = 1000;

/** HTTP/1.1, by a client of undici. */
export function http1Wire(
  socket: Socket,
  url: URL,
  { reuse, lost }: WireOptions,
): Wire {
  const client = clientOn(socket, url, {
    // With 0, each request has "connection: close".
    pipelining: reuse ? 1 : 0,
    keepAliveTimeout: IDLE_MS,
    keepAliveTimeoutThreshold: IDLE_MARGIN_MS,
  });
  let readBefore = 0;
  let stopWatching = () => {};
  client.on("disconnect", (_url, _targets, error) => lost(error));
  return {
    isReady: () => !socket.destroyed && socket.writableLength === 0,
    isAnswered: () => socket.bytesRead > readBefore,
    isRefused: () => false,
    watch: () => stopWatching = watchUnused(socket, lost),
    dispatch(request, handler) {
      stopWatching();
      readBefore = socket.bytesRead;
      client.dispatch(request, handler);
    },
    async destroy() {
      await client.destroy();
      // Undici takes the socket with the first request, and does not know it before.
      if (!socket.closed) {
        const closed = once(socket, "close");
        socket.destroy();
        await closed;
      }
    },
  };
}

/**
 * Closes a socket before its first request, and calls back, if the server closes it, sends anything, or if it is idle
 * for as long as used ones may be. Undici reads a socket from its first request on: until then nothing else would notice
 * an end, and an error would end the process. Returns a function that stops watching.
 */
function watchUnused(
  socket: Socket,
  lost: (error: Error) => void,
): () => void {
  const end = () => {
    stop();
    socket.destroy();
    lost(new Error("the connection closed before its first request"));
  };
  const events = ["data", "end", "close", "timeout"];
  const stop = () => {
    socket.setTimeout(0);
    for (const event of events) socket.off(event, end);
  };
  // A "close" follows.
  socket.on("error", () => {});
  for (const event of events) socket.on(event, end);
  socket.setTimeout(IDLE_MS);
  return stop;
}

/**
 * HTTP/2, by `node:http2`: undici 7 would send the requests of a lost connection again, and fails assertions that cannot
 * be caught when a connection is closed.
 */
export function http2Wire(
  socket: Socket,
  url: URL,
  { lost }: WireOptions,
): Wire {
  const session = sessionOn(socket, url);
  let isBusy = false, isRefused = false, readBefore = 0;
  const closed = new Promise<void>((resolve) =>
    session.once("close", () => {
      resolve();
      // A request in progress is notified by its stream.
      if (!isBusy) lost(new Error("the connection closed"));
    })
  );
  return {
    isReady: () => !session.closed && !session.destroyed,
    // Bytes other than a response cannot be distinguished from it, unless the server refused the request.
    isAnswered: () => !isRefused && socket.bytesRead > readBefore,
    isRefused: () => isRefused,
    // The session reads from the beginning.
    watch() {},
    dispatch(request, handler) {
      isBusy = true;
      isRefused = false;
      readBefore = socket.bytesRead;
      sendOn(session, url, request, handler, (code) => {
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
  // The event occurs even if the session was destroyed before: an exception then would end the process.
  session.once("connect", () => {
    if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
  });
  // Its streams report the error.
  session.on("error", () => {});
  return session;
}

/** Bytes that a server may send before they are read: more than it needs for full speed. */
const WINDOW_BYTES = 1024 * 1024;

function sendOn(
  session: ClientHttp2Session,
  url: URL,
  request: WireRequest,
  handler: WireHandler,
  over: (code?: number) => void,
): void {
  let stream: ClientHttp2Stream;
  try {
    stream = session.request(http2Headers(url, request));
  } catch (error) {
    // The session has just closed, or a header is not valid.
    over();
    return handler.onError(error as Error);
  }
  let error = new Error("the stream was closed");
  let isAnswered = false, hasHeaders = false, isWhole = false;
  const early: Buffer[] = [];
  handler.onConnect();
  stream.on("finish", () => handler.onRequestSent());
  stream.on("headers", (given) => {
    isAnswered = true;
    handler.onHeaders(given[":status"] ?? 0, rawHeaders(given));
  });
  stream.on("response", (given) => {
    isAnswered = hasHeaders = true;
    handler.onHeaders(given[":status"] ?? 0, rawHeaders(given));
    for (const piece of early) handler.onData(piece);
  });
  stream.on("data", (piece: Buffer) => {
    // Deno reports data before headers if both are in one read.
    if (hasHeaders) handler.onData(piece);
    else early.push(piece);
  });
  stream.on("error", (cause) => error = cause);
  // Deno also reports an end when a connection was lost.
  stream.on("end", () => isWhole = !session.destroyed);
  stream.on("close", () => {
    over(isAnswered ? undefined : stream.rstCode);
    if (isWhole && hasHeaders && stream.rstCode === 0) handler.onComplete();
    else handler.onError(error);
  });
  stream.end(request.body);
}

/** HTTP/2 allows names in lower case only. */
function http2Headers(
  url: URL,
  { path, method, headers, body }: WireRequest,
): OutgoingHttpHeaders {
  const names: Record<string, string> = {};
  for (let i = 0; i + 1 < headers.length; i += 2) {
    names[headers[i]!.toLowerCase()] = headers[i + 1]!;
  }
  const { host = url.host, ...others } = names;
  return {
    ":method": method,
    ":path": path,
    ":scheme": "https",
    ":authority": host,
    ...others,
    "content-length": String(Buffer.byteLength(body)),
  };
}

function rawHeaders(headers: IncomingHttpHeaders): RawHeaders {
  return Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(":") || value === undefined
      ? []
      : [Buffer.from(name), Buffer.from(String(value))]
  );
}
