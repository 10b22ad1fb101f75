import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { onAbort } from "../../lib/abort.ts";
import { SocketPoll } from "../../lib/event_loop.ts";
import type { Arrival } from "../connect/receive_times.ts";
import { type AheadOptions, openAhead } from "../connect/ahead.ts";
import { dial, type DialOptions } from "../connect/dial.ts";
import type { HttpOptions } from "./http.ts";
import { Http1Wire } from "./http1.ts";
import {
  type Headers,
  http2Wire,
  type Wire,
  type WireHandler,
  type WireRequest,
} from "./wire.ts";

/** The request on a connection: receives what happens to it. */
export interface ConnectionUser extends WireHandler {
  /** A socket is being opened. */
  connecting(): void;
  /** The socket is open, including TLS and a proxy's tunnel. */
  connected(): void;
}

/**
 * A server that closed a connection under a request must have kept others so often, in a row, before it is trusted again
 * to keep them.
 */
const TRUSTED_REUSES = 8;

/**
 * Connections to one server or proxy, as many as requests need. A request knows its connection, so that an
 * abort closes the right socket.
 */
export class ConnectionPool implements AsyncDisposable {
  readonly target: DialOptions;
  /** Whether a connection is used for one request after another. */
  readonly reuse: boolean;
  readonly poll = new SocketPoll();
  /** How often a used connection was found open since one was found closed. */
  reusesInARow: number;
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];
  #isClosed = false;

  constructor(
    target: DialOptions,
    { reuse, retryStale }: Pick<HttpOptions, "reuse" | "retryStale">,
  ) {
    this.target = target;
    this.reuse = reuse;
    // A request that meets a close fails if it may not be sent again.
    this.reusesInARow = retryStale ? TRUSTED_REUSES : 0;
  }

  /** Whether it was disposed of. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Returns the connection that was given back last, or a new one. */
  take(): Connection {
    let connection = this.#idle.pop();
    while (connection && !connection.isReady()) {
      connection.close();
      connection = this.#idle.pop();
    }
    return connection ?? this.open();
  }

  /** Returns a new connection. */
  open(): Connection {
    const connection = new Connection(this);
    this.#all.add(connection);
    if (this.reuse) this.poll.prepare();
    return connection;
  }

  /** Opens connections until `count` are idle. Returns how long each took; those that fail are left out. */
  async openAhead(
    count: number,
    options: AheadOptions,
  ): Promise<number[]> {
    if (!this.reuse) return [];
    const idle = this.#idle.filter((connection) => connection.isReady());
    const missing = Math.max(0, count - idle.length);
    return await openAhead(missing, options, async (signal) => {
      if (this.#isClosed) return false;
      const connection = this.open();
      const isOpen = await connection.connect(signal);
      if (isOpen) this.#idle.push(connection);
      connection.idleSinceMs = options.clock.now();
      return isOpen;
    });
  }

  /** Keeps a connection for the next request, if it can take one. */
  give(connection: Connection, nowMs: number): void {
    const isKept = this.reuse && this.#all.has(connection) &&
      connection.rest(nowMs);
    if (isKept) this.#idle.push(connection);
    else connection.close();
  }

  /** Removes a connection. Returns false if it was removed before. */
  remove(connection: Connection): boolean {
    const place = this.#idle.lastIndexOf(connection);
    if (place >= 0) this.#idle.splice(place, 1);
    return this.#all.delete(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const wires = Array.from(this.#all, ({ wire }) => wire);
    for (const connection of this.#all) connection.abort();
    await Promise.all(wires.map((wire) => wire?.destroy()));
    await this.poll[Symbol.asyncDispose]();
  }
}

/** A connection that takes one request at a time. It has one socket and ends with it. */
export class Connection implements WireHandler {
  readonly #pool: ConnectionPool;
  /** The socket while it is open. */
  socket: Socket | undefined;
  /** HTTP on the socket, once it is open. */
  wire: Wire | undefined;
  /** Time since when it has been open without a request; `undefined` for one that was opened for its request. */
  idleSinceMs: number | undefined;
  #user: ConnectionUser | undefined;
  /** Whether a request on it was answered. */
  #isUsed = false;
  #isClosed = false;
  #cancelDial = (): void => {};

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  /** Whether it can take a request now. */
  isReady(): boolean {
    return this.wire?.isReady() ?? false;
  }

  /** Sends a request, when the socket is open and, if it was used before, not closing. */
  dispatch(request: WireRequest, user: ConnectionUser): void {
    this.#user = user;
    const { wire } = this;
    if (!wire) return this.#dialFor(request, user);
    // Some servers close after each response, whatever their headers say. Waiting for the close delays a request by a
    // millisecond or more, so that a server is trusted until a request has met a close.
    const pool = this.#pool;
    const isTrusted = !this.#isUsed || pool.reusesInARow >= TRUSTED_REUSES;
    if (isTrusted) return wire.dispatch(request, this);
    pool.poll.next().then(() => {
      if (this.#user !== user) return;
      pool.reusesInARow++;
      wire.dispatch(request, this);
    });
  }

  /** Opens it without a request. Resolves to whether it is open; it is closed otherwise. */
  connect(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const stopAbort = onAbort(signal, this.close);
      this.#cancelDial = dial(this.#pool.target, (error, socket) => {
        stopAbort();
        if (this.#isClosed) socket?.destroy();
        else if (error) this.close();
        else this.#open(socket);
        resolve(this.isReady());
      });
    });
  }

  #dialFor(request: WireRequest, user: ConnectionUser): void {
    user.connecting();
    this.#cancelDial = dial(this.#pool.target, (error, socket) => {
      if (this.#user !== user) return void socket?.destroy();
      if (error) return user.onError(error);
      const wire = this.#open(socket);
      user.connected();
      wire.dispatch(request, this);
    });
  }

  #open(socket: Socket): Wire {
    const { target, reuse } = this.#pool;
    const { alpnProtocol } = socket as { alpnProtocol?: unknown };
    const options = { reuse, lost: this.#lost };
    this.socket = socket;
    return this.wire = alpnProtocol === "h2"
      ? http2Wire(socket, target.url, options)
      : new Http1Wire(socket, target.url, options);
  }

  readonly #lost = (error: Error): void => {
    this.socket = undefined;
    if (this.#user) this.#user.onError(error);
    else this.close();
  };

  /** Ends its request. Returns whether it can take another one. */
  rest(nowMs: number): boolean {
    this.#user = undefined;
    if (!this.isReady()) return false;
    this.#isUsed = true;
    this.idleSinceMs = nowMs;
    return true;
  }

  /** Closes it at once. Its request receives nothing more. */
  readonly close = (): void => {
    if (!this.#pool.remove(this)) return;
    this.#isClosed = true;
    this.#user = undefined;
    this.#cancelDial();
    void this.wire?.destroy();
  };

  /** Closes it at once and fails its request. */
  abort(): void {
    const user = this.#user;
    this.close();
    user?.onError(new Error("the client was closed"));
  }

  onConnect(): void {
    this.#user?.onConnect();
  }

  onRequestSent(isOneCall?: boolean): void {
    this.#user?.onRequestSent(isOneCall);
  }

  onHeaders(status: number, headers: Headers): void {
    this.#user?.onHeaders(status, headers);
  }

  onRead(arrival?: Arrival): void {
    this.#user?.onRead(arrival);
  }

  onData(piece: Buffer): void {
    this.#user?.onData(piece);
  }

  onComplete(): void {
    this.#user?.onComplete();
  }

  onError(error: Error): void {
    this.#user?.onError(error);
  }
}
