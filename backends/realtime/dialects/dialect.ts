import type { Usage } from "../../../plugins/mod.ts";

/**
 * One wire protocol for streaming speech, and nothing but the protocol: no socket, no clock, no pacing. What a
 * server says goes through {@linkcode Dialect.receive}, which answers with the state to go on with, what it
 * means in words that all dialects share, and what the protocol wants sent in return.
 */
export interface Dialect<State = unknown> {
  /** Where the protocol lives on a server. */
  readonly path: string;
  /** The rate of the PCM16 that it wants. */
  readonly sampleRateHz: number;
  /** The state of a session whose socket has just opened. */
  start(session: SessionSettings): State;
  /** Takes in one message of the server. */
  receive(state: State, message: JsonObject): Step<State>;
  /** What opens an utterance. */
  begin(mode: Mode): readonly string[];
  /** A chunk of audio. */
  append(pcm16: Uint8Array): string;
  /** What ends the audio of an utterance. */
  end(mode: Mode): readonly string[];
}

/** Whether a server works while it is spoken to, or once it has the whole audio. */
export type Mode = "stream" | "batch";

/** A JSON object, as parsed. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What a session is set up with. */
export interface SessionSettings {
  /** The model's name on the server. */
  readonly model: string;
  /** What else the session is to be told. */
  readonly extras: JsonObject;
}

/** What follows from one message. */
export interface Step<State> {
  /** The state to go on with. */
  readonly state: State;
  /** What the message means. */
  readonly events: readonly DialectEvent[];
  /** What the protocol wants sent in return. */
  readonly send?: readonly string[];
}

/** What a server's message means, whatever its protocol. */
export type DialectEvent =
  /** The session is set up: an utterance may begin. */
  | { readonly kind: "ready" }
  /** A piece of the transcript, or the whole of it so far. May be empty. */
  | {
    readonly kind: "partial";
    readonly text: string;
    readonly mode: "append" | "replace";
  }
  /** The utterance is over. */
  | {
    readonly kind: "done";
    readonly text: string | undefined;
    readonly usage: Usage | undefined;
  }
  /** The server refused something. */
  | {
    readonly kind: "error";
    readonly message: string;
    readonly code: string | undefined;
  }
  /** The message breaks the protocol. */
  | { readonly kind: "violation"; readonly message: string }
  /** Known to the protocol, of no interest here. */
  | { readonly kind: "noted" }
  /** Not known to the protocol. */
  | { readonly kind: "ignored"; readonly type: string };
