import { Buffer } from "node:buffer";
import type { Trace } from "../connect/server_text.ts";
import type { Connection } from "./connections.ts";
import type {
  Dialect,
  DialectEvent,
  JsonObject,
  Mode,
} from "./dialects/dialect.ts";
import { type Fault, faultOf, type TimeLimit } from "./faults.ts";
import { type Frames, type Microphone, openMicrophone } from "./microphone.ts";
import type { SocketEnd, SocketListener } from "./transports/transport.ts";
import {
  type Call,
  type Output,
  RequestError,
  type Usage,
} from "../../plugins/mod.ts";

/** How an utterance is spoken, and how long its server may take. */
export interface UtteranceSettings {
  readonly dialect: Dialect;
  readonly mode: Mode;
  /** Times as fast as speech; 0 sends as fast as the server takes it. */
  readonly speed: number;
  readonly connectTimeoutMs: number;
  readonly readyTimeoutMs: number;
  /** 120 s and the audio's length on top, where it is not given. */
  readonly receiveTimeoutMs: number | "off" | false | undefined;
  /** 10 min and twice the audio's length on top, where it is not given. */
  readonly requestTimeoutMs?: number | "off" | false | undefined;
  /** 10 s or half the audio, and for unpaced audio its length on top, where there is none. */
  readonly finalTimeoutMs: number | undefined;
  readonly maxIgnoredEvents: number;
  readonly trace: Trace | undefined;
  /** Takes secrets out of what a server says. */
  clean(text: string): string;
}

/** What is sent, and who tells the time. */
export interface UtteranceInput {
  readonly frames: Frames;
  readonly call: Call;
  readonly settings: UtteranceSettings;
}

const MIN_FINAL_TIMEOUT_MS = 10_000;

/** For a server that goes on for ever, or takes no more audio: twice the audio's length comes on top. */
const REQUEST_TIMEOUT_MS = 600_000;

/** Some servers say nothing before the audio has ended: its length comes on top. */
const RECEIVE_TIMEOUT_MS = 120_000;

/**
 * Speaks one utterance over a connection and listens at the same time.
 *
 * @throws {RequestError} If it fails; what was heard by then has gone to the call.
 */
export function utter(
  connection: Connection,
  input: UtteranceInput,
): Promise<Output> {
  return new Utterance(connection, input).run();
}

/** This is the timed path: work that can be done before or after is done there. */
class Utterance implements SocketListener {
  readonly #connection: Connection;
  readonly #frames: Frames;
  readonly #call: Call;
  readonly #settings: UtteranceSettings;
  readonly #outcome = Promise.withResolvers<Output>();
  #isOpen = false;
  #hasBegun = false;
  #hasEnded = false;
  #microphone: Microphone | undefined;
  /** The transcript so far. */
  #heard = "";
  #heardMs = 0;
  #ignored = 0;
  #stopRest = nothing;
  #stopWhole = nothing;
  #stopWatch = nothing;
  #stopListening = nothing;
  #stopAbort = nothing;

  constructor(
    connection: Connection,
    { frames, call, settings }: UtteranceInput,
  ) {
    this.#connection = connection;
    this.#frames = frames;
    this.#call = call;
    this.#settings = settings;
  }

  run(): Promise<Output> {
    const { clock } = this.#call;
    const { isReady, restedMs } = this.#connection;
    this.#connection.user = this;
    this.#stopAbort = this.#call.onAbort(this.#abort);
    this.#limitWhole();
    this.#isOpen = isReady;
    if (isReady) this.#stopRest = clock.at(restedMs, this.#begin);
    else this.#watch("connect_timeout", this.#settings.connectTimeoutMs);
    return this.#outcome.promise;
  }

