import type { Trace } from "../connect/server_text.ts";
import type { Dialect, SessionSettings } from "./dialects/dialect.ts";
import type { SocketListener, Transport } from "./transports/transport.ts";

/** A socket and the session on it. */
export interface Connection {
  /** Bytes handed over and not yet gone. */
  readonly bufferedBytes: number;
  /** Sends one message. */
  send(text: string): void;
  /** Lets the socket go. */
  close(): void;
  /** What the dialect knows of the session. */
  state: unknown;
  /** Whether the session is set up. */
  isReady: boolean;
  /** When the next utterance may begin. */
  restedMs: number;
  /** Whose events these are now; what comes while nobody speaks belongs to nobody. */
  user: SocketListener | undefined;
}

/** The connections of a backend. */
export interface Connections {
  /** One that rests, if connections are reused, or a new one. */
  take(): Connection;
  /** Gives one back after an utterance that ended well. */
  giveBack(connection: Connection, nowMs: number): void;
}

/** What {@linkcode connections} are made with. */
export interface ConnectionsOptions {
  readonly transport: Transport;
  readonly dialect: Dialect;
  readonly session: SessionSettings;
  /** Whether a connection serves one utterance after another. */
  readonly reuse: boolean;
  readonly trace: Trace | undefined;
}

/**
 * vLLM says done before it has cleared its audio queue, and ignores a commit in between: this is how long it is
 * left alone.
 */
export const REST_MS = 5;

/** Opens connections, and keeps them where they are reused. The one that has rested longest goes first. */
export function connections(options: ConnectionsOptions): Connections {
  const idle = new Set<Connection>();
  return {
    take() {
      const [connection] = idle;
      if (!connection) return connect(options, (gone) => idle.delete(gone));
      idle.delete(connection);
      return connection;
    },
    giveBack(connection, nowMs) {
      if (!options.reuse) return connection.close();
      connection.restedMs = nowMs + REST_MS;
      idle.add(connection);
    },
  };
}

function connect(
  { transport, dialect, session, trace }: ConnectionsOptions,
  gone: (connection: Connection) => void,
): Connection {
  const socket = transport.connect({
    opened() {
      trace?.note("connected");
      connection.user?.opened();
    },
    message: (data, binary) => connection.user?.message(data, binary),
    closed(end) {
      trace?.note(`closed with ${end.code} ${end.reason}`.trim());
      gone(connection);
      connection.user?.closed(end);
    },
  });
  const connection: Connection = {
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    send: trace
      ? (text) => (trace.sent(text), socket.send(text))
      : (text) => socket.send(text),
    close: () => socket.close(),
    state: dialect.start(session),
    isReady: false,
    restedMs: -Infinity,
    user: undefined,
  };
  return connection;
}
