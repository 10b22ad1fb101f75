import type { Socket } from "node:net";
import { SocketPoll } from "../../lib/event_loop.ts";
import { dial, type DialOptions } from "../connect/dial.ts";
import {
  http1Wire,
  http2Wire,
  type Wire,
  type WireHandler,
  type WireOptions,
  type WireRequest,
} from "./wire.ts";

/** A connection that takes one request at a time. It has one socket and ends with it. */
export interface Connection {
  /** The socket while it is open. */
  readonly socket: Socket | undefined;
  /** Time when it was last given back; `undefined` before its first request has ended. */
  readonly idleSinceMs: number | undefined;
  /** Whether it can take a request now. */
  isReady(): boolean;
  /** Whether any byte was received since its last request that may belong to the response. */
  isAnswered(): boolean;
  /** Whether the server reported that it did not process the last request. */
  isRefused(): boolean;
  /** Sends a request, when the socket is open and, if it was used before, not closing. */
  dispatch(request: WireRequest, user: ConnectionUser): void;
  /** Closes it at once. */
  close(): void;
}

/** The request on a connection: receives what happens to it. */
export interface ConnectionUser extends WireHandler {
  /** A socket is being opened. */
  connecting(): void;
  /** The socket is open, including TLS and a proxy's tunnel. */
  connected(): void;
  /** The socket was lost. */
  lost(error: Error): void;
}

/** Connections to one server or proxy, as many as requests need. */
export interface Connections extends AsyncDisposable {
  /** Returns the connection that was given back last, or a new one. */
  take(): Connection;
  /** Returns a new connection. */
  open(): Connection;
  /** Whether they were disposed of. */
  readonly isClosed: boolean;
  /** Keeps a connection for the next request, if it can take one. */
  give(connection: Connection, nowMs: number): void;
}

type Open = { -readonly [K in keyof Connection]: Connection[K] } & {
  /** Set when the socket is open. */
  wire: Wire | undefined;
  user: ConnectionUser | undefined;
  /** Whether it has been reused already. */
  isProven: boolean;
};

/** Keeps its own list of connections: undici's pool searches all of them for each request. */
export function connectionsTo(
  options: DialOptions,
  { reuse }: { reuse: boolean },
): Connections {
  const all = new Set<Open>();
  const idle: Open[] = [];
  const poll = new SocketPoll();
  let isClosed = false;

  function open(): Connection {
    let cancelDial = () => {};

    function lost(error: Error): void {
      connection.socket = undefined;
      if (connection.user) connection.user.lost(error);
      else connection.close();
    }

    function dialFor(request: WireRequest, user: ConnectionUser): void {
      user.connecting();
      cancelDial = dial(options, (error, socket) => {
        if (connection.user !== user) return void socket?.destroy();
        if (error) return user.onError(error);
        connection.socket = socket;
        connection.wire = wireOn(socket, options.url, { reuse, lost });
        user.connected();
        connection.wire.dispatch(request, user);
      });
    }

    const connection: Open = {
      wire: undefined,
      socket: undefined,
      idleSinceMs: undefined,
      user: undefined,
      isProven: false,
      isReady: () => connection.wire?.isReady() ?? false,
      isAnswered: () => connection.wire?.isAnswered() ?? false,
      isRefused: () => connection.wire?.isRefused() ?? false,
      dispatch(request, user) {
        connection.user = user;
        const { wire, isProven } = connection;
        if (!wire) return dialFor(request, user);
        if (isProven) return wire.dispatch(request, user);
        // Some servers close after each response, whatever their headers say. One that has kept a connection for a
        // second request is trusted, so that this check costs almost nothing.
        poll.next().then(() => {
          if (connection.user === user) wire.dispatch(request, user);
        });
      },
      close() {
        if (!all.delete(connection)) return;
        const place = idle.lastIndexOf(connection);
        if (place >= 0) idle.splice(place, 1);
        connection.user = undefined;
        cancelDial();
        void connection.wire?.destroy();
      },
    };
    all.add(connection);
    if (reuse) poll.prepare();
    return connection;
  }

  function take(): Connection {
    let connection = idle.pop();
    while (connection && !connection.isReady()) {
      connection.close();
      connection = idle.pop();
    }
    return connection ?? open();
  }

  function give(given: Connection, nowMs: number): void {
    const connection = given as Open;
    connection.user = undefined;
    if (!reuse || !all.has(connection) || !connection.isReady()) {
      return connection.close();
    }
    connection.isProven = connection.idleSinceMs !== undefined;
    connection.idleSinceMs = nowMs;
    idle.push(connection);
  }

  return {
    take,
    open,
    give,
    get isClosed() {
      return isClosed;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      const wires = [...all].map(({ wire }) => wire);
      for (const connection of all) connection.close();
      await Promise.all(wires.map((wire) => wire?.destroy()));
      await poll[Symbol.asyncDispose]();
    },
  };
}

function wireOn(socket: Socket, url: URL, options: WireOptions): Wire {
  const { alpnProtocol } = socket as { alpnProtocol?: unknown };
  return alpnProtocol === "h2"
    ? http2Wire(socket, url, options)
    : http1Wire(socket, url, options);
}
