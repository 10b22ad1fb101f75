import type { Socket } from "node:net";
import type { Way } from "../target/dial.ts";
import { http1Wire } from "./http1.ts";
import { http2Wire } from "./http2.ts";
import type { Wire } from "./wire.ts";

/** One connection, which takes one request at a time. */
export interface Connection {
  /** Sends on it. Where the socket was closed as it lay idle, another one is opened before anything is sent. */
  readonly wire: Wire;
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

type Open = { -readonly [K in keyof Connection]: Connection[K] } & {
  user: ConnectionUser | undefined;
};

/** Keeps connections by itself: undici's pool looks through all of them for each request. */
export function connectionsTo(
  way: Way,
  { reuse }: { reuse: boolean },
): Connections {
  const all = new Set<Open>();
  const idle: Open[] = [];
  const isHttp2 = way.http2 && way.url.protocol === "https:";
  const wireOf = isHttp2 ? http2Wire : http1Wire;

  function open(): Open {
    const wire = wireOf(way, {
      connecting: () => connection.user?.connecting(),
      connected(socket) {
        connection.socket = socket;
        connection.idleSinceMs = undefined;
        connection.user?.connected();
      },
      lost(error) {
        connection.socket = undefined;
        if (connection.user) connection.user.lost(error);
        else connection.close();
      },
    }, { reuse });
    const connection: Open = {
      wire,
      socket: undefined,
      idleSinceMs: undefined,
      user: undefined,
      close() {
        if (!all.delete(connection)) return;
        const place = idle.lastIndexOf(connection);
        if (place >= 0) idle.splice(place, 1);
        connection.user = undefined;
        void wire.destroy();
      },
    };
    all.add(connection);
    return connection;
  }

  function take(user: ConnectionUser): Connection {
    // One whose socket is closing is left to close.
    let connection = idle.pop();
    while (connection && !connection.wire.isReady()) {
      connection.close();
      connection = idle.pop();
    }
    connection ??= open();
    connection.user = user;
    return connection;
  }

  function give(given: Connection, nowMs: number): void {
    const connection = given as Open;
    connection.user = undefined;
    if (!reuse || !all.has(connection) || !connection.wire.isReady()) {
      return connection.close();
    }
    connection.idleSinceMs = nowMs;
    idle.push(connection);
  }

  return {
    take,
    give,
    async [Symbol.asyncDispose]() {
      const wires = [...all].map(({ wire }) => wire);
      for (const connection of all) connection.close();
      await Promise.all(wires.map((wire) => wire.destroy()));
    },
  };
}
