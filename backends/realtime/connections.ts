import type { Arrival } from "../connect/receive_times.ts";
import { Buffer } from "node:buffer";
import { onAbort } from "../../lib/abort.ts";
import {
  type Call,
  type Dialect,
  type DialectEvent,
  type DialectSession,
  type DialectStep,
  isRequestError,
  RequestError,
  type SocketMessage,
} from "../../plugins/mod.ts";
import { openAhead } from "../connect/ahead.ts";
import type { Proxy } from "../connect/endpoint.ts";
import { clientLimitIn, connectReason } from "../connect/failures.ts";
import { readable, snippet, type Trace } from "../connect/server_text.ts";
import { serverMessage } from "../connect/status.ts";
import type {
  Refusal,
  Socket,
  SocketEnd,
  SocketListener,
  Transport,
} from "./transports/transport.ts";

/** Options of {@linkcode ConnectionPool}. */
export interface ConnectionOptions {
  readonly transport: Transport;
  readonly dialect: Dialect;
  readonly session: DialectSession;
  /** Whether a connection is used for one utterance after another. */
  readonly reuse: boolean;
  readonly trace: Trace | undefined;
  /** Longest time for the connections that are opened ahead, in milliseconds. */
  readonly connectTimeoutMs: number;
}

/** Pause before a connection is reused: vLLM sends done before it has cleared its audio queue, and ignores a commit in between. */
export const REST_MS = 5;