  #limitWhole(): void {
    const { clock } = this.#call;
    const limitMs = this.#settings.requestTimeoutMs ??
      REQUEST_TIMEOUT_MS + 2 * this.#frames.durationMs;
    if (limitMs === "off" || limitMs === false) return;
    this.#stopWhole = clock.at(
      clock.now() + limitMs,
      () =>
        this.#fail({ kind: "timeout", failure: "request_timeout", limitMs }),
    );
  }

  opened(): void {
    this.#isOpen = true;
    this.#call.mark("connected");
    this.#watch("ready_timeout", this.#settings.readyTimeoutMs);
  }

  message(data: string | Uint8Array, binary: boolean): void {
    // What comes while a used connection rests belongs to the utterance before.
    if (this.#connection.isReady && !this.#hasBegun) return;
    const atMs = this.#call.read(Buffer.byteLength(data));
    this.#heardMs = atMs;
    if (binary) return this.#fail({ kind: "binary" });
    const text = typeof data === "string" ? data : textOf(data);
    this.#settings.trace?.received(text);
    const message = parsed(text);
    if (!message) return this.#fail({ kind: "unparsable", text });
    const { dialect } = this.#settings;
    const step = dialect.receive(this.#connection.state, message);
    this.#connection.state = step.state;
    for (const reply of step.send ?? []) this.#connection.send(reply);
    for (const event of step.events) {
      if (this.#connection.user === this) this.#take(event, atMs);
    }
  }

  closed(end: SocketEnd): void {
    this.#fail({ kind: this.#isOpen ? "closed" : "refused", end });
  }

  #take(event: DialectEvent, atMs: number): void {
    switch (event.kind) {
      case "ready":
        this.#connection.isReady = true;
        this.#call.mark("ready", atMs);
        return this.#begin();
      case "partial":
        return this.#hear(event.text, event.mode, atMs);
      case "done":
        return this.#done(event.text, event.usage, atMs);
      case "ignored":
        return this.#ignore(event.type);
      case "noted":
        return;
      default:
        return this.#fail(event);
    }
  }

  readonly #begin = (): void => {
    const { dialect, mode, speed } = this.#settings;
    this.#hasBegun = true;
    this.#stopWatch();
    for (const message of dialect.begin(mode)) this.#connection.send(message);
    this.#heardMs = this.#call.clock.now();
    this.#listen();
    this.#microphone = openMicrophone(this.#frames, {
      connection: this.#connection,
      call: this.#call,
      speed,
      ended: () => this.#end(),
    });
  };

  #end(): void {
    const { dialect, mode, finalTimeoutMs } = this.#settings;
    // Stamped as the chunks are, on the way to the socket: a server may have it before the call returns.
    this.#call.mark("endSent");
    for (const message of dialect.end(mode)) this.#connection.send(message);
    this.#hasEnded = true;
    this.#watch("final_timeout", finalTimeoutMs ?? this.#finalLimitMs());
  }

  /** A server that was not given the time of the speech to work in has it now. */
  #finalLimitMs(): number {
    const { durationMs } = this.#frames;
    const limitMs = Math.max(MIN_FINAL_TIMEOUT_MS, durationMs / 2);
    return this.#settings.speed === 0 ? durationMs + limitMs : limitMs;
  }

  #hear(text: string, mode: "append" | "replace", atMs: number): void {
    const isWhole = mode === "replace";
    this.#heard = isWhole ? text : this.#heard + text;
    this.#call.output(atMs, { kind: "text", text, ...(isWhole && { mode }) });
  }

  /** The text that comes with `done` is the transcript; the pieces make it where that is missing. */
  #done(
    text: string | undefined,
    usage: Usage | undefined,
    atMs: number,
  ): void {
    if (text && this.#heard === "") this.#hear(text, "append", atMs);
    if (!this.#hasEnded) return this.#endEarly(text, atMs);
    this.#call.mark("final", atMs);
    const isTold = text || (text === "" && this.#heard === "");
    this.#release();
    this.#outcome.resolve({ ...(isTold && { text }), ...(usage && { usage }) });
  }

  #endEarly(text: string | undefined, atMs: number): void {
    if (text && text !== this.#heard) this.#hear(text, "replace", atMs);
    const sentMs = this.#microphone?.sentMs ?? 0;
    this.#fail({ kind: "early", sentMs, durationMs: this.#frames.durationMs });
  }

  #ignore(type: string): void {
    const count = ++this.#ignored;
    if (count <= this.#settings.maxIgnoredEvents) return;
    this.#fail({ kind: "ignored", count, type });
  }

  #watch(failure: TimeLimit, limitMs: number): void {
    const { clock } = this.#call;
    this.#stopWatch();
    this.#stopWatch = clock.at(
      clock.now() + limitMs,
      () => this.#fail({ kind: "timeout", failure, limitMs }),
    );
  }

  /** One look per limit, not one timer per message. */
  readonly #listen = (): void => {
    const { receiveTimeoutMs } = this.#settings;
    const limitMs = receiveTimeoutMs ??
      RECEIVE_TIMEOUT_MS + this.#frames.durationMs;
    if (limitMs === "off" || limitMs === false) return;
    const { clock } = this.#call;
    const lostMs = this.#heardMs + limitMs;
    if (clock.now() < lostMs) {
      this.#stopListening = clock.at(lostMs, this.#listen);
    } else this.#fail({ kind: "timeout", failure: "receive_timeout", limitMs });
  };

  readonly #abort = (reason: unknown): void => {
    this.#release();
    this.#outcome.reject(reason);
    this.#connection.close();
  };

  #fail(fault: Fault): void {
    const { clean } = this.#settings;
    const { class: failure, message, code } = faultOf(fault);
    this.#release();
    this.#outcome.reject(
      new RequestError(failure, clean(message), { code: code && clean(code) }),
    );
    this.#connection.close();
  }

  #release(): void {
    this.#stopRest();
    this.#stopWhole();
    this.#stopWatch();
    this.#stopListening();
    this.#microphone?.stop();
    this.#connection.user = undefined;
    this.#stopAbort();
  }
}

/** Twice as fast as a TextDecoder on the short messages that deltas are. */
function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null &&
      !Array.isArray(value);
    return isObject ? value as JsonObject : undefined;
  } catch {
    return undefined;
  }
}

function nothing(): void {}
