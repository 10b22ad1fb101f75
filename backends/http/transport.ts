import type { Buffer } from "node:buffer";
import { type Call, RequestError } from "../../plugins/mod.ts";
import { withDefaults } from "../connect/credentials.ts";
import { routeTo } from "../connect/dial.ts";
import type { Proxy } from "../connect/endpoint.ts";
import {
  connectionFailure,
  isUnprocessed,
  type Progress,
} from "../connect/failures.ts";
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
import {
  type LimitOptions,
  type Limits,
  limitsOf,
  type NetworkReads,
  networkReads,
  type Response,
  responseOf,
} from "./response.ts";
import { headerOf, type RawHeaders } from "./wire.ts";

/** Opens the transport. */
export function openHttp(options: HttpOptions): Http {
  const headers = withDefaults(options.headers, {
    "accept-encoding": "identity",
  });
  const destinations = new WeakMap<URL, Destination>();
  const pools = new Map<string, Connections>();

  /** Computed once for each URL object, which does not change. */
  function destinationOf(url: URL): Destination {
    const known = destinations.get(url);
    if (known) return known;
    const route = routeTo(url, options);
    const { origin } = route.dial.url;
    const connections = pools.get(origin) ?? connectionsTo(route.dial, options);
    pools.set(origin, connections);
    const destination = {
      url,
      path: route.path,
      headers: Object.entries(withDefaults(headers, route.headers)).flat(),
      connections,
      proxy: route.proxy,
    };
    destinations.set(url, destination);
    return destination;
  }

  return {
    exchange: (request, call, reader) =>
      exchange(destinationOf(request.url), request, { call, reader, options }),
    async [Symbol.asyncDispose]() {
      await Promise.all(
        Array.from(pools.values(), (pool) => pool[Symbol.asyncDispose]()),
      );
    },
  };
}

/** The place that requests are sent to. */
export interface Destination {
  readonly url: URL;
  /** The target in the first line of a request. */
  readonly path: string;
  /** Names and values in turn, without the content type. */
  readonly headers: readonly string[];
  readonly connections: Connections;
  /** The proxy on the way. */
  readonly proxy?: Proxy | undefined;
}

/** The call that is measured, the reader of the response, and the options that apply. */
export interface ExchangeContext {
  readonly call: Call;
  readonly reader: ResponseReader;
  readonly options:
    & LimitOptions
    & Pick<HttpOptions, "clean" | "retryStale">;
}

/** Sends one request and reads its response: see {@linkcode Http.exchange}. */
export function exchange(
  destination: Destination,
  request: HttpRequest,
  context: ExchangeContext,
): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    context.call.throwIfAborted();
    new Exchange(destination, request, context, { resolve, reject }).start();
  });
}

/** Settles the promise of an exchange. */
interface Outcome {
  resolve(exchanged: Exchanged): void;
  reject(error: unknown): void;
}

/** Time for the rest of a response that is no longer awaited: after it, the connection can be reused. */
const DRAIN_MS = 1000;

/** Largest number of informational responses before the response: some servers send them while they work. */
const MAX_INFORMATIONAL = 1000;

/**
 * One request and its response. It moves to a second connection if the first one is lost before the server can have
 * processed the request. This is the timed path: work that can be done before or after is done there.
 */
class Exchange {
  readonly #destination: Destination;
  readonly #request: HttpRequest;
  readonly #context: ExchangeContext;
  readonly #outcome: Outcome;
  readonly limits: Limits;
  readonly #reads: NetworkReads;
  #attempt!: Attempt;
  #response: Response | undefined;
  #isComplete = false;
  #isSettled = false;
  #isRetried = false;
  #informational = 0;
  #headersMs = 0;
  #completeMs: number | undefined;
  #lastMs: number | undefined;
  #requestId: string | undefined;
  #stopDraining: (() => void) | undefined;
  #stopAbort: (() => void) | undefined;

  constructor(
    destination: Destination,
    request: HttpRequest,
    context: ExchangeContext,
    outcome: Outcome,
  ) {
    this.#destination = destination;
    this.#request = request;
    this.#context = context;
    this.#outcome = outcome;
    const { clock } = context.call;
    this.#reads = networkReads(clock, (bytes, atMs) => this.#read(bytes, atMs));
    this.limits = limitsOf(context.options, clock, {
      lastMs: () => this.#lastMs ?? this.#headersMs,
      expired: (error) => this.#settle(error),
    });
  }

  get call(): Call {
    return this.#context.call;
  }

  start(): void {
    this.#stopAbort = this.call.onAbort((reason) => this.#settle(reason));
    this.#send(this.#destination.connections.take());
  }

  #send(connection: Connection): void {
    const { path, headers } = this.#destination;
    const { contentType, body } = this.#request;
    this.#attempt = new Attempt(this, connection);
    connection.dispatch({
      path,
      method: "POST",
      headers: [...headers, "content-type", contentType],
      body,
    }, this.#attempt);
  }

