import type { Socket } from "node:net";
import { Client } from "undici";
import { dial, type Way } from "./dial.ts";

/** One connection, which takes one request at a time. */
export interface Connection {
  /** Sends on it. Where the socket was closed as it lay idle, another one is opened before anything is sent. */
  readonly client: Client;
  /** The socket, while it is open. */
  readonly socket: Socket | undefined;
  /** When it was last given back; `undefined` while the socket has carried no request yet. */
  readonly idleSinceMs: number | undefined;
  /** Closes it, whatever it does. */
  close(): void;
}

/** Who sends on a connection, and hears what becomes of it. */
export interface ConnectionUser {
  /** A socket is being opened. */
  connecting(): void;
  /** It is open, TLS included. */
  connected(): void;
  /** It was lost. */
  lost(error: Error): void;
}

/** Connections to one place, as many as there are requests: none waits for another. */
export interface Connections extends AsyncDisposable {
  /** The one that was given back last, or a new one. */
  take(user: ConnectionUser): Connection;
  /** Keeps a connection for the next request, if it is good for one. */
  give(connection: Connection, nowMs: number): void;
}

/**
 * How long a connection may lie idle where the server says nothing of it: less than the 5 s after which common
 * servers close theirs, as a request that crosses with the closing would fail.
 */
const IDLE_MS = 4000;

/** How much sooner than the server says. */
const IDLE_MARGIN_MS = 1000;

type Open = { -readonly [K in keyof Connection]: Connection[K] } & {
  user: ConnectionUser | undefined;
};

/** Keeps undici's clients, one for each socket: its own pool looks through all of them for each request. */
export function connectionsTo(
  way: Way,
  { reuse }: { reuse: boolean },
): Connections {
  const all = new Set<Open>();
  const idle: Open[] = [];

  function open(): Open {
    let cancelDial = () => {};
    const client = new Client(way.url.origin, {
      // None at all has each request say "connection: close".
      pipelining: reuse ? 1 : 0,
      allowH2: way.http2,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveTimeoutThreshold: IDLE_MARGIN_MS,
      connect(_options, callback) {
        connection.user?.connecting();
        cancelDial = dial(way, (error, socket) => {
          if (error) return callback(error, null);
          connection.socket = socket;
          connection.idleSinceMs = undefined;
          connection.user?.connected();
          callback(null, socket);
        });
      },
    });
    client.on("disconnect", (_url, _targets, error) => {
      connection.socket = undefined;
      if (connection.user) connection.user.lost(error);
      else connection.close();
    });
    const connection: Open = {
      client,
      socket: undefined,
      idleSinceMs: undefined,
      user: undefined,
      close() {
        if (!all.delete(connection)) return;
        const place = idle.lastIndexOf(connection);
        if (place >= 0) idle.splice(place, 1);
        connection.user = undefined;
        cancelDial();
        client.destroy(() => {});
      },
    };
    all.add(connection);
    return connection;
  }

  function take(user: ConnectionUser): Connection {
    // One whose socket is closing is left to close.
    let connection = idle.pop();
    while (connection && connection.socket?.destroyed !== false) {
      connection = idle.pop();
    }
    connection ??= open();
    connection.user = user;
    return connection;
  }

  function give(given: Connection, nowMs: number): void {
    const connection = given as Open;
    connection.user = undefined;
    const isGood = reuse && all.has(connection) &&
      connection.socket?.writableLength === 0;
    if (!isGood) return connection.close();
    connection.idleSinceMs = nowMs;
    idle.push(connection);
  }

  return {
    take,
    give,
    async [Symbol.asyncDispose]() {
      const clients = [...all].map(({ client }) => client);
      for (const connection of all) connection.close();
      await Promise.all(clients.map((client) => client.destroy()));
    },
  };
}
