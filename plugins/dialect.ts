import { isObject, type JsonObject, tryJson } from "../lib/json.ts";
import { RequestError } from "../core/errors.ts";
import type { Usage } from "../core/sample.ts";

/** A WebSocket message: a string is a text frame, bytes are a binary frame. */
export type SocketMessage = string | Uint8Array;

/** Encoding of one audio sample, mono: 16-bit and 32-bit samples are little-endian, µ-law and A-law are those of G.711. */
export type AudioEncoding = "pcm16" | "float32" | "mulaw" | "alaw";

/**
 * A wire protocol for streaming speech to a server over a WebSocket.
 *
 * A dialect consists of pure functions: it has no socket, no clock and no pacing. It formats the messages that are sent
 * and translates the messages that are received into {@linkcode DialectEvent}s, which are the same for all protocols.
 */
export interface Dialect<State = unknown> {
  /** Path on the server, unless the option `path` of the backend is given. */
  readonly path: string;
  /** Sample rate of the audio, in hertz. */
  readonly sampleRateHz: number;
  /** Encoding of the audio. @default {"pcm16"} */
  readonly encoding?: AudioEncoding;
  /**
   * Returns the protocol's part of the request that opens the WebSocket. Called once, before the run.
   *
   * @throws {UsageError} If the session's settings cannot be used.
   */
  handshake?(session: DialectSession): DialectHandshake;
  /** Starts a session on a socket that has just opened. */
  start(session: DialectSession): DialectStep<State>;
  /**
   * Translates one message from the server.
   *
   * @throws {RequestError} If the message breaks the protocol; it fails the utterance, as does any other error.
   */
  receive(state: State, message: SocketMessage): DialectStep<State>;
  /** Returns the messages that begin an utterance. */
  begin(mode: UtteranceMode): readonly SocketMessage[];
  /** Returns the message, or messages, for a chunk of audio in the dialect's encoding. */
  append(audio: Uint8Array): SocketMessage | readonly SocketMessage[];
  /** Returns the messages that end the audio of an utterance. */
  end(mode: UtteranceMode): readonly SocketMessage[];
}

/** `stream` lets the server work while audio arrives, `batch` once it has all of it. */
export type UtteranceMode = "stream" | "batch";

/** Settings of a session. */
export interface DialectSession {
  /** Name of the model on the server. */
  readonly model: string;
  /** The option `session` of the backend: fields to add to the protocol's own. */
  readonly extras: JsonObject;
}

/** Parts of the request that opens a WebSocket. */
export interface DialectHandshake {
  /** Query parameters. They do not replace those of the target. */
  readonly query?: Readonly<Record<string, string>>;
  /** Headers. They do not replace those of the backend's options. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Subprotocols; the server must choose one. */
  readonly protocols?: readonly string[];
}

/** Result of an event in a session. */
export interface DialectStep<State> {
  /** The session's next state. */
  readonly state: State;
  /** The meaning of the message. */
  readonly events: readonly DialectEvent[];
  /** Messages to send in return. @default {[]} */
  readonly send?: readonly SocketMessage[];
}

/** The meaning of a server's message, in any protocol. */
export type DialectEvent =
  /** The session is set up: an utterance may begin. The id joins its sample with the log of the server. */
  | { readonly kind: "ready"; readonly sessionId?: string | undefined }
  /** A piece to append to the transcript, or the whole transcript so far. May be empty. */
  | {
    readonly kind: "partial";
    readonly text: string;
    readonly mode: "append" | "replace";
  }
  /** The utterance is over. `text` is the whole transcript; without it, the partial ones count. */
  | {
    readonly kind: "done";
    readonly text?: string | undefined;
    readonly usage?: Usage | undefined;
  }
  /** The server reports an error, which fails the utterance. */
  | {
    readonly kind: "error";
    readonly message: string;
    readonly code?: string | undefined;
  }
  /** A message that the protocol defines and that has no meaning here. */
  | { readonly kind: "noted" }
  /** A message that the protocol does not define. Many of them fail the utterance. */
  | { readonly kind: "ignored"; readonly type: string };

export type { JsonObject };

/**
 * Parses a message that must be a JSON object.
 *
 * @throws {RequestError} If it is anything else.
 */
export function jsonObject(message: SocketMessage): JsonObject {
  const value = typeof message === "string" ? tryJson(message) : undefined;
  if (isObject(value)) return value;
  const shown = typeof message === "string"
    ? message.trim().slice(0, 300) + (message.length > 300 ? "…" : "") ||
      "empty"
    : "a binary frame";
  throw new RequestError(
    "protocol_error",
    `The server's messages must be JSON objects, but was ${shown}`,
  );
}
