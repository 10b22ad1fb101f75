import type {
  Dialect,
  DialectSession,
  DialectStep,
  SocketMessage,
} from "../../plugins/mod.ts";
import type { Trace } from "../connect/server_text.ts";
import type { SocketListener, Transport } from "./transports/transport.ts";

/** A socket and the session on it. */
export interface Connection {
  /** Returns the number of bytes that were passed to the socket and not yet sent. */
  bufferedBytes(): number;
  /** Sends one message. */
  send(message: SocketMessage): void;
  /** Closes the socket. */
  close(): void;
  /** Starts the session, when the socket has opened. */
  start(): DialectStep<unknown>;
  /** The dialect's state of the session. */
  state: unknown;
  /** Whether the session is set up. */
  isReady: boolean;
  /** Time when the next utterance may begin. */
  restedMs: number;
  /** The utterance that receives events. Events between two utterances are dropped. */
  user: SocketListener | undefined;
}

/** The connections of a backend. */
export interface Connections {
  /** Returns an idle connection, if connections are reused, or a new one. */
  take(): Connection;
  /** Gives a connection back after an utterance that succeeded. */
  giveBack(connection: Connection, nowMs: number): void;
}

/** Options of {@linkcode connections}. */
export interface ConnectionsOptions {
  readonly transport: Transport;
  readonly dialect: Dialect;
  readonly session: DialectSession;
  /** Whether a connection is used for one utterance after another. */
  readonly reuse: boolean;
  readonly trace: Trace | undefined;
}

/** Pause before a connection is reused: vLLM sends done before it has cleared its audio queue, and ignores a commit in between. */
export const REST_MS = 5;

/** Opens connections and, if they are reused, keeps them. The one that has been idle longest is taken first. */
export function connections(options: ConnectionsOptions): Connections {
  const idle = new Set<Connection>();
  return {
    take() {
      const [connection] = idle;
      if (!connection) return connect(options, (lost) => idle.delete(lost));
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
  lost: (connection: Connection) => void,
): Connection {
  const socket = transport.connect({
    opened() {
      trace?.note("connected");
      connection.user?.opened();
    },
    message: (data, binary) => connection.user?.message(data, binary),
    closed(end) {
      trace?.note(`closed with ${end.code} ${end.reason}`.trim());
      lost(connection);
      connection.user?.closed(end);
    },
  });
  const connection: Connection = {
    bufferedBytes: () => socket.bufferedBytes(),
    send: trace
      ? (message) => (trace.sent(shownMessage(message)), socket.send(message))
      : (message) => socket.send(message),
    close: () => socket.close(),
    start: () => dialect.start(session),
    state: undefined,
    isReady: false,
    restedMs: -Infinity,
    user: undefined,
  };
  return connection;
}

/** A message for a trace. */
export function shownMessage(message: SocketMessage): string {
  return typeof message === "string"
    ? message
    : `(${message.byteLength} bytes)`;
}

/** Sends one message or several. */
export function sendAll(
  connection: Pick<Connection, "send">,
  messages: SocketMessage | readonly SocketMessage[],
): void {
  if (typeof messages === "string" || messages instanceof Uint8Array) {
    return connection.send(messages);
  }
  for (const message of messages) connection.send(message);
}