/** Opens connections and, if they are reused, keeps them. The one that has been idle longest is taken first. */
export class ConnectionPool {
  readonly #options: ConnectionOptions;
  readonly #idle = new Set<Connection>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Returns an idle connection, if connections are reused, or a new one. */
  take(): Connection {
    const [connection] = this.#idle;
    if (!connection) return new Connection(this.#options, this.#idle);
    this.#idle.delete(connection);
    return connection;
  }

  /**
   * Opens connections and sets up their sessions until `count` are idle. Returns how long each took; those that fail
   * are left out.
   */
  async openAhead(
    count: number,
    { clock, signal }: Pick<Call, "clock" | "signal">,
  ): Promise<number[]> {
    const { reuse, connectTimeoutMs } = this.#options;
    if (!reuse) return [];
    const options = { clock, signal, limitMs: connectTimeoutMs };
    const missing = count - this.#idle.size;
    return await openAhead(missing, options, async (signal) => {
      const connection = new Connection(this.#options, this.#idle);
      const isReady = await connection.setUp(signal);
      if (isReady) this.#idle.add(connection);
      return isReady;
    });
  }

  /** Gives a connection back after an utterance that succeeded. */
  giveBack(connection: Connection, nowMs: number): void {
    if (!this.#options.reuse) return connection.close();
    connection.restedMs = nowMs + REST_MS;
    this.#idle.add(connection);
  }
}

/** Times of a message that was read before it came here. */
export interface MessageTimes {
  /** When the system had received it, where it reports that. */
  readonly atMs: number | undefined;
  /** Largest error of that; `undefined` for a message with others behind it in the read. */
  readonly errorMs: number | undefined;
  /** Since when it can have waited to be read. */
  readonly sinceMs: number;
}

/** Receives the events of a connection. */
export interface ConnectionUser extends Omit<SocketListener, "arrived"> {
  /** Returns the times of a message that was read from the network now, for `message`. */
  timesOf?(arrival: Readonly<Arrival> | undefined): MessageTimes;
  /** Receives a whole message, with its times if it was read before. */
  message(data: SocketMessage, binary: boolean, times?: MessageTimes): void;
}

/** A socket and the session on it. */
export class Connection implements SocketListener {
  readonly #options: ConnectionOptions;
  readonly #idle: Set<Connection>;
  readonly #socket: Socket;
  /** The dialect's state of the session. */
  state: unknown;
  /** Whether the session is set up. */
  isReady = false;
  /** The server's id of the session. */
  sessionId: string | undefined;
  /** Time when the next utterance may begin. */
  restedMs = -Infinity;
  /** The utterance that receives events. Events between two utterances are dropped. */
  user: ConnectionUser | undefined;
  /** Times of the messages that are on their way here. */
  readonly #times: (MessageTimes | undefined)[] = [];

  constructor(options: ConnectionOptions, idle: Set<Connection>) {
    this.#options = options;
    this.#idle = idle;
    this.#socket = options.transport.connect(this);
  }

  opened(arrival?: Readonly<Arrival>): void {
    this.#options.trace?.note("connected");
    this.user?.opened(arrival);
  }

  arrived(arrival: Readonly<Arrival> | undefined): void {
    this.#times.push(this.user?.timesOf?.(arrival));
  }

  message(data: SocketMessage, binary: boolean): void {
    this.user?.message(data, binary, this.#times.shift());
  }

  closed(end: SocketEnd): void {
    this.#options.trace?.note(`closed with ${end.code} ${end.reason}`.trim());
    this.#idle.delete(this);
    this.user?.closed(end);
  }

  /** Returns the number of bytes that were passed to the socket and not yet sent. */
  bufferedBytes(): number {
    return this.#socket.bufferedBytes();
  }

  /** Sends one message. */
  send(message: SocketMessage): void {
    this.#options.trace?.sent(shownMessage(message));
    this.#socket.send(message);
  }

  /** Closes the socket. */
  close(): void {
    this.#socket.close();
  }

  /** Starts the session, when the socket has opened. */
  start(): DialectStep<unknown> {
    return this.#options.dialect.start(this.#options.session);
  }

  /** Takes a step of the dialect: its state and its messages. Returns its events. */
  take(step: DialectStep<unknown>): readonly DialectEvent[] {
    if (!Array.isArray(step?.events)) {
      throw new TypeError("each step must have a list of events");
    }
    this.state = step.state;
    if (step.send) sendAll(this, step.send);
    return step.events;
  }

  /** Sets up the session without an utterance. Resolves to whether it is ready; the connection is closed otherwise. */
  setUp(signal: AbortSignal): Promise<boolean> {
    const { dialect, trace } = this.#options;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const end = (isReady: boolean) => {
      stopAbort();
      this.user = undefined;
      this.isReady = isReady;
      if (!isReady) this.close();
      resolve(isReady);
    };
    const take = (step: () => DialectStep<unknown>) => {
      try {
        for (const event of this.take(step())) {
          if (event.kind === "ignored" || event.kind === "noted") continue;
          if (event.kind !== "ready") return end(false);
          this.sessionId = event.sessionId;
          return end(true);
        }
      } catch {
        // The utterance that opens its own connection reports it.
        end(false);
      }
    };
    const stopAbort = onAbort(signal, () => end(false));
    this.user = {
      opened: () => take(() => this.start()),
      message: (data, binary) => {
        const message = frameOf(data, binary);
        trace?.received(shownMessage(message));
        take(() => dialect.receive(this.state, message));
      },
      closed: () => end(false),
    };
    return promise;
  }
}

/** A message as dialects receive it: text as a string. */
export function frameOf(data: SocketMessage, binary: boolean): SocketMessage {
  return binary || typeof data === "string" ? data : textOf(data);
}

/** Twice as fast as a TextDecoder for the short messages that deltas are. */
function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
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

/** The failure of a socket that did not open. */
export function openFailure(
  { refusal, error, code, reason }: SocketEnd,
  proxy: Proxy | undefined,
): RequestError {
  if (refusal) return upgradeRefused(refusal);
  if (isRequestError(error)) return error;
  const why = error
    ? connectReason(error, { proxy })
    : { text: `${code} ${reason}`.trim(), code: undefined };
  return cannotOpen(why.text, why.code);
}

function upgradeRefused(
  { status, body, retryAfterMs }: Refusal,
): RequestError {
  const message = readable(serverMessage(body).trim());
  const hint = status === 403 || status === 404
    ? " (usual if the path is wrong or the model is not for realtime)"
    : "";
  return cannotOpen(
    `the server answered HTTP ${status}${message ? `: ${message}` : ""}${hint}`,
    String(status),
    retryAfterMs,
  );
}

function cannotOpen(
  why: string,
  code: string | undefined,
  retryAfterMs?: number,
): RequestError {
  const message = `Cannot open a WebSocket: ${why}`;
  return new RequestError("connect_error", message, { code, retryAfterMs });
}

/** The failure of a socket that was closed during an utterance. */
export function closeFailure(
  { code, reason, error }: SocketEnd,
  proxy: Proxy | undefined,
): RequestError {
  if (isRequestError(error)) return error;
  const why = [reason, error && connectReason(error, { proxy }).text]
    .filter(Boolean).join(": ");
  const shown = why && `: ${snippet(why)}`;
  const message = `The connection was closed with ${code}${shown}`;
  const shownCode = clientLimitIn(error) ?? String(code);
  return new RequestError("closed", message, { code: shownCode });
}
