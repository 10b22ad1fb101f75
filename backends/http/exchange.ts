import { Buffer } from "node:buffer";
import { type Call, onAbort } from "../../plugins/mod.ts";
import { type Body, wholeBody } from "./body.ts";
import type { Connection, Connections, ConnectionUser } from "./connections.ts";
import { encodingOf, inflate, type Inflation } from "./encoding.ts";
import { eventStream } from "./events.ts";
import { faultOf } from "./faults.ts";
import type { HttpOptions, HttpRequest, ResponseReader } from "./http.ts";
import { type LimitOptions, limitsOf } from "./limits.ts";
import { headerOf, isEventStream, type RawHeaders } from "./raw_headers.ts";
import { refusal } from "./status.ts";
import type { WireHandler } from "./wire.ts";

/** The way of a request to its server. */
export interface Route {
  readonly url: URL;
  /** What the first line of the request says. */
  readonly path: string;
  /** Names and values by turns, without the content type. */
  readonly headers: readonly string[];
  readonly connections: Connections;
}

/** How long the rest of a response may take to come once nobody waits for it, so that its connection is of use. */
const DRAIN_MS = 1000;

/** Sends one request and reads its response: see {@linkcode Http.exchange}. */
export function exchange(
  { path, headers, url, connections }: Route,
  { contentType, body }: HttpRequest,
  { call, reader, options }: {
    call: Call;
    reader: ResponseReader;
    options: LimitOptions & Pick<HttpOptions, "clean">;
  },
): Promise<void> {
  const { signal, clock } = call;
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let isSent = false, hasHeaders = false, isWhole = false, isSettled = false;
  let pieces: Buffer[] = [];
  let readMs = 0, headersMs = 0;
  let lastMs: number | undefined, idleMs: number | undefined;
  let response: Body | undefined, isRefusal = false;
  let inflation: Inflation | undefined;
  let stopDraining: (() => void) | undefined;

  function settle(error?: unknown): void {
    if (isSettled) return;
    isSettled = true;
    limits.stop();
    forget();
    inflation?.stop();
    if (error === undefined) resolve();
    else reject(error);
    if (isWhole) return;
    if (error !== undefined) return connection.close();
    stopDraining = clock.at(clock.now() + DRAIN_MS, connection.close);
  }

  function deliver(bytes: Buffer, atMs: number): void {
    if (isSettled) return;
    try {
      if (response!.read(bytes, atMs)) settle();
    } catch (error) {
      settle(error);
    }
  }

  function conclude(): void {
    if (isSettled) return;
    try {
      response!.end();
      settle();
    } catch (error) {
      settle(error);
    }
  }

  /** Passes on what one network read has brought: undici tells of each chunk in it apart. */
  function flush(): void {
    if (pieces.length === 0 || isSettled) return;
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    pieces = [];
    const isFirst = lastMs === undefined;
    lastMs = call.read(bytes.length, readMs);
    if (isFirst) call.mark("firstByte", lastMs);
    if (inflation) inflation.write(bytes, lastMs);
    else deliver(bytes, lastMs);
  }

  function markSent(): void {
    if (isSettled || hasHeaders) return;
    call.mark("requestSent");
    limits.sent();
  }

  function begin(status: number, raw: RawHeaders): void {
    isRefusal = status < 200 || status >= 300;
    response = isRefusal
      ? refusal({ status, headers: raw, url }, options.clean)
      : isEventStream(raw)
      ? eventStream((event, eventMs) => {
        if (isSettled) return true;
        call.event(eventMs);
        return reader.event(event, eventMs);
      })
      : wholeBody(headersMs, (text, endMs) => reader.body(text, endMs));
    const encoding = encodingOf(headerOf(raw, "content-encoding"));
    if (encoding === undefined) return;
    inflation = inflate(encoding, {
      read: deliver,
      end: conclude,
      fail: settle,
    });
  }

  function failed(error: Error): void {
    stopDraining?.();
    flush();
    if (isSettled) return;
    // A refusal is one, however much of its words has come.
    if (isRefusal) return conclude();
    const isOpen = isSent || connection.socket !== undefined;
    settle(faultOf(error, { isOpen, hasHeaders, idleMs }));
  }

  const user: ConnectionUser & WireHandler = {
    connecting: () => limits.connecting(),
    connected() {
      limits.connected();
      call.mark("connected");
    },
    lost(error) {
      if (isSent) failed(error);
    },
    onConnect() {},
    onRequestSent() {
      const { socket, idleSinceMs } = connection;
      isSent = true;
      if (idleSinceMs !== undefined) idleMs = clock.now() - idleSinceMs;
      if (socket?.writableNeedDrain) socket.once("drain", markSent);
      else markSent();
    },
    onHeaders(status, raw) {
      if (status < 200 || isSettled) return true;
      headersMs = clock.now();
      call.mark("headers", headersMs);
      hasHeaders = true;
      limits.receiving();
      try {
        begin(status, raw);
      } catch (error) {
        settle(error);
      }
      return true;
    },
    onData(piece) {
      if (isSettled) return true;
      if (pieces.length === 0) {
        readMs = clock.now();
        queueMicrotask(flush);
      }
      pieces.push(piece);
      return true;
    },
    onComplete() {
      isWhole = true;
      stopDraining?.();
      flush();
      connections.give(connection, clock.now());
      if (inflation) inflation.end();
      else conclude();
    },
    onError: failed,
  };

  const limits = limitsOf(options, clock, {
    lastMs: () => lastMs ?? headersMs,
    expired: settle,
  });
  const connection: Connection = connections.take(user);
  const forget = onAbort(signal, () => settle(signal.reason));
  connection.wire.dispatch({
    path,
    method: "POST",
    headers: [...headers, "content-type", contentType],
    body,
  }, user);
  return promise;
}
