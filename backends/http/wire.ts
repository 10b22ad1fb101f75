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
import type { Arrival } from "../connect/receive_times.ts";

/** HTTP on one open socket, one request at a time. It never opens another socket. */
export interface Wire {
  /** Whether it can take a request now. */
  isReady(): boolean;
  /** Whether any byte was received since the last request was dispatched that may belong to its response. */
  isAnswered(): boolean;
  /** Whether the server reported that it did not process the last request. */
  isRefused(): boolean;
  /** Sends a request. */
  dispatch(request: WireRequest, handler: WireHandler): void;
  /** Closes the socket at once. Resolves when that is done. */
  destroy(): Promise<void>;
}

/** A POST request as it is sent. */
export interface WireRequest {
  readonly path: string;
  /** Names and values in turn, without the content type. */
  readonly headers: readonly string[];
  readonly contentType: string;
  readonly body: Uint8Array | string;
}

/** Receives a response. */
export interface WireHandler {
  /** The request is being written; before this, nothing of it has been sent. */
  onConnect(): void;
  /**
   * All of the request was passed to the socket; with `isOneCall` by a system call that began behind `onConnect`. It
   * sends first, and may return a millisecond later, if the system runs the receiver of the bytes meanwhile.
   */
  onRequestSent(isOneCall?: boolean): void;
  /** Called first for each network read, before it is parsed: everything until the next call came with it. */
  onRead(arrival?: Arrival): void;
  /** Also called for informational responses. */
  onHeaders(status: number, headers: Headers): void;
  /** Receives a piece of the body; one network read may bring several. */
  onData(piece: Buffer): void;
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

/** Headers as received, by their names in lower case; of several values the first. */
export type Headers = ReadonlyMap<string, string>;

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
  // Frames that are reported before any microtask runs came in one read.
  let isReading = false;
  const read = () => {
    if (isReading) return;
    isReading = true;
    queueMicrotask(() => isReading = false);
    handler.onRead();
  };
  stream.on("headers", (given) => {
    read();
    isAnswered = true;
    handler.onHeaders(given[":status"] ?? 0, headersIn(given));
  });
  stream.on("response", (given) => {
    read();
    isAnswered = hasHeaders = true;
    handler.onHeaders(given[":status"] ?? 0, headersIn(given));
    for (const piece of early) handler.onData(piece);
  });
  stream.on("data", (piece: Buffer) => {
    read();
    // Deno reports data before headers if both are in one read.
    if (hasHeaders) handler.onData(piece);
    else early.push(piece);
  });
  stream.on("error", (cause) => error = cause);
  // Deno also reports an end when a connection was lost.
  stream.on("end", () => isWhole = !session.destroyed);
  stream.on("close", () => {
    read();
    over(isAnswered ? undefined : stream.rstCode);
    if (isWhole && hasHeaders && stream.rstCode === 0) handler.onComplete();
    else handler.onError(error);
  });
  stream.end(request.body);
}

/** HTTP/2 allows names in lower case only. */
function http2Headers(
  url: URL,
  { path, headers, contentType, body }: WireRequest,
): OutgoingHttpHeaders {
  const names: Record<string, string> = {};
  for (let i = 0; i + 1 < headers.length; i += 2) {
    names[headers[i]!.toLowerCase()] = headers[i + 1]!;
  }
  const { host = url.host, ...others } = names;
  return {
    ":method": "POST",
    ":path": path,
    ":scheme": "https",
    ":authority": host,
    ...others,
    "content-type": contentType,
    "content-length": String(Buffer.byteLength(body)),
  };
}

function headersIn(headers: IncomingHttpHeaders): Headers {
  return new Map(
    Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith(":") || value === undefined ? [] : [[name, String(value)]]
    ),
  );
}
