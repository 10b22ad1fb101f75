import { Buffer } from "node:buffer";
import {
  type Call,
  type Output,
  RequestError,
  type Usage,
} from "../../plugins/mod.ts";
import type { Connection } from "./connections.ts";
import type {
  Dialect,
  DialectEvent,
  JsonObject,
  Mode,
} from "./dialects/dialect.ts";
import { type Fault, faultOf } from "./faults.ts";
import type { Frames } from "./frames.ts";
import type { Trace } from "./trace.ts";
import type { SocketEnd, SocketListener } from "./transports/transport.ts";

/** How an utterance is spoken, and how long its server may take. */
export interface UtteranceSettings {
  readonly dialect: Dialect;
  readonly mode: Mode;
  /** Times as fast as speech; 0 sends as fast as the server takes it. */
  readonly speed: number;
  readonly connectTimeoutMs: number;
  readonly readyTimeoutMs: number;
  readonly receiveTimeoutMs: number | undefined;
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

/** Unpaced audio waits while more than this has not left. */
const HIGH_WATER_BYTES = 256 * 1024;
/** Unpaced audio lets the loop turn after as much as this. */
const BURST_BYTES = 256 * 1024;
const POLL_MS = 1;
const MIN_FINAL_TIMEOUT_MS = 10_000;

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
  /** When the microphone opened. */
  #startMs: number | undefined;
  /** Index of the next chunk. */
  #next = 0;
  /** The transcript so far. */
  #heard = "";
  #heardMs = 0;
  #ignored = 0;
  #giveUpPacing = nothing;
  #giveUpWatch = nothing;
  #giveUpSilence = nothing;

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
    const { clock, signal } = this.#call;
    this.#connection.user = this;
    signal.addEventListener("abort", this.#abort);
    if (this.#connection.isReady) {
      this.#isOpen = true;
      this.#giveUpPacing = clock.at(this.#connection.restedMs, this.#begin);
    } else {
      this.#watch("connect_timeout", this.#settings.connectTimeoutMs);
    }
    return this.#outcome.promise;
  }

