import { isDeepStrictEqual } from "node:util";
import type {
  Dialect,
  DialectEvent,
  DialectSession,
  DialectStep,
  SocketMessage,
  UtteranceMode,
} from "../dialect.ts";
import type { Configured } from "../plugin.ts";
import {
  must,
  mustBeCount,
  mustBeOneOf,
  mustBePlain,
  Suite,
  type SuiteOptions,
} from "./checks.ts";

/** Options of {@linkcode testDialect}. */
export interface DialectSuiteOptions extends SuiteOptions {
  /** Messages of a server, from the opening of a session to the end of one utterance. */
  readonly messages: readonly SocketMessage[];
  /** Transcript of that utterance. */
  readonly transcript: string;
  /** Settings of the session. @default {{ model: "model", extras: {} }} */
  readonly session?: DialectSession;
}

/**
 * Registers a test for every promise that a dialect makes.
 *
 * @example Usage
 * ```ts ignore
 * import { testDialect } from "@earshot/earshot/testing";
 * import mine from "./mine.ts";
 *
 * testDialect(mine({}), {
 *   messages: ['{"type":"partial","text":"hello"}', '{"type":"final","text":"hello world"}'],
 *   transcript: "hello world",
 * });
 * ```
 */
export function testDialect(
  plugin: Configured<"dialect">,
  options: DialectSuiteOptions,
): void {
  const { messages, transcript } = options;
  const { session = { model: "model", extras: {} } } = options;
  const suite = new Suite(plugin, options);
  suite.check("describes itself", mustDescribeItself);
  suite.check("opens the WebSocket with text", (dialect) => {
    const { query = {}, headers = {}, protocols = [] } =
      dialect.handshake?.(session) ?? {};
    mustBePlain({ query, headers, protocols }, "handshake");
    const values = [query, headers].flatMap(Object.values);
    for (const value of [...values, ...protocols]) {
      const isText = typeof value === "string";
      must(isText, "values of handshake() must be strings", value);
    }
  });
  suite.check("sends text or bytes", (dialect) => {
    for (const mode of MODES) {
      const sent = [dialect.append(new Uint8Array(640))].flat();
      must(sent.length > 0, "append() must return a message");
      [...dialect.begin(mode), ...sent, ...dialect.end(mode)]
        .forEach(mustBeMessage);
    }
  });
  suite.check("does not keep or change the audio", (dialect) => {
    const audio = new Uint8Array(640).map((_, i) => i);
    const before = audio.slice();
    const first = dialect.append(audio);
    const isKept = isDeepStrictEqual(audio, before);
    must(isKept, "append() must not change the audio");
    const isSame = isDeepStrictEqual(dialect.append(audio), first);
    must(isSame, "append() must return the same message for the same audio");
  });
  suite.check("translates the messages of an utterance", (dialect) => {
    const steps = receiveAll(dialect, session, messages);
    steps.flatMap(({ send = [] }) => send).forEach(mustBeMessage);
    const events = steps.flatMap(({ events }) => events);
    const isReady = events.some(({ kind }) => kind === "ready");
    must(isReady, "a session must become ready");
    const done = events.filter(({ kind }) => kind === "done").length;
    must(done === 1, "an utterance must end once", done);
    const found = transcriptOf(events);
    const rule = `transcript must be ${JSON.stringify(transcript)}`;
    must(found === transcript, rule, found);
  });
  suite.check("keeps its state in its steps", (dialect) => {
    const first = receiveAll(dialect, session, messages);
    const second = receiveAll(dialect, session, messages);
    const isSame = isDeepStrictEqual(first, second);
    must(isSame, "receive() must return the same steps for the same messages");
  });
  suite.check("survives unknown messages", (dialect) => {
    for (const message of ["", "{", "[]", "{}", new Uint8Array(3)]) {
      try {
        const { state } = dialect.start(session);
        mustBeStep(dialect.receive(state, message));
      } catch (error) {
        must(
          error instanceof Error,
          "receive() must throw an Error for a message that breaks the protocol",
          error,
        );
      }
    }
  });
}

const MODES: readonly UtteranceMode[] = ["stream", "batch"];
const ENCODINGS = ["pcm16", "float32", "mulaw", "alaw"];

function mustDescribeItself(
  { path, sampleRateHz, encoding = "pcm16" }: Dialect,
): void {
  must(path.startsWith("/"), "path must begin with /", path);
  mustBeCount(sampleRateHz, "sampleRateHz");
  mustBeOneOf(encoding, ENCODINGS, "encoding");
}

function receiveAll(
  dialect: Dialect,
  session: DialectSession,
  messages: readonly SocketMessage[],
): DialectStep<unknown>[] {
  const steps = [dialect.start(session)];
  for (const message of messages) {
    steps.push(dialect.receive(steps.at(-1)!.state, message));
  }
  steps.forEach(mustBeStep);
  return steps;
}

const EVENTS = ["ready", "partial", "done", "error", "noted", "ignored"];

function mustBeStep({ events }: DialectStep<unknown>): void {
  must(Array.isArray(events), "events of a step must be a list", events);
  for (const { kind } of events) {
    mustBeOneOf(kind, EVENTS, "kind of an event");
  }
}

function mustBeMessage(message: unknown): void {
  const isMessage = typeof message === "string" ||
    message instanceof Uint8Array;
  must(isMessage, "messages must be strings or bytes", message);
}

/** Returns the transcript that events add up to. */
function transcriptOf(events: readonly DialectEvent[]): string {
  let text = "";
  for (const event of events) {
    if (event.kind === "partial") {
      text = event.mode === "append" ? text + event.text : event.text;
    }
    if (event.kind === "done") return event.text ?? text;
  }
  return text;
}
