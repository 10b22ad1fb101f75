import { roadTo } from "../connect/dial.ts";
import type { Proxy } from "../connect/endpoint.ts";
import { faultOf, isUntouched, type Progress } from "../connect/failures.ts";
import { isInformational } from "../connect/status.ts";
import {
  type Connection,
  type Connections,
  connectionsTo,
  type ConnectionUser,
} from "./connections.ts";
import type {
  Exchanged,
  Http,
  HttpOptions,
  HttpRequest,
  ResponseReader,
} from "./http.ts";
import { type LimitOptions, limitsOf } from "./limits.ts";
import { headerOf, withDefaults } from "./raw_headers.ts";
import { networkReads, type Response, responseOf } from "./response.ts";
import { type Call, RequestError, UsageError } from "../../plugins/mod.ts";

/**
 * Opens the transport, over the clients of undici.
 *
 * @throws {UsageError} If a header is the transport's own, or the content type, which is each request's.
 */
export function openHttp(options: HttpOptions): Http {
  const headers = headersOf(options.headers);
  const routes = new WeakMap<URL, Route>();
  const places = new Map<string, Connections>();

  /** A URL is looked at once: it stays what it is. */
  function routeTo(url: URL): Route {
    const known = routes.get(url);
    if (known) return known;
    const { way, path, headers: more, proxy } = roadTo(url, options);
    let connections = places.get(way.url.origin);
    if (!connections) {
      connections = connectionsTo(way, options);
      places.set(way.url.origin, connections);
    }
    const route = {
      url,
      path,
      headers: withDefaults(headers, more),
      connections,
      proxy,
    };
    routes.set(url, route);
    return route;
  }

  return {
    exchange: (request, call, reader) =>
      exchange(routeTo(request.url), request, { call, reader, options }),
    async [Symbol.asyncDispose]() {
      await Promise.all(
        Array.from(places.values(), (place) => place[Symbol.asyncDispose]()),
      );
    },
  };
}

/** Headers that say how a message is framed and its connection kept. */
const OWN = new Set([
  "connection",
  "content-length",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** As undici takes them: names and values by turns. */
function headersOf(given: HttpOptions["headers"]): string[] {
  const headers = Object.entries(given);
  for (const [name] of headers) {
    if (name.toLowerCase() === "content-type") {
      throw new UsageError(
        `Cannot use headers as the content type is that of what is sent: current value is ${name}`,
      );
    }
    if (!OWN.has(name.toLowerCase())) continue;
    throw new UsageError(
      `Cannot use headers as some are the connection's own: current value is ${name}`,
    );
  }
  return withDefaults(headers.flat(), ["accept-encoding", "identity"]);
}

/** The way of a request to its server. */
export interface Route {
  readonly url: URL;
  /** What the first line of the request says. */
  readonly path: string;
  /** Names and values by turns, without the content type. */
  readonly headers: readonly string[];
  readonly connections: Connections;
  /** What stands between. */
  readonly proxy?: Proxy | undefined;
}

/** The sides of one exchange, and its rules. */
export interface Parties {
  readonly call: Call;
  readonly reader: ResponseReader;
  readonly options:
    & LimitOptions
    & Pick<HttpOptions, "clean" | "retryStale">;
}

/** How long the rest of a response may take to come once nobody waits for it, so that its connection is of use. */
const DRAIN_MS = 1000;

/** Informational responses that may come before the response: some servers say that they are still working. */
const MAX_INFORMATIONAL = 1000;

/** Sends one request and reads its response: see {@linkcode Http.exchange}. */
export function exchange(
  route: Route,
  request: HttpRequest,
  parties: Parties,
): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    parties.call.throwIfAborted();
    run(route, request, parties, { resolve, reject });
  });
}

/** A request on one connection. */
interface Sending {
  readonly connection: Connection;
  /** Since when the connection had been idle; `undefined` for a new one. */
  readonly idleSinceMs: number | undefined;
  /** Whether the socket is open, or was. */
  isOpen: boolean;
  /** Whether any of the request may have left. */
  isWritten: boolean;
  /** When all of it had. */
  sentMs: number | undefined;
}

