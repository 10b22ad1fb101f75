import { Buffer } from "node:buffer";
import {
  type Call,
  type Dialect,
  type DialectEvent,
  type DialectStep,
  isRequestError,
  messageOf,
  type Output,
  RequestError,
  type SocketMessage,
  type Usage,
  type UtteranceMode,
} from "../../plugins/mod.ts";
import type { Arrival } from "../connect/receive_times.ts";
import type { Proxy } from "../connect/endpoint.ts";
import { type LimitedRequest, Limits } from "../connect/limits.ts";
import { limitMs } from "../connect/options.ts";
import { type Trace, withCode } from "../connect/server_text.ts";
import {
  closeFailure,
  type Connection,
  type ConnectionUser,
  frameOf,
  type MessageTimes,
  openFailure,
  sendAll,
  shownMessage,
} from "./connections.ts";
import { type Frames, type Microphone, openMicrophone } from "./microphone.ts";
import type { SocketEnd } from "./transports/transport.ts";

/** Options of an utterance that are the same for the whole run. */
export interface UtteranceSettings {
  readonly dialect: Dialect;
  /** Name of the dialect, for the messages of failures. */
  readonly dialectName: string;
  readonly mode: UtteranceMode;
  /** Speed relative to speech; 0 sends as fast as the connection accepts. */
  readonly speed: number;
  readonly connectTimeoutMs: number;
  readonly readyTimeoutMs: number;
  /** @default {120 s and the length of the audio} */
  readonly receiveTimeoutMs?: number | "off" | false | undefined;
  /** @default {10 min and twice the length of the audio} */
  readonly requestTimeoutMs?: number | "off" | false | undefined;
  /** @default {10 s or half the audio, whichever is longer; for unpaced audio also its length} */
  readonly finalTimeoutMs?: number | undefined;
  readonly maxIgnoredEvents: number;
  readonly trace: Trace | undefined;
  /** The proxy on the way to the server, for the messages of failures. */
  readonly proxy?: Proxy | undefined;
  /** Hides secrets in text from the server. */
  clean(text: string): string;
}

/** The audio of an utterance, the call that is measured, and the settings. */
export interface UtteranceInput {
  readonly frames: Frames;
  readonly call: Call;
  readonly settings: UtteranceSettings;
}

const MIN_FINAL_TIMEOUT_MS = 10_000;

/** For a server that never ends or accepts no more audio. Twice the length of the audio is added. */
const REQUEST_TIMEOUT_MS = 600_000;

/** Some servers send nothing before the audio has ended, so its length is added. */
const RECEIVE_TIMEOUT_MS = 120_000;

/**
 * Sends one utterance over a connection and reads the transcript at the same time.
 *
 * @throws {RequestError} If it fails. The output received until then was passed to the call.
 */
export function utter(
  connection: Connection,
  input: UtteranceInput,
): Promise<Output> {
  return new Utterance(connection, input).run();
}

/** This is the timed path: work that can be done before or after is done there. */
class Utterance implements ConnectionUser, LimitedRequest {
  readonly #connection: Connection;
  readonly #frames: Frames;
  readonly #call: Call;
  readonly #settings: UtteranceSettings;
  readonly #outcome = Promise.withResolvers<Output>();
  readonly #limits: Limits;
  #isOpen = false;
  #hasBegun = false;
  #hasEnded = false;
  #microphone: Microphone | undefined;
  #transcript = "";
  #receivedMs = 0;
  #ignored = 0;
  #stopRest: (() => void) | undefined;
  #stopAbort: (() => void) | undefined;

  constructor(
    connection: Connection,
    { frames, call, settings }: UtteranceInput,
  ) {
    this.#connection = connection;
    this.#frames = frames;
    this.#call = call;
    this.#settings = settings;
    this.#limits = new Limits(call.clock, this);
  }