  // What the server says.

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
    const text = typeof data === "string" ? data : decoder.decode(data);
    this.#settings.trace?.received(text);
    const message = parsed(text);
    if (!message) return this.#fail({ kind: "unparsable", text });
    const step = this.#settings.dialect.receive(
      this.#connection.state,
      message,
    );
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
        if (++this.#ignored > this.#settings.maxIgnoredEvents) {
          this.#fail({
            kind: "ignored",
            count: this.#ignored,
            type: event.type,
          });
        }
        return;
      case "noted":
        return;
      default:
        return this.#fail(event);
    }
  }

  #hear(text: string, mode: "append" | "replace", atMs: number): void {
    const isWhole = mode === "replace";
    this.#heard = isWhole ? text : this.#heard + text;
    this.#call.output(
      atMs,
      isWhole ? { kind: "text", text, mode } : { kind: "text", text },
    );
  }

  /** The text that comes with `done` is the transcript: what the pieces make is used where it is missing. */
  #done(
    text: string | undefined,
    usage: Usage | undefined,
    atMs: number,
  ): void {
    const isEarly = !this.#hasEnded;
    if (text && this.#heard === "") this.#hear(text, "append", atMs);
    else if (text && isEarly && text !== this.#heard) {
      this.#hear(text, "replace", atMs);
    }
    if (isEarly) {
      const sentMs = this.#frames.endsMs[this.#next - 1] ?? 0;
      return this.#fail({
        kind: "early",
        sentMs,
        durationMs: this.#frames.durationMs,
      });
    }
    this.#call.mark("final", atMs);
    const isTold = text || (text === "" && this.#heard === "");
    this.#over();
    this.#outcome.resolve({ ...(isTold && { text }), ...(usage && { usage }) });
  }

  // What we say.

  readonly #begin = (): void => {
    const { clock } = this.#call;
    const { dialect, mode, speed } = this.#settings;
    this.#hasBegun = true;
    this.#giveUpWatch();
    for (const message of dialect.begin(mode)) this.#connection.send(message);
    this.#heardMs = clock.now();
    this.#listen();
    if (speed === 0) return this.#pour();
    this.#openMicrophone(clock.now());
    this.#pace();
  };

  #openMicrophone(atMs: number): void {
    this.#startMs = atMs;
    this.#call.mark("streamStart", atMs);
  }

  /** Each chunk is due when a microphone would have recorded it, whatever became of those before. */
  #dueMs(): number {
    return this.#startMs! +
      this.#frames.endsMs[this.#next]! / this.#settings.speed;
  }

  #pace(): void {
    this.#giveUpPacing = this.#call.clock.at(this.#dueMs(), this.#speak);
  }

  readonly #speak = (): void => {
    const dueMs = this.#dueMs();
    const endMs = this.#frames.endsMs[this.#next]!;
    const atMs = this.#call.clock.now();
    this.#connection.send(this.#frames.messages[this.#next]!);
    this.#call.audioSent({ dueMs, atMs, endMs });
    this.#next++;
    if (this.#next < this.#frames.messages.length) this.#pace();
    else this.#end();
  };

  /** Sends what the socket takes, and comes back for the rest. */
  readonly #pour = (): void => {
    const { clock } = this.#call;
    const { messages, endsMs } = this.#frames;
    let burstBytes = 0;
    while (this.#next < messages.length) {
      if (
        burstBytes >= BURST_BYTES ||
        this.#connection.bufferedBytes > HIGH_WATER_BYTES
      ) {
        this.#giveUpPacing = clock.at(clock.now() + POLL_MS, this.#pour);
        return;
      }
      const message = messages[this.#next]!;
      const atMs = clock.now();
      if (this.#next === 0) this.#openMicrophone(atMs);
      this.#connection.send(message);
      this.#call.audioSent({ atMs, endMs: endsMs[this.#next]! });
      burstBytes += message.length;
      this.#next++;
    }
    this.#end();
  };

  #end(): void {
    const { dialect, mode, finalTimeoutMs } = this.#settings;
    for (const message of dialect.end(mode)) this.#connection.send(message);
    this.#call.mark("endSent");
    this.#hasEnded = true;
    const halfMs = this.#frames.durationMs / 2;
    this.#watch(
      "final_timeout",
      finalTimeoutMs ?? Math.max(MIN_FINAL_TIMEOUT_MS, halfMs),
    );
  }

  // Limits and ends.

  #watch(failure: string, limitMs: number): void {
    this.#giveUpWatch();
    const { clock } = this.#call;
    this.#giveUpWatch = clock.at(
      clock.now() + limitMs,
      () => this.#fail({ kind: "timeout", failure, limitMs }),
    );
  }

  /** One look per limit, not one timer per message. */
  readonly #listen = (): void => {
    const { receiveTimeoutMs: limitMs } = this.#settings;
    if (limitMs === undefined) return;
    const { clock } = this.#call;
    const lostMs = this.#heardMs + limitMs;
    if (clock.now() >= lostMs) {
      return this.#fail({
        kind: "timeout",
        failure: "receive_timeout",
        limitMs,
      });
    }
    this.#giveUpSilence = clock.at(lostMs, this.#listen);
  };

  readonly #abort = (): void => {
    this.#over();
    this.#outcome.reject(this.#call.signal.reason);
    this.#connection.close();
  };

  #fail(fault: Fault): void {
    const { class: failure, message, code } = faultOf(fault);
    this.#over();
    this.#outcome.reject(
      new RequestError(failure, this.#settings.clean(message), { code }),
    );
    this.#connection.close();
  }

  #over(): void {
    this.#giveUpPacing();
    this.#giveUpWatch();
    this.#giveUpSilence();
    this.#connection.user = undefined;
    this.#call.signal.removeEventListener("abort", this.#abort);
  }
}

const decoder = new TextDecoder();

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