/** Sees a request through, on a second connection where the first is lost before the server can have answered. */
function run(
  { url, path, headers, connections, proxy }: Route,
  { contentType, body }: HttpRequest,
  { call, reader, options }: Parties,
  { resolve, reject }: {
    resolve(exchanged: Exchanged): void;
    reject(error: unknown): void;
  },
): void {
  const { clock } = call;
  let sending: Sending;
  let response: Response | undefined;
  let isWhole = false, isSettled = false, isSentAgain = false;
  let informational = 0;
  let headersMs = 0, wholeMs: number | undefined, lastMs: number | undefined;
  let requestId: string | undefined;
  let stopDraining: (() => void) | undefined;

  const reads = networkReads(clock, (bytes, atMs) => {
    if (isSettled) return;
    const isFirst = lastMs === undefined;
    lastMs = call.read(bytes.length, atMs);
    if (isFirst) call.mark("firstByte", lastMs);
    response!.read(bytes, lastMs);
  });

  /** Ends the exchange, once. A response that is not whole is left to come, or cut off if there was an error. */
  function settle(error?: unknown): void {
    if (isSettled) return;
    isSettled = true;
    limits.stop();
    forget();
    response?.stop();
    if (error === undefined) {
      call.ended(wholeMs ?? lastMs ?? headersMs);
      resolve(requestId === undefined ? {} : { requestId });
    } else reject(error);
    if (isWhole) return;
    const { connection } = sending;
    if (error !== undefined) return connection.close();
    stopDraining = clock.at(clock.now() + DRAIN_MS, connection.close);
  }

  function fail(on: Sending, error: Error): void {
    if (on !== sending) return;
    if (!isSettled && sendAgain(on)) return;
    reads.flush();
    response?.cut();
    settle(faultOf(error, progressOf(on)));
    stopDraining?.();
    // A request that was over before has left it open, for the rest of its response.
    on.connection.close();
  }

  /**
   * Moves a request to a new connection: uncounted where a used one was closed before anything had left; counted, and
   * once at most, where the request crossed with the closing, or the server refused it without a look at it. The latter
   * alone moves a request from a connection that was new.
   */
  function sendAgain(on: Sending): boolean {
    if (!on.isWritten) {
      if (idleMsOf(on) === undefined) return false;
    } else {
      if (!options.retryStale || isSentAgain || connections.isClosed) {
        return false;
      }
      if (!isUntouched(progressOf(on))) return false;
      isSentAgain = true;
      call.retried();
    }
    // Closed behind that: whoever still hears of the old connection has nothing more to do with it.
    send(connections.open());
    on.connection.close();
    return true;
  }

  /** For how long a connection lay idle that the server has closed since; `undefined` for any other. */
  function idleMsOf({ connection, idleSinceMs, sentMs }: Sending) {
    if (idleSinceMs === undefined || connection.isReady()) return undefined;
    if (connections.isClosed) return undefined;
    return (sentMs ?? clock.now()) - idleSinceMs;
  }

  function progressOf(on: Sending): Progress {
    const { connection, isOpen, sentMs } = on;
    return {
      isOpen,
      isAnswered: response !== undefined || connection.isAnswered(),
      isRefused: connection.isRefused(),
      hasHeaders: response !== undefined,
      idleMs: idleMsOf(on),
      waitedMs: sentMs === undefined ? 0 : clock.now() - sentMs,
      proxy,
      isPlain: url.protocol === "http:",
    };
  }

  function send(connection: Connection): void {
    const { idleSinceMs } = connection;
    const on: Sending = sending = {
      connection,
      idleSinceMs,
      isOpen: idleSinceMs !== undefined,
      isWritten: false,
      sentMs: undefined,
    };
    connection.dispatch({
      path,
      method: "POST",
      headers: [...headers, "content-type", contentType],
      body,
    }, userOf(on));
  }

  function userOf(on: Sending): ConnectionUser {
    const { connection } = on;
    const markSent = () => {
      if (isSettled || response || on !== sending) return;
      call.mark("requestSent");
      limits.sent();
    };
    return {
      connecting: () => limits.connecting(),
      connected() {
        on.isOpen = true;
        limits.connected();
        call.mark("connected");
      },
      lost: (error) => fail(on, error),
      onConnect: () => on.isWritten = true,
      onRequestSent() {
        const { socket } = connection;
        on.sentMs = clock.now();
        if (socket?.writableNeedDrain) socket.once("drain", markSent);
        else markSent();
      },
      onHeaders(status, headers) {
        const isAnswer = !isInformational(status);
        if (!isAnswer && ++informational > MAX_INFORMATIONAL) {
          settle(endless(status));
        }
        if (!isAnswer || isSettled) return true;
        headersMs = clock.now();
        requestId = headerOf(headers, "x-request-id");
        call.mark("headers", headersMs);
        limits.receiving();
        const head = { status, headers, atMs: headersMs, url };
        const { clean } = options;
        try {
          response = responseOf(head, { call, reader, clean, settle });
        } catch (error) {
          settle(error);
        }
        return true;
      },
      onData(piece) {
        if (!isSettled) reads.piece(piece);
        return true;
      },
      onComplete() {
        isWhole = true;
        wholeMs = clock.now();
        stopDraining?.();
        connections.give(connection, wholeMs);
        reads.behind(() => response?.end());
      },
      onError: (error) => fail(on, error),
    };
  }

  const limits = limitsOf(options, clock, {
    lastMs: () => lastMs ?? headersMs,
    expired: settle,
  });
  const forget = call.onAbort(settle);
  send(connections.take());
}

function endless(status: number): RequestError {
  return new RequestError(
    "protocol_error",
    `The server sent more than ${MAX_INFORMATIONAL} informational responses, the last with status ${status}, and no answer`,
  );
}
