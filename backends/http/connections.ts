import type { Socket } from "node:net";
import { dial, type Way } from "../connect/dial.ts";
import {
  http1Wire,
  http2Wire,
  type Wire,
  type WireHandler,
  type WireRequest,
} from "./wire.ts";
import { loopTurns } from "../../lib/loop_turn.ts";

/** One connection, which takes one request at a time. A socket of its own: where that is lost, so is the connection. */
export interface Connection {
  /** The socket, while it is open. */
  readonly socket: Socket | undefined;
  /** When it was last given back; `undefined` while it has carried no request yet. */
  readonly idleSinceMs: number | undefined;
  /** Whether it could take a request now. */
  isReady(): boolean;
  /** Whether anything has come since its last request that may be of the response. */
  isAnswered(): boolean;
  /** Whether the server said of its last request that it did not look at it. */
  isRefused(): boolean;
  /** Sends a request: as soon as the socket is open, or, on a used connection, seen not to be closing. */
  dispatch(request: WireRequest, user: ConnectionUser): void;
  /** Closes it, whatever it does. */
  close(): void;
}

/** Who sends on a connection, and hears what becomes of it. */
export interface ConnectionUser extends WireHandler {
  /** A socket is being opened. */
  connecting(): void;
  /** It is open, TLS and a proxy's tunnel included. */
  connected(): void;
  /** It was lost. */
  lost(error: Error): void;
}

/** Connections to one place, as many as there are requests: none waits for another. */
export interface Connections extends AsyncDisposable {
  /** The one that was given back last, or a new one. */
  take(): Connection;
  /** A new one. */
  open(): Connection;
  /** Whether they were disposed of. */
  readonly isClosed: boolean;
  /** Keeps a connection for the next request, if it is good for one. */
  give(connection: Connection, nowMs: number): void;
}

type Open = { -readonly [K in keyof Connection]: Connection[K] } & {
  /** Once the socket is open. */
  wire: Wire | undefined;
  user: ConnectionUser | undefined;
  /** Whether it has been used again already. */
  isProven: boolean;
};

/** Keeps connections by itself: undici's pool looks through all of them for each request. */
export function connectionsTo(
  way: Way,
  { reuse }: { reuse: boolean },
): Connections {
  const all = new Set<Open>();
  const idle: Open[] = [];
  const turns = loopTurns();
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
      cancelDial = dial(way, (error, socket) => {
        if (connection.user !== user) return void socket?.destroy();
        if (error) return user.onError(error);
        connection.socket = socket;
        connection.wire = wireOn(socket, way.url, { reuse, lost });
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
        // second request is trusted, so that looking costs next to nothing.
        turns.next().then(() => {
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
    if (reuse) turns.prepare();
    return connection;
  }

  function take(): Connection {
    // One whose socket is closing is left to close.
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
      await turns[Symbol.asyncDispose]();
    },
  };
}

function wireOn(
  socket: Socket,
  url: URL,
  options: Parameters<typeof http1Wire>[2],
): Wire {
  const { alpnProtocol } = socket as { alpnProtocol?: unknown };
  return alpnProtocol === "h2"
    ? http2Wire(socket, url, options)
    : http1Wire(socket, url, options);
}