  sent(attempt: Attempt): void {
    if (this.#isSettled || this.#response || attempt !== this.#attempt) return;
    this.call.mark("requestSent");
    this.limits.sent();
  }

  headers(status: number, headers: RawHeaders): void {
    const isFinal = !isInformational(status);
    if (!isFinal && ++this.#informational > MAX_INFORMATIONAL) {
      this.#settle(endless(status));
    }
    if (!isFinal || this.#isSettled) return;
    const { call, reader, options: { clean } } = this.#context;
    const atMs = this.#headersMs = call.clock.now();
    this.#requestId = headerOf(headers, "x-request-id");
    call.mark("headers", atMs);
    this.limits.receiving();
    const head = { status, headers, atMs, url: this.#destination.url };
    const settle = (error?: unknown) => this.#settle(error);
    try {
      this.#response = responseOf(head, { call, reader, clean, settle });
    } catch (error) {
      this.#settle(error);
    }
  }

  data(piece: Buffer): void {
    if (!this.#isSettled) this.#reads.piece(piece);
  }

  #read(bytes: Buffer, atMs: number): void {
    if (this.#isSettled) return;
    const isFirst = this.#lastMs === undefined;
    this.#lastMs = this.call.read(bytes.length, atMs);
    if (isFirst) this.call.mark("firstByte", this.#lastMs);
    this.#response!.read(bytes, this.#lastMs);
  }

  complete({ connection }: Attempt): void {
    this.#isComplete = true;
    this.#completeMs = this.call.clock.now();
    this.#stopDraining?.();
    this.#destination.connections.give(connection, this.#completeMs);
    this.#reads.behind(() => this.#response?.end());
  }

  /** Ends the exchange, once. The rest of a response is awaited for a while; after an error the connection is closed. */
  #settle(error?: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.limits.stop();
    this.#stopAbort?.();
    this.#response?.stop();
    const { call } = this;
    if (error === undefined) {
      call.ended(this.#completeMs ?? this.#lastMs ?? this.#headersMs);
      const requestId = this.#requestId;
      this.#outcome.resolve(requestId === undefined ? {} : { requestId });
    } else this.#outcome.reject(error);
    if (this.#isComplete) return;
    const { connection } = this.#attempt;
    if (error !== undefined) return connection.close();
    const endMs = call.clock.now() + DRAIN_MS;
    this.#stopDraining = call.clock.at(endMs, connection.close);
  }

  fail(attempt: Attempt, error: Error): void {
    if (attempt !== this.#attempt) return;
    if (!this.#isSettled && this.#retry(attempt)) return;
    this.#reads.flush();
    this.#response?.cut();
    this.#settle(connectionFailure(error, this.#progressOf(attempt)));
    this.#stopDraining?.();
    // An exchange that was over before has left it open for the rest of its response.
    attempt.connection.close();
  }

  /**
   * Moves the request to a new connection. That is not counted if a reused connection closed before any of the request
   * was sent. It is counted, and done once at most, if the request crossed with the close or the server refused it
   * without processing it; only the latter moves a request from a new connection.
   */
  #retry(attempt: Attempt): boolean {
    const { connections } = this.#destination;
    if (!attempt.isWritten) {
      if (this.#idleMsOf(attempt) === undefined) return false;
    } else {
      const { retryStale } = this.#context.options;
      if (!retryStale || this.#isRetried || connections.isClosed) return false;
      if (!isUnprocessed(this.#progressOf(attempt))) return false;
      this.#isRetried = true;
      this.call.retried();
    }
    // First the new attempt, so that late events of the old connection are ignored.
    this.#send(connections.open());
    attempt.connection.close();
    return true;
  }

  /** Idle time of a reused connection that the server has closed since; `undefined` for any other. */
  #idleMsOf(attempt: Attempt): number | undefined {
    const { connection, idleSinceMs, sentMs } = attempt;
    if (idleSinceMs === undefined || connection.isReady()) return undefined;
    if (this.#destination.connections.isClosed) return undefined;
    return (sentMs ?? this.call.clock.now()) - idleSinceMs;
  }

  #progressOf(attempt: Attempt): Progress {
    const { connection, isOpen, sentMs } = attempt;
    const hasHeaders = this.#response !== undefined;
    const { proxy, url } = this.#destination;
    return {
      isOpen,
      isAnswered: hasHeaders || connection.isAnswered(),
      isRefused: connection.isRefused(),
      hasHeaders,
      idleMs: this.#idleMsOf(attempt),
      waitedMs: sentMs === undefined ? 0 : this.call.clock.now() - sentMs,
      proxy,
      isPlain: url.protocol === "http:",
    };
  }
}

/** A request on one connection: undici calls its methods. */
class Attempt implements ConnectionUser {
  readonly #exchange: Exchange;
  readonly connection: Connection;
  /** Time since when the connection had been idle; `undefined` for a new one. */
  readonly idleSinceMs: number | undefined;
  /** Whether the connection is open, or was. */
  isOpen: boolean;
  /** Whether any byte of the request may have been sent. */
  isWritten = false;
  /** Time when all of it was sent. */
  sentMs: number | undefined;

  constructor(exchange: Exchange, connection: Connection) {
    this.#exchange = exchange;
    this.connection = connection;
    this.idleSinceMs = connection.idleSinceMs;
    this.isOpen = this.idleSinceMs !== undefined;
  }

  connecting(): void {
    this.#exchange.limits.connecting();
  }

  connected(): void {
    this.isOpen = true;
    this.#exchange.limits.connected();
    this.#exchange.call.mark("connected");
  }

  lost(error: Error): void {
    this.#exchange.fail(this, error);
  }

  onConnect(): void {
    this.isWritten = true;
  }

  onRequestSent(): void {
    const { socket } = this.connection;
    this.sentMs = this.#exchange.call.clock.now();
    if (!socket?.writableNeedDrain) return this.#exchange.sent(this);
    socket.once("drain", () => this.#exchange.sent(this));
  }

  onHeaders(status: number, headers: RawHeaders): boolean {
    this.#exchange.headers(status, headers);
    return true;
  }

  onData(piece: Buffer): boolean {
    this.#exchange.data(piece);
    return true;
  }

  onComplete(): void {
    this.#exchange.complete(this);
  }

  onError(error: Error): void {
    this.#exchange.fail(this, error);
  }
}

function endless(status: number): RequestError {
  return new RequestError(
    "protocol_error",
    `The server sent more than ${MAX_INFORMATIONAL} informational responses, the last with status ${status}, and no response`,
  );
}