  run(): Promise<Output> {
    const { isReady, restedMs } = this.#connection;
    const { requestTimeoutMs, connectTimeoutMs } = this.#settings;
    this.#connection.user = this;
    this.#stopAbort = this.#call.onAbort(this.#abort);
    const { durationMs } = this.#frames;
    this.#limits.whole(
      limitMs(requestTimeoutMs ?? REQUEST_TIMEOUT_MS + 2 * durationMs),
    );
    this.#isOpen = isReady;
    if (isReady) {
      this.#stopRest = this.#call.clock.at(restedMs, this.#begin);
    } else this.#limits.stage("connect_timeout", connectTimeoutMs);
    return this.#outcome.promise;
  }

  opened(arrival?: Readonly<Arrival>): void {
    const { atMs = this.#call.clock.now() } = this.timesOf(arrival);
    this.#isOpen = true;
    this.#call.mark("connected", atMs);
    this.#limits.stage("ready_timeout", this.#settings.readyTimeoutMs);
    try {
      this.#take(this.#connection.start(), atMs);
    } catch (error) {
      this.#dialectFailed(error);
    }
  }

  timesOf(arrival: Readonly<Arrival> | undefined): MessageTimes {
    const loopMs = this.#call.waitingSince();
    if (arrival?.epochMs === undefined) {
      return { atMs: undefined, errorMs: undefined, sinceMs: loopMs };
    }
    const { epochMs } = this.#call.clock;
    // Nothing arrives before the message that it follows.
    const atMs = Math.max(arrival.epochMs - epochMs, this.#receivedMs);
    const sinceMs = Math.max(loopMs, arrival.sinceEpochMs - epochMs);
    const { errorMs } = arrival;
    return { atMs, errorMs, sinceMs: Math.min(sinceMs, atMs) };
  }

  message(data: SocketMessage, binary: boolean, times?: MessageTimes): void {
    // A message before a reused connection begins belongs to the utterance before.
    if (this.#connection.isReady && !this.#hasBegun) return;
    const call = this.#call;
    const { atMs = call.clock.now(), errorMs, sinceMs } = times ?? {};
    if (errorMs !== undefined) call.arrived(atMs, errorMs, sinceMs);
    call.read(Buffer.byteLength(data), atMs, sinceMs);
    this.#receivedMs = atMs;
    const message = frameOf(data, binary);
    this.#settings.trace?.received(shownMessage(message));
    const { dialect } = this.#settings;
    try {
      this.#take(dialect.receive(this.#connection.state, message), atMs);
    } catch (error) {
      this.#dialectFailed(error);
    }
  }

  closed(end: SocketEnd): void {
    const { proxy } = this.#settings;
    this.#fail(
      this.#isOpen ? closeFailure(end, proxy) : openFailure(end, proxy),
    );
  }

  #take(step: DialectStep<unknown>, atMs: number): void {
    for (const event of this.#connection.take(step)) {
      if (this.#connection.user === this) this.#handle(event, atMs);
    }
  }

  /** Fails this utterance, and no other, by an error of the dialect. */
  #dialectFailed(error: unknown): void {
    const { dialectName } = this.#settings;
    const message = `The dialect "${dialectName}" failed: ${messageOf(error)}`;
    this.#fail(
      isRequestError(error)
        ? error
        : new RequestError("protocol_error", message, { cause: error }),
    );
  }

  #handle(event: DialectEvent, atMs: number): void {
    switch (event.kind) {
      case "ready":
        this.#connection.isReady = true;
        this.#call.mark("ready", atMs);
        this.#connection.sessionId = event.sessionId;
        return this.#begin();
      case "partial":
        return this.#addText(event.text, event.mode, atMs);
      case "done":
        return this.#done(event.text, event.usage, atMs);
      case "ignored":
        return this.#ignore(event.type);
      case "noted":
        return;
      case "error": {
        const { message, code } = event;
        const text = withCode(message, code);
        return this.#fail(new RequestError("server_error", text, { code }));
      }
      default:
        throw new TypeError(`unknown event ${Deno.inspect(event)}`);
    }
  }

  readonly #begin = (): void => {
    if (this.#hasBegun) return;
    const { dialect, mode, speed, receiveTimeoutMs } = this.#settings;
    const { durationMs } = this.#frames;
    this.#hasBegun = true;
    this.#limits.endStage();
    try {
      sendAll(this.#connection, dialect.begin(mode));
    } catch (error) {
      return this.#dialectFailed(error);
    }
    this.#receivedMs = this.#call.clock.now();
    this.#limits.silence(
      limitMs(receiveTimeoutMs ?? RECEIVE_TIMEOUT_MS + durationMs),
    );
    this.#microphone = openMicrophone(this.#frames, {
      connection: this.#connection,
      call: this.#call,
      speed,
      ended: () => this.#end(),
    });
  };

  #end(): void {
    const { dialect, mode, finalTimeoutMs } = this.#settings;
    // Marked before the messages are sent, as chunks are: a server may have them before the call returns.
    this.#call.mark("endSent");
    try {
      sendAll(this.#connection, dialect.end(mode));
    } catch (error) {
      return this.#dialectFailed(error);
    }
    this.#hasEnded = true;
    this.#limits.stage(
      "final_timeout",
      finalTimeoutMs ?? this.#finalTimeoutMs(),
    );
  }

  /** A server that got unpaced audio had no time to work while it arrived. */
  #finalTimeoutMs(): number {
    const { durationMs } = this.#frames;
    const limitMs = Math.max(MIN_FINAL_TIMEOUT_MS, durationMs / 2);
    return this.#settings.speed === 0 ? durationMs + limitMs : limitMs;
  }

  #addText(text: string, mode: "append" | "replace", atMs: number): void {
    if (typeof text !== "string") {
      throw new TypeError(`text must be a string, but was ${typeof text}`);
    }
    const isWhole = mode === "replace";
    this.#transcript = isWhole ? text : this.#transcript + text;
    this.#call.output(atMs, { kind: "text", text, ...(isWhole && { mode }) });
  }

  /** The text of `done` is the transcript; without it, the partial texts are. */
  #done(
    text: string | undefined,
    usage: Usage | undefined,
    atMs: number,
  ): void {
    if (text && this.#transcript === "") this.#addText(text, "append", atMs);
    if (!this.#hasEnded) return this.#endEarly(text, atMs);
    this.#call.mark("final", atMs);
    this.#call.ended(atMs);
    const responseId = this.#connection.sessionId;
    const hasText = text || (text === "" && this.#transcript === "");
    this.#release();
    this.#outcome.resolve({
      ...(hasText && { text }),
      ...(responseId !== undefined && { responseId }),
      ...(usage && { usage }),
    });
  }

  #endEarly(text: string | undefined, atMs: number): void {
    if (text && text !== this.#transcript) {
      this.#addText(text, "replace", atMs);
    }
    const sentMs = this.#microphone?.sentMs() ?? 0;
    const { durationMs } = this.#frames;
    const message =
      `The server ended the utterance before its audio ended: sent ${sentMs} of ${durationMs} ms`;
    this.#fail(new RequestError("ended_early", message));
  }

  #ignore(type: string): void {
    const count = ++this.#ignored;
    if (count <= this.#settings.maxIgnoredEvents) return;
    const message =
      `The server sent ${count} events that the dialect does not know, the last of type ${type}: see maxIgnoredEvents`;
    this.#fail(new RequestError("protocol_error", message));
  }

  lastMs(): number {
    return this.#receivedMs;
  }

  expired(failure: RequestError): void {
    this.#fail(failure);
  }

  readonly #abort = (reason: unknown): void => {
    this.#release();
    this.#outcome.reject(reason);
    this.#connection.close();
  };

  #fail(
    { class: kind, message, code, cause, retryAfterMs }: RequestError,
  ): void {
    const { clean } = this.#settings;
    this.#release();
    this.#outcome.reject(
      new RequestError(kind, clean(message), {
        code: code && clean(code),
        cause,
        retryAfterMs,
      }),
    );
    this.#connection.close();
  }

  #release(): void {
    this.#stopRest?.();
    this.#limits.stop();
    this.#microphone?.stop();
    this.#connection.user = undefined;
    this.#stopAbort?.();
  }
}
