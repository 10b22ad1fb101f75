import assert from "node:assert/strict";
import type {
  Dialect,
  DialectEvent,
  DialectStep,
  JsonObject,
  SocketMessage,
} from "../../../plugins/mod.ts";
import { testDialect } from "../../../plugins/testing/mod.ts";
import { catalogue } from "../../../catalogue.ts";
import { builtInDialects } from "../realtime.ts";
import { vllm, vllmDialect } from "./vllm.ts";

const dialect = vllmDialect as Dialect;
const receive = (state: unknown, message: JsonObject): DialectStep<unknown> =>
  dialect.receive(state, JSON.stringify(message));
const session = { model: "m", extras: {} };

function opened(): unknown {
  return receive(dialect.start(session).state, { type: "session.created" })
    .state;
}

function eventOf(message: JsonObject): DialectEvent {
  const { events: [event, ...more] } = receive(opened(), message);
  assert.ok(event);
  assert.deepEqual(more, []);
  return event;
}

const error = (message: string, code?: string): DialectEvent => ({
  kind: "error",
  message,
  code,
});

Deno.test("vllm sets the session up once the server has greeted", () => {
  const step = receive(dialect.start(session).state, {
    type: "session.created",
    id: "x",
  });
  assert.deepEqual(step.events, [{ kind: "ready", sessionId: "x" }]);
  assert.deepEqual(step.send?.map((text) => JSON.parse(String(text))), [
    { type: "session.update", model: "m" },
  ]);
});

Deno.test("vllm merges extras flat into session.update, type and model left alone", () => {
  const extras = {
    language: "en",
    type: "evil",
    model: "other",
    nested: { a: 1 },
  };
  const { send } = receive(dialect.start({ model: "m", extras }).state, {
    type: "session.created",
  });
  assert.deepEqual(JSON.parse(String(send![0])), {
    type: "session.update",
    model: "m",
    language: "en",
    nested: { a: 1 },
  });
});

Deno.test("vllm wants session.created first, or an error", () => {
  const start = dialect.start(session).state;
  const first = (message: JsonObject) => receive(start, message);
  assert.throws(() => first({ type: "unexpected.ping" }), {
    class: "protocol_error",
    message:
      "The server's first message must be session.created, but was unexpected.ping",
  });
  assert.deepEqual(first({ type: "error", error: "auth failed" }).events, [
    error("auth failed"),
  ]);
  assert.throws(() => first({}), { message: /but was \(no type\)$/ });
  assert.equal(first({ type: "error", error: "x" }).state, start);
});

Deno.test("vllm commits before the audio in a stream, and twice behind it in a batch", () => {
  const parsed = (messages: readonly SocketMessage[]) =>
    messages.map((message) => JSON.parse(String(message)));
  const start = { type: "input_audio_buffer.commit", final: false };
  const final = { type: "input_audio_buffer.commit", final: true };
  assert.deepEqual(parsed(dialect.begin("stream")), [start]);
  assert.deepEqual(parsed(dialect.end("stream")), [final]);
  assert.deepEqual(parsed(dialect.begin("batch")), []);
  assert.deepEqual(parsed(dialect.end("batch")), [start, final]);
});

Deno.test("vllm appends audio as base64", () => {
  assert.deepEqual(
    JSON.parse(String(dialect.append(new TextEncoder().encode("aaaa")))),
    {
      type: "input_audio_buffer.append",
      audio: "YWFhYQ==",
    },
  );
});

// How each message of the server is understood.
const MESSAGES: readonly [
  name: string,
  message: JsonObject,
  event: DialectEvent,
][] = [
  ["a delta is a piece", { type: "transcription.delta", delta: "hi" }, {
    kind: "partial",
    text: "hi",
    mode: "append",
  }],
  ["an empty delta is an empty piece", {
    type: "transcription.delta",
    delta: "",
  }, {
    kind: "partial",
    text: "",
    mode: "append",
  }],
  [
    "a delta without a text is an empty piece",
    { type: "transcription.delta" },
    {
      kind: "partial",
      text: "",
      mode: "append",
    },
  ],
  ["done brings text and usage", {
    type: "transcription.done",
    text: "hi",
    usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
  }, { kind: "done", text: "hi", usage: { inputTokens: 5, outputTokens: 1 } }],
  ["done without a completion has what the total leaves for it", {
    type: "transcription.done",
    text: "hi",
    usage: { prompt_tokens: 5, total_tokens: 6, completion_tokens: -1 },
  }, { kind: "done", text: "hi", usage: { inputTokens: 5, outputTokens: 1 } }],
  ["done may have no text and no usage", {
    type: "transcription.done",
    usage: null,
  }, {
    kind: "done",
    text: undefined,
    usage: undefined,
  }],
  ["done may have an empty text", {
    type: "transcription.done",
    text: "",
    usage: {},
  }, {
    kind: "done",
    text: "",
    usage: undefined,
  }],
  ["an error may be a string with a sibling code", {
    type: "error",
    error: "bad",
    code: "e1",
  }, error("bad", "e1")],
  [
    "an error's code may be null",
    { type: "error", error: "bad", code: null },
    error("bad"),
  ],
  ["an error may be an object", {
    type: "error",
    error: { message: "auth failed", code: "401" },
  }, error("auth failed", "401")],
  ["an error's code may be a number", {
    type: "error",
    error: { message: "no", code: 500 },
  }, error("no", "500")],
  ["an error's type replaces a code", {
    type: "error",
    error: { message: "no", type: "invalid_request_error", code: null },
  }, error("no", "invalid_request_error")],
  [
    "an error may have a code alone",
    { type: "error", error: { code: "500" } },
    {
      kind: "error",
      message: "(no message)",
      code: "500",
    },
  ],
  [
    "an error may be null",
    { type: "error", error: null },
    error("(no message)"),
  ],
  [
    "an error may be empty",
    { type: "error", error: "" },
    error("(no message)"),
  ],
  ["an error may be missing", { type: "error" }, error("(no message)")],
  ["session.updated is noted", { type: "session.updated", model: "m" }, {
    kind: "noted",
  }],
  ["an unknown type is ignored", { type: "noise.event" }, {
    kind: "ignored",
    type: "noise.event",
  }],
  ["no type is ignored", {}, { kind: "ignored", type: "(no type)" }],
  ["a second greeting is ignored", { type: "session.created" }, {
    kind: "ignored",
    type: "session.created",
  }],
];

for (const [name, message, event] of MESSAGES) {
  Deno.test(`vllm: ${name}`, () => assert.deepEqual(eventOf(message), event));
}

Deno.test("vllm keeps its state through whatever comes", () => {
  const state = opened();
  for (const [, message] of MESSAGES) {
    assert.equal(receive(state, message).state, state);
  }
});

testDialect(vllm({}), {
  messages: [
    { type: "session.created", id: "sess-1" },
    { type: "transcription.delta", delta: "he" },
    { type: "transcription.delta", delta: "llo" },
    { type: "transcription.done", text: "hello", usage: null },
  ].map((message) => JSON.stringify(message)),
  transcript: "hello",
});

Deno.test("realtime() has the built-in dialects of the catalogue", () => {
  assert.deepEqual(
    Object.keys(builtInDialects),
    Object.keys(catalogue.dialect),
  );
});
