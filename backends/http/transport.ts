import type { Buffer } from "node:buffer";
import { type Call, RequestError } from "../../plugins/mod.ts";
import type { Arrival } from "../connect/receive_times.ts";
import { withDefaults } from "../connect/credentials.ts";
import { routeTo } from "../connect/dial.ts";
import type { Proxy } from "../connect/endpoint.ts";
import {
  connectionFailure,
  isUnprocessed,
  type Progress,
} from "../connect/failures.ts";
import { type LimitedRequest, Limits } from "../connect/limits.ts";
import { isInformational } from "../connect/status.ts";
import {
  type Connection,
  ConnectionPool,
  type ConnectionUser,
} from "./connections.ts";
import type {
  Http,
  HttpOptions,
  HttpRequest,
  ResponseReader,
  Timeouts,
} from "./http.ts";
import {
  NetworkReads,
  type ReadTime,
  type Response,
  responseOf,
} from "./response.ts";
import type { Headers } from "./wire.ts";

/** Opens the transport. */
export function openHttp(options: HttpOptions): Http {
  const headers = withDefaults(options.headers, {
    "accept-encoding": "identity",
  });
  const destinations = new WeakMap<URL, Destination>();
  const pools = new Map<string, ConnectionPool>();

  /** Computed once for each URL object, which does not change. */
  function destinationOf(url: URL): Destination {
    const known = destinations.get(url);
    if (known) return known;
    const route = routeTo(url, options);
    const { origin } = route.dial.url;
    const connections = pools.get(origin) ??
      new ConnectionPool(route.dial, options);
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
    openAhead: (url, count, { clock, signal }) =>
      destinationOf(url).connections.openAhead(count, {
        clock,
        signal,
        limitMs: options.connectTimeoutMs,
      }),
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
  readonly connections: ConnectionPool;
  /** The proxy on the way. */
  readonly proxy?: Proxy | undefined;
}

/** The call that is measured, the reader of the response, and the options that apply. */
export interface ExchangeContext {
  readonly call: Call;
  readonly reader: ResponseReader;
  readonly options: Timeouts & Pick<HttpOptions, "clean" | "retryStale">;
}

/** Sends one request and reads its response: see {@linkcode Http.exchange}. */
export async function exchange(
  destination: Destination,
  request: HttpRequest,
  context: ExchangeContext,
): Promise<string | undefined> {
  context.call.throwIfAborted();
  return await new Exchange(destination, request, context).run();
}

/** A system call that takes longer has sent its bytes before. */
const WRITING_MS = 0.5;

/** Time for the rest of a response that is no longer awaited: after it, the connection can be reused. */
const DRAIN_MS = 1000;

/** Largest number of informational responses before the response: some servers send them while they work. */
const MAX_INFORMATIONAL = 1000;

/**
 * One request and its response. It moves to a second connection if the first one is lost before the server can have
 * processed the request. This is the timed path: work that can be done before or after is done there.
 */
class Exchange implements ConnectionUser, LimitedRequest {
  readonly #destination: Destination;
  readonly #request: HttpRequest;
  readonly #context: ExchangeContext;
  readonly #call: Call;
  readonly #outcome = Promise.withResolvers<string | undefined>();
  readonly #limits: Limits;
  readonly #reads: NetworkReads;
  #connection!: Connection;
  /** Time when the connection began to open. */
  #connectingMs = 0;
  /** Whether any byte of the request may have been sent. */
  #isWritten = false;
  /** Time when it began to be written. */
  #writingMs = 0;
  /** Time when all of it was sent. */
  #sentMs: number | undefined;
  #response: Response | undefined;
  #isComplete = false;
  #isSettled = false;
  #isRetried = false;
  #informational = 0;
  #headersMs = 0;
  #complete: ReadTime | undefined;
  #lastMs: number | undefined;
  #requestId: string | undefined;
  #stopDraining: (() => void) | undefined;
  #stopAbort: (() => void) | undefined;

  constructor(
    destination: Destination,
    request: HttpRequest,
    context: ExchangeContext,
  ) {
    const { call, options } = context;
    this.#destination = destination;
    this.#request = request;
    this.#context = context;
    this.#call = call;
    this.#reads = new NetworkReads(call.clock, this.#read);
    this.#limits = new Limits(call.clock, this);
    this.#limits.whole(options.requestTimeoutMs);
  }

  run(): Promise<string | undefined> {
    this.#stopAbort = this.#call.onAbort(this.#settle);
    this.#send(this.#destination.connections.take());
    return this.#outcome.promise;
  }

  #send(connection: Connection): void {
    const { path, headers } = this.#destination;
    const { contentType, body } = this.#request;
    this.#connection = connection;
    this.#isWritten = false;
    this.#sentMs = undefined;
    connection.dispatch({ path, headers, contentType, body }, this);
  }

  connecting(): void {
    this.#connectingMs = this.#call.clock.now();
    const { connectTimeoutMs } = this.#context.options;
    this.#limits.stage("connect_timeout", connectTimeoutMs);
  }

  connected(): void {
    this.#limits.endStage();
    const nowMs = this.#call.clock.now();
    this.#call.mark("connected", nowMs);
    this.#call.sendWaited(this.#connectingMs, nowMs);
  }

  onConnect(): void {
    this.#isWritten = true;
    this.#writingMs = this.#call.clock.now();
  }

  onRequestSent(isOneCall = false): void {
    const connection = this.#connection;
    const { socket } = connection;
    const nowMs = this.#call.clock.now();
    const sentMs = this.#sentMs = isOneCall
      ? Math.min(nowMs, this.#writingMs + WRITING_MS)
      : nowMs;
    if (!socket?.writableNeedDrain) return this.#sent(connection, sentMs);
    socket.once("drain", () => {
      const nowMs = this.#call.clock.now();
      this.#call.sendWaited(sentMs, nowMs);
      this.#sent(connection, nowMs);
    });
  }

  #sent(connection: Connection, atMs: number): void {
    if (this.#isSettled || this.#response) return;
    if (connection !== this.#connection) return;
    const { headersTimeoutMs } = this.#context.options;
    this.#call.mark("requestSent", atMs);
    this.#limits.stage("headers_timeout", headersTimeoutMs);
  }

  onRead(arrival?: Arrival): void {
    this.#reads.begin(arrival, this.#sentMs);
  }

  onHeaders(status: number, headers: Headers): void {
    const isFinal = !isInformational(status);
    if (!isFinal && ++this.#informational > MAX_INFORMATIONAL) {
      this.#settle(endless(status));
    }
    if (!isFinal || this.#isSettled) return;
    const { reader, options: { clean, receiveTimeoutMs } } = this.#context;
    const call = this.#call;
    const { atMs } = this.#reads.time;
    this.#headersMs = atMs;
    this.#requestId = headers.get("x-request-id");
    call.mark("headers", atMs);
    this.#limits.endStage();
    this.#limits.silence(receiveTimeoutMs);
    const head = { status, headers, atMs, url: this.#destination.url };
    const settle = this.#settle;
    try {
      this.#response = responseOf(head, { call, reader, clean, settle });
    } catch (error) {
      settle(error);
    }
  }

  onData(piece: Buffer): void {
    if (!this.#isSettled) this.#reads.add(piece);
  }

  readonly #read = (bytes: Buffer, time: ReadTime): void => {
    if (this.#isSettled) return;
    const { atMs } = time;
    const isFirst = this.#lastMs === undefined;
    this.#lastMs = atMs;
    this.#arrived(time);
    this.#call.read(bytes.length, atMs);
    if (isFirst) this.#call.mark("firstByte", atMs);
    this.#response!.read(bytes, atMs);
  };

  #arrived({ atMs, errorMs, sinceMs }: ReadTime): void {
    if (errorMs !== undefined) this.#call.arrived(atMs, errorMs, sinceMs);
  }

  onComplete(): void {
    this.#isComplete = true;
    this.#complete = this.#reads.time;
    this.#stopDraining?.();
    this.#destination.connections.give(
      this.#connection,
      this.#complete.atMs,
    );
    this.#reads.behind(() => this.#response?.end());
  }

  lastMs(): number {
    return this.#lastMs ?? this.#headersMs;
  }

  expired(failure: RequestError): void {
    this.#settle(failure);
  }

  /** Ends the exchange, once. The rest of a response is awaited for a while; after an error the connection is closed. */
  readonly #settle = (error?: unknown): void => {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#limits.stop();
    this.#stopAbort?.();
    this.#response?.stop();
    const call = this.#call;
    if (error === undefined) {
      if (this.#complete) this.#arrived(this.#complete);
      call.ended(this.#complete?.atMs ?? this.lastMs());
      this.#outcome.resolve(this.#requestId);
    } else this.#outcome.reject(error);
    if (this.#isComplete) return;
    const { close } = this.#connection;
    if (error !== undefined) return close();
    this.#stopDraining = call.clock.at(call.clock.now() + DRAIN_MS, close);
  };

  onError(error: Error): void {
    if (!this.#isSettled && this.#retry()) return;
    this.#reads.flush();
    this.#response?.cut();
    this.#settle(connectionFailure(error, this.#progress()));
    this.#stopDraining?.();
    // An exchange that was over before has left it open for the rest of its response.
    this.#connection.close();
  }

  /**
   * Moves the request to a new connection. That is not counted if a reused connection closed before any of the request
   * was sent. It is counted, and done once at most, if the request crossed with the close or the server refused it
   * without processing it; only the latter moves a request from a new connection.
   */
  #retry(): boolean {
    const { connections } = this.#destination;
    connections.reusesInARow = 0;
    if (!this.#isWritten) {
      if (this.#idleMs() === undefined) return false;
    } else {
      const { retryStale } = this.#context.options;
      if (!retryStale || this.#isRetried || connections.isClosed) return false;
      if (!isUnprocessed(this.#progress())) return false;
      this.#isRetried = true;
      this.#call.retried();
    }
    this.#connection.close();
    this.#send(connections.open());
    return true;
  }

  /** Idle time of a reused connection that the server has closed since; `undefined` for any other. */
  #idleMs(): number | undefined {
    const { idleSinceMs } = this.#connection;
    if (idleSinceMs === undefined || this.#connection.isReady()) {
      return undefined;
    }
    if (this.#destination.connections.isClosed) return undefined;
    return (this.#sentMs ?? this.#call.clock.now()) - idleSinceMs;
  }

  #progress(): Progress {
    const { wire } = this.#connection;
    const hasHeaders = this.#response !== undefined;
    const sentMs = this.#sentMs;
    const { proxy, url } = this.#destination;
    return {
      isOpen: wire !== undefined,
      isAnswered: hasHeaders || (wire?.isAnswered() ?? false),
      isRefused: wire?.isRefused() ?? false,
      hasHeaders,
      idleMs: this.#idleMs(),
      waitedMs: sentMs === undefined ? 0 : this.#call.clock.now() - sentMs,
      proxy,
      isPlain: url.protocol === "http:",
    };
  }
}

function endless(status: number): RequestError {
  const message =
    `The server sent more than ${MAX_INFORMATIONAL} informational responses, the last with status ${status}, and no response`;
  return new RequestError("protocol_error", message);
}
