import { type Call, onAbort, RequestError } from "../../plugins/mod.ts";
import type { Connection, Connections, ConnectionUser } from "./connections.ts";
import { faultOf } from "./faults.ts";
import type {
  Exchanged,
  HttpOptions,
  HttpRequest,
  ResponseReader,
} from "./http.ts";
import { type LimitOptions, limitsOf } from "./limits.ts";
import { headerOf } from "./raw_headers.ts";
import { networkReads } from "./reads.ts";
import { type Response, responseOf } from "./response.ts";
import type { Proxy } from "../target/proxy.ts";
import type { WireHandler } from "./wire.ts";

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
  readonly options: LimitOptions & Pick<HttpOptions, "clean">;
}

/** How long the rest of a response may take to come once nobody waits for it, so that its connection is of use. */
const DRAIN_MS = 1000;

/** Informational responses that may come before the response: some servers say that they are still working. */
const MAX_INFORMATIONAL = 1000;

/** Sends one request and reads its response: see {@linkcode Http.exchange}. */
export function exchange(
  route: Route,
  { contentType, body }: HttpRequest,
  parties: Parties,
): Promise<Exchanged> {
  const { signal } = parties.call;
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<Exchanged>();
  const { connection, user } = take(route, parties, { resolve, reject });
  connection.wire.dispatch({
    path: route.path,
    method: "POST",
    headers: [...route.headers, "content-type", contentType],
    body,
  }, user);
  return promise;
}

/** Takes a connection for a request, and sees to what happens on it. */
function take(
  { url, connections, proxy }: Route,
  { call, reader, options }: Parties,
  { resolve, reject }: {
    resolve(exchanged: Exchanged): void;
    reject(error: unknown): void;
  },
): { connection: Connection; user: WireHandler } {
  const { signal, clock } = call;
  let response: Response | undefined;
  let isWhole = false, isSettled = false, informational = 0;
  let headersMs = 0, sentMs: number | undefined;
  let wholeMs: number | undefined, requestId: string | undefined;
  let lastMs: number | undefined, idleMs: number | undefined;
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
    if (error !== undefined) return connection.close();
    stopDraining = clock.at(clock.now() + DRAIN_MS, connection.close);
  }

  function fail(error: Error): void {
    reads.flush();
    response?.cut();
    settle(faultOf(error, {
      isOpen: sentMs !== undefined || connection.socket !== undefined,
      hasHeaders: response !== undefined,
      idleMs,
      waitedMs: sentMs === undefined ? 0 : clock.now() - sentMs,
      proxy,
      isPlain: url.protocol === "http:",
    }));
    stopDraining?.();
    // A request that was over before has left it open, for the rest of its response.
    connection.close();
  }

  function markSent(): void {
    if (isSettled || response) return;
    call.mark("requestSent");
    limits.sent();
  }

  const user: ConnectionUser & WireHandler = {
    connecting: () => limits.connecting(),
    connected() {
      limits.connected();
      call.mark("connected");
    },
    lost: (error) => void (sentMs !== undefined && fail(error)),
    onConnect() {},
    onRequestSent() {
      const { socket, idleSinceMs } = connection;
      sentMs = clock.now();
      if (idleSinceMs !== undefined) idleMs = sentMs - idleSinceMs;
      if (socket?.writableNeedDrain) socket.once("drain", markSent);
      else markSent();
    },
    onHeaders(status, headers) {
      if (status < 200 && ++informational > MAX_INFORMATIONAL) {
        settle(endless(status));
      }
      if (status < 200 || isSettled) return true;
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
    onError: fail,
  };

  const limits = limitsOf(options, clock, {
    lastMs: () => lastMs ?? headersMs,
    expired: settle,
  });
  const connection = connections.take(user);
  const forget = onAbort(signal, () => settle(signal.reason));
  return { connection, user };
}

function endless(status: number): RequestError {
  return new RequestError(
    "protocol_error",
    `The server sent more than ${MAX_INFORMATIONAL} informational responses, the last with status ${status}, and no answer`,
  );
}
