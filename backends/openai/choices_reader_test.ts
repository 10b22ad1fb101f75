import assert from "node:assert/strict";
import fc from "fast-check";
import type { Call, Delta, Output } from "../../plugins/mod.ts";
import { type ChoicesOptions, choicesReader } from "./choices_reader.ts";
import { MAX_CALLS } from "./tool_calls.ts";
import {
  type Reading,
  readStream,
  readWhole,
  sse,
} from "../../tests/support/read_answer.ts";

const reader =
  (options: Partial<ChoicesOptions> = {}) => (call: Pick<Call, "output">) =>
    choicesReader(call, {
      answers: 1,
      field: "message",
      ...options,
    });

/** Returns an event with one choice. */
function chunk(delta: unknown, rest: Record<string, unknown> = {}) {
  const { finish_reason = null, index = 0, ...other } = rest;
  return {
    id: "c1",
    choices: [{ index, delta, finish_reason }],
    ...other,
  };
}

const stop = (delta: unknown = {}) => chunk(delta, { finish_reason: "stop" });
const said = (text: string): Delta => ({ kind: "text", text });
const ended = { responseId: "c1", finishReason: "stop" };

/** Reads each event in a network read of its own. */
function read(events: readonly unknown[], options?: Partial<ChoicesOptions>) {
  return readStream(reader(options), events.map((event) => sse(event)));
}

function deltasOf({ deltas }: Reading) {
  return deltas.map(({ atMs: _, ...delta }) => delta);
}

const STREAMS: readonly [
  string,
  readonly unknown[],
  readonly Delta[],
  Output,
][] = [
  [
    "vLLM's: role first, finish with the last content, usage in an event of its own",
    [
      chunk({ role: "assistant", content: "" }),
      chunk({ content: " Set" }),
      chunk({ content: "tings" }, { finish_reason: "length" }),
      {
        id: "c1",
        choices: [],
        usage: { prompt_tokens: 9, total_tokens: 11, completion_tokens: 2 },
      },
      "[DONE]",
    ],
    [said(""), said(" Set"), said("tings")],
    {
      text: " Settings",
      finishReason: "length",
      responseId: "c1",
      usage: { inputTokens: 9, outputTokens: 2 },
    },
  ],
  [
    "OpenAI's: usage null in every event but the last, an empty finish",
    [
      chunk({ role: "assistant", content: "", refusal: null }, { usage: null }),
      chunk({ content: "Hi" }, { usage: null }),
      chunk({}, { finish_reason: "stop", usage: null }),
      {
        id: "c1",
        choices: [],
        usage: {
          prompt_tokens: 20,
          completion_tokens: 4,
          prompt_tokens_details: { cached_tokens: 16, audio_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: 3 },
        },
      },
      "[DONE]",
    ],
    [said(""), said("Hi"), said("")],
    {
      text: "Hi",
      ...ended,
      usage: {
        inputTokens: 20,
        outputTokens: 4,
        cachedTokens: 16,
        audioTokens: 0,
        reasoningTokens: 3,
      },
    },
  ],
  [
    "usage in the event that finishes",
    [
      chunk({ content: "a" }),
      chunk({}, {
        finish_reason: "stop",
        usage: { prompt_tokens: 1, completion_tokens: 5 },
      }),
      "[DONE]",
    ],
    [said("a"), said("")],
    { text: "a", ...ended, usage: { inputTokens: 1, outputTokens: 5 } },
  ],
  [
    "usage in the choice that finishes",
    [
      chunk({ content: "a" }),
      {
        id: "c1",
        choices: [{
          index: 0,
          delta: {},
          finish_reason: "stop",
          usage: { prompt_tokens: 1, completion_tokens: 5 },
        }],
      },
      "[DONE]",
    ],
    [said("a"), said("")],
    { text: "a", ...ended, usage: { inputTokens: 1, outputTokens: 5 } },
  ],
  [
    "usage with fields outside the API",
    [
      chunk({ content: "a" }, { x_groq: { id: "r1" } }),
      chunk({}, {
        finish_reason: "stop",
        x_groq: { usage: { prompt_tokens: 1, completion_tokens: 5 } },
      }),
      "[DONE]",
    ],
    [said("a"), said("")],
    { text: "a", ...ended, usage: { inputTokens: 1, outputTokens: 5 } },
  ],
  [
    "usage in every event: each has its own tokens, empty ones too",
    [
      chunk({ role: "assistant", content: "" }, {
        usage: { prompt_tokens: 9, completion_tokens: 0 },
      }),
      chunk({ content: " one two" }, {
        usage: { prompt_tokens: 9, completion_tokens: 2 },
      }),
      chunk({ content: "" }, {
        usage: { prompt_tokens: 9, completion_tokens: 3 },
      }),
      chunk({ content: "é" }, {
        finish_reason: "stop",
        usage: { prompt_tokens: 9, completion_tokens: 4 },
      }),
      { choices: [], usage: { prompt_tokens: 9, completion_tokens: 4 } },
      "[DONE]",
    ],
    [
      { ...said(""), tokens: 0 },
      { ...said(" one two"), tokens: 2 },
      { ...said(""), tokens: 1 },
      { ...said("é"), tokens: 1 },
    ],
    { text: " one twoé", ...ended, usage: { inputTokens: 9, outputTokens: 4 } },
  ],
  [
    "an object of zeros after the usage",
    [
      chunk({ content: "a" }, {
        usage: { prompt_tokens: 5, completion_tokens: 28 },
      }),
      chunk({}, { finish_reason: "stop", usage: { output_tokens: 0 } }),
      { choices: [], usage: { prompt_tokens: 0, completion_tokens: 0 } },
      "[DONE]",
    ],
    [{ ...said("a"), tokens: 28 }, said("")],
    { text: "a", ...ended, usage: { inputTokens: 5, outputTokens: 28 } },
  ],
  [
    "usage in three places of one event",
    [
      chunk({ content: "a" }),
      {
        id: "c1",
        choices: [{
          index: 0,
          delta: {},
          finish_reason: "stop",
          usage: { prompt_tokens: 9 },
        }],
        usage: {},
        x_groq: { usage: { total_tokens: 14 } },
      },
      "[DONE]",
    ],
    [said("a"), said("")],
    { text: "a", ...ended, usage: { inputTokens: 9, outputTokens: 5 } },
  ],
  [
    "a placeholder as the finish_reason of each event, and [DONE]",
    [
      chunk({ content: "Hello" }, { finish_reason: "null" }),
      chunk({ content: " there" }, { finish_reason: "null" }),
      "[DONE]",
    ],
    [said("Hello"), said(" there")],
    { text: "Hello there", responseId: "c1" },
  ],
  [
    "placeholders before a finish_reason",
    [
      chunk({ content: "a" }, { finish_reason: "" }),
      chunk({ content: "b" }, { finish_reason: "None" }),
      chunk({ content: "c" }, { finish_reason: "length" }),
    ],
    [said("a"), said("b"), said("c")],
    { text: "abc", responseId: "c1", finishReason: "length" },
  ],
  [
    "empty deltas after a finish_reason",
    [stop({ content: "a" }), chunk({ content: "" }), chunk({})],
    [said("a"), said(""), said("")],
    { text: "a", ...ended },
  ],
  [
    "a text that quotes events, or is nearly one",
    [
      chunk({ content: "data:" }),
      chunk({ content: ' {"a":1}\n\n' }),
      chunk({ content: "data: x\n\n" }),
      stop({ content: 'data: {"a":1}\n\nThat is an event.' }),
      "[DONE]",
    ],
    [
      said("data:"),
      said(' {"a":1}\n\n'),
      said("data: x\n\n"),
      said('data: {"a":1}\n\nThat is an event.'),
    ],
    {
      text: 'data: {"a":1}\n\ndata: x\n\ndata: {"a":1}\n\nThat is an event.',
      ...ended,
    },
  ],
  [
    "reasoning under its newer name",
    [chunk({ reasoning: "hm" }), chunk({ content: "42" }), stop(), "[DONE]"],
    [{ kind: "reasoning", text: "hm" }, said("42"), said("")],
    { text: "42", reasoning: "hm", ...ended },
  ],
  [
    "reasoning under its older name, content null beside it",
    [
      chunk({ role: "assistant", content: null, reasoning_content: "" }),
      chunk({ content: null, reasoning_content: "hm" }),
      chunk({ content: "42", reasoning_content: null }),
      stop({ content: "" }),
      "[DONE]",
    ],
    [said(""), { kind: "reasoning", text: "hm" }, said("42"), said("")],
    { text: "42", reasoning: "hm", ...ended },
  ],
  [
    "reasoning under both names, once",
    [
      chunk({ reasoning: "hm", reasoning_content: "hm" }),
      chunk({ reasoning: "", reasoning_content: "m" }),
      stop({ content: "42" }),
      "[DONE]",
    ],
    [
      { kind: "reasoning", text: "hm" },
      { kind: "reasoning", text: "m" },
      said("42"),
    ],
    { text: "42", reasoning: "hmm", ...ended },
  ],
  [
    "reasoning and answer in one event: the tokens belong to the first",
    [
      chunk({ reasoning: "hm", content: "4" }, {
        usage: { completion_tokens: 3 },
      }),
      chunk({ content: "2" }, {
        finish_reason: "stop",
        usage: { completion_tokens: 4 },
      }),
      "[DONE]",
    ],
    [
      { kind: "reasoning", text: "hm", tokens: 3 },
      said("4"),
      { ...said("2"), tokens: 1 },
    ],
    { text: "42", reasoning: "hm", ...ended, usage: { outputTokens: 4 } },
  ],
  [
    "content in parts, thoughts among them",
    [
      chunk({
        content: [{
          type: "thinking",
          thinking: [{ type: "text", text: "hm" }, { type: "text", text: "!" }],
        }],
      }),
      chunk({ content: [{ type: "text", text: "42" }] }),
      stop({ content: "" }),
      "[DONE]",
    ],
    [{ kind: "reasoning", text: "hm!" }, said("42"), said("")],
    { text: "42", reasoning: "hm!", ...ended },
  ],
  [
    "a refusal",
    [chunk({ refusal: "I " }), chunk({ refusal: "cannot" }), stop(), "[DONE]"],
    [
      { kind: "refusal", text: "I " },
      { kind: "refusal", text: "cannot" },
      said(""),
    ],
    { text: "", refusal: "I cannot", ...ended },
  ],
  [
    "calls of tools, put together by index",
    [
      chunk({ role: "assistant", content: null }),
      chunk({
        tool_calls: [{
          index: 0,
          id: "t0",
          type: "function",
          function: { name: "look", arguments: "" },
        }],
      }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"at":' } }] }),
      chunk({
        tool_calls: [
          { index: 0, function: { arguments: "1}" } },
          { index: 1, id: "t1", function: { name: "stop", arguments: "{}" } },
        ],
      }),
      chunk({}, { finish_reason: "tool_calls" }),
      "[DONE]",
    ],
    [
      said(""),
      { kind: "tool", text: "look" },
      { kind: "tool", text: '{"at":' },
      { kind: "tool", text: "1}" },
      { kind: "tool", text: "stop{}" },
      said(""),
    ],
    {
      text: "",
      responseId: "c1",
      finishReason: "tool_calls",
      toolCalls: [
        { id: "t0", name: "look", arguments: '{"at":1}' },
        { id: "t1", name: "stop", arguments: "{}" },
      ],
    },
  ],
  [
    "calls with the same index or without one, separated by their ids",
    [
      chunk({
        tool_calls: [{ index: 0, id: "a", function: { name: "f" } }],
      }),
      chunk({
        tool_calls: [{ index: 0, id: "b", function: { name: "g" } }],
      }),
      chunk({ tool_calls: [{ id: "c", function: { name: "h" } }] }),
      chunk({ tool_calls: [{ function: { arguments: { x: 1 } } }] }),
      stop(),
      "[DONE]",
    ],
    [
      { kind: "tool", text: "f" },
      { kind: "tool", text: "g" },
      { kind: "tool", text: "h" },
      { kind: "tool", text: '{"x":1}' },
      said(""),
    ],
    {
      text: "",
      ...ended,
      toolCalls: [
        { id: "a", name: "f", arguments: "" },
        { id: "b", name: "g", arguments: "" },
        { id: "c", name: "h", arguments: '{"x":1}' },
      ],
    },
  ],
  [
    "speech, with its transcript for a text",
    [
      chunk({ role: "assistant", audio: { id: "a1", transcript: "Hel" } }),
      chunk({ audio: { id: "a1", data: "AAECAw==" } }),
      chunk({ audio: { id: "a1", data: "AAEC", transcript: "lo" } }),
      chunk({ audio: { id: "a1", expires_at: 5 } }),
      stop(),
      "[DONE]",
    ],
    [
      { kind: "audio", text: "Hel", bytes: 0 },
      { kind: "audio", text: "", bytes: 4 },
      { kind: "audio", text: "lo", bytes: 3 },
      said(""),
      said(""),
    ],
    { text: "Hello", ...ended },
  ],
  [
    "events without choices",
    [
      { object: "ping" },
      { id: "c1", choices: [], prompt_filter_results: [] },
      chunk({ content: "a" }),
      { type: "telemetry", n: 1 },
      stop(),
      "[DONE]",
    ],
    [said("a"), said("")],
    { text: "a", ...ended },
  ],
  [
    "an end without [DONE], once there was a reason",
    [chunk({ content: "a" }), stop()],
    [said("a"), said("")],
    { text: "a", ...ended },
  ],
  [
    "[DONE] without a reason",
    [chunk({ content: "a" }), " [DONE] "],
    [said("a")],
    { text: "a", responseId: "c1" },
  ],
  [
    "nothing after [DONE]",
    [stop({ content: "a" }), "[DONE]", chunk({ content: "late" })],
    [said("a")],
    { text: "a", ...ended },
  ],
  [
    "an error that is null",
    [{ ...stop({ content: "a" }), error: null }, "[DONE]"],
    [said("a")],
    { text: "a", ...ended },
  ],
  [
    "one answer whose index counts its deltas",
    [
      chunk({ content: "a" }, { index: 0 }),
      chunk({ content: "b" }, { index: 1 }),
      chunk({}, { index: 1, finish_reason: "stop" }),
      "[DONE]",
    ],
    [said("a"), said("b"), said("")],
    { text: "ab", ...ended },
  ],
  [
    "choices without delta or index",
    [{ id: "c1", choices: [{ finish_reason: "stop" }] }, "[DONE]"],
    [said("")],
    { text: "", ...ended },
  ],
];

for (const [name, events, deltas, output] of STREAMS) {
  Deno.test(`choicesReader() reads ${name}`, () => {
    const reading = read(events);
    assert.deepEqual(reading.output(), output);
    assert.deepEqual(deltasOf(reading), deltas);
    assert.equal(
      reading.isOver,
      events.some((event) =>
        typeof event === "string" && event.trim() === "[DONE]"
      ),
    );
  });
}

Deno.test("choicesReader() stamps all events of a read with its time and separates choices", () => {
  const second = (text: string, finish_reason: string | null = null) =>
    chunk({ content: text }, { index: 1, finish_reason });
  const reading = readStream(reader({ answers: 2 }), [
    sse(chunk({ content: "a" }, { usage: { completion_tokens: 1 } })) +
    sse(second("x")),
    sse({
      id: "c1",
      choices: [
        { index: 1, delta: { content: "y" }, finish_reason: "length" },
        { index: 0, delta: { content: "b" }, finish_reason: "stop" },
      ],
    }) + sse({ choices: [], usage: { completion_tokens: 4 } }) + sse("[DONE]"),
  ]);
  assert.deepEqual(reading.output(), {
    text: "ab",
    ...ended,
    usage: { outputTokens: 4 },
    choices: [
      { text: "ab", finishReason: "stop" },
      { text: "xy", finishReason: "length" },
    ],
  });
  assert.deepEqual(reading.deltas, [
    { atMs: 0, ...said("a") },
    { atMs: 0, ...said("x"), choice: 1 },
    { atMs: 1, ...said("y"), choice: 1 },
    { atMs: 1, ...said("b") },
  ]);
});

Deno.test("choicesReader() accepts an answer about event streams, whose deltas may be one", () => {
  const pieces = ["An event:\n\n", 'data: {"x": 1}\n\n', "No more."];
  const reading = readStream(reader(), [
    pieces.map((content) => sse(chunk({ content }))).join("") + sse("[DONE]"),
  ]);
  assert.equal(reading.output().text, pieces.join(""));
});

type FailingStream = readonly [
  string,
  readonly unknown[],
  { class: string; code?: string | undefined; message: RegExp },
  Partial<ChoicesOptions>?,
];

/** Returns a stream whose events all have the same finish_reason and that ends without [DONE]. */
function withReason(finish_reason: unknown): FailingStream {
  return [
    `that breaks off, with ${JSON.stringify(finish_reason)} in each event`,
    ["Hello", " there"].map((content) => chunk({ content }, { finish_reason })),
    { class: "truncated", message: /ended before \[DONE\] or a finish_reason/ },
  ];
}

const FAILURES: readonly FailingStream[] = [
  ["that breaks off", [chunk({ content: "a" })], {
    class: "truncated",
    message: /ended before \[DONE\] or a finish_reason$/,
  }],
  ["without anything in it", [], { class: "truncated", message: /./ }],
  ...[
    "null",
    "",
    " ",
    "None",
    "nil",
    "undefined",
    "FINISH_REASON_UNSPECIFIED",
    "not_finished",
    false,
    0,
    1,
    {},
    [],
  ].map(withReason),
  // Any reason that output follows is ignored.
  ...["stop", "continue"].map(withReason),
  [
    "whose deltas are events of another stream",
    [
      chunk({
        content: `data: ${JSON.stringify(stop({ content: "a" }))}\n\n`,
      }),
    ],
    { class: "protocol_error", message: /text is an event stream/ },
  ],
  [
    "that continues after its end and breaks off",
    [stop({ content: "a" }), chunk({ content: "b" })],
    { class: "truncated", message: /ended before \[DONE\] or a finish_reason/ },
  ],
  [
    "that continues after an error",
    [
      chunk({}, { finish_reason: "error" }),
      chunk({ content: "no memory left" }),
      "[DONE]",
    ],
    { class: "server_error", message: /aborted the answer/ },
  ],
  [
    "whose second answer breaks off",
    [stop({ content: "a" }), chunk({ content: "x" }, { index: 1 })],
    { class: "truncated", message: /for 1 of 2/ },
    { answers: 2 },
  ],
  [
    "without its second answer",
    [stop({ content: "a" })],
    { class: "truncated", message: /for 1 of 2/ },
    { answers: 2 },
  ],
  [
    "with fewer answers than requested",
    [stop({ content: "a" }), "[DONE]"],
    {
      class: "protocol_error",
      message: /must have 2 choices, as requested, but has 1$/,
    },
    { answers: 2 },
  ],
  ["with only an end", ["[DONE]"], {
    class: "protocol_error",
    message: /has no choices$/,
  }],
  ["with an event that is not JSON", [chunk({ content: "a" }), "{bad"], {
    class: "protocol_error",
    message: /must be a JSON object, but was \{bad$/,
  }],
  ["with an event that is a list", ["[1]"], {
    class: "protocol_error",
    message: /but was \[1\]$/,
  }],
  [
    "with a long event that is not JSON, shortened",
    ["x".repeat(900)],
    { class: "protocol_error", message: /but was x{300}…$/ },
  ],
  [
    "with vLLM's error",
    [chunk({ content: "a" }), {
      error: {
        message: "EngineCore died",
        type: "InternalServerError",
        param: null,
        code: 500,
      },
    }, "[DONE]"],
    { class: "server_error", code: "500", message: /^EngineCore died$/ },
  ],
  [
    "with sglang's error",
    [{ error: { object: "error", message: "too long", code: 400 } }],
    { class: "server_error", code: "400", message: /^too long$/ },
  ],
  [
    "with OpenRouter's error, beside a choice",
    [{
      id: "c1",
      error: { code: "server_error", message: "Provider gone" },
      choices: [{ index: 0, delta: { content: "" }, finish_reason: "error" }],
    }],
    { class: "server_error", code: "server_error", message: /Provider gone/ },
  ],
  [
    "with an error in a choice",
    [{ choices: [{ index: 0, error: { code: 502, message: "upstream" } }] }],
    { class: "server_error", code: "502", message: /upstream/ },
  ],
  ["with an error that is a text", [{ error: "out of memory" }], {
    class: "server_error",
    code: undefined,
    message: /^out of memory$/,
  }],
  [
    "whose finish_reason is an error",
    [chunk({ content: "a" }), chunk({}, { finish_reason: "error" }), "[DONE]"],
    { class: "server_error", code: "error", message: /aborted the answer/ },
  ],
  [
    "that the server aborts",
    [chunk({ content: "a" }), chunk({}, { finish_reason: "abort" }), "[DONE]"],
    { class: "server_error", code: "abort", message: /aborted the answer/ },
  ],
  [
    "with too many unknown events",
    Array.from({ length: 50_001 }, (_, a) => ({ a })),
    {
      class: "protocol_error",
      message: /has 50001 events without known fields$/,
    },
  ],
];

Deno.test("choicesReader() rejects a stream with too many tool calls and keeps its output", () => {
  const begin = (index: number) =>
    chunk({ tool_calls: [{ index, function: { name: "f" } }] });
  const most = Array.from({ length: MAX_CALLS }, (_, i) => begin(i));
  assert.equal(
    read([...most, stop(), "[DONE]"]).output().toolCalls?.length,
    MAX_CALLS,
  );
  const reading = read([...most, begin(MAX_CALLS), stop(), "[DONE]"]);
  assert.throws(() => reading.output(), {
    class: "protocol_error",
    message: /more than 10000 tool calls$/,
  });
  assert.equal(reading.deltas.length, MAX_CALLS);
});

for (const [name, events, failure, options] of FAILURES) {
  Deno.test(`choicesReader() rejects a stream ${name}`, () => {
    const reading = read(events, options);
    assert.throws(() => reading.output(), { name: "RequestError", ...failure });
  });
}

Deno.test("choicesReader() recognizes event: error with any data and keeps earlier output", () => {
  const reading = readStream(reader(), [
    sse(chunk({ content: "a" })),
    "event: error\ndata: overloaded\n\n",
  ]);
  assert.throws(() => reading.output(), {
    class: "server_error",
    message: "overloaded",
  });
  assert.deepEqual(deltasOf(reading), [said("a")]);
});

Deno.test("choicesReader() reads the same output from any network reads", () => {
  const wire = ": ping\r\n\r\n" +
    sse(chunk({ role: "assistant", content: "" })) +
    "data:" + JSON.stringify(chunk({ content: "Grüße \u2028 ✓" })) +
    "\r\n\r\n" +
    sse(stop({ content: "!" })) + "data:[DONE]\n\n";
  const whole = readStream(reader(), [wire]);
  fc.assert(fc.property(
    fc.uniqueArray(fc.nat(wire.length), { maxLength: 12 }),
    (at) => {
      const cuts = [0, ...at.sort((a, b) => a - b), wire.length];
      const pieces = cuts.slice(1).map((end, i) => wire.slice(cuts[i], end));
      const reading = readStream(reader(), pieces);
      assert.deepEqual(reading.output(), whole.output());
      assert.deepEqual(deltasOf(reading), deltasOf(whole));
    },
  ));
  assert.equal(whole.output().text, "Grüße \u2028 ✓!");
});

const message = (fields: Record<string, unknown>, rest = {}) => ({
  id: "c1",
  object: "chat.completion",
  choices: [{
    index: 0,
    message: { role: "assistant", ...fields },
    finish_reason: "stop",
  }],
  ...rest,
});

const WHOLE: readonly [string, unknown, Output, Partial<ChoicesOptions>?][] = [
  [
    "content and usage",
    message({
      content: "Hi",
      refusal: null,
      audio: null,
      function_call: null,
      reasoning: null,
    }, {
      usage: {
        prompt_tokens: 9,
        total_tokens: 14,
        completion_tokens: 5,
        prompt_tokens_details: null,
      },
    }),
    { text: "Hi", ...ended, usage: { inputTokens: 9, outputTokens: 5 } },
  ],
  [
    "reasoning, and content that is null",
    message({ content: null, reasoning_content: "hm" }),
    { text: "", reasoning: "hm", ...ended },
  ],
  [
    "calls of tools",
    message({
      content: null,
      tool_calls: [
        { id: "a", type: "function", function: { name: "f", arguments: "1" } },
        { id: "b", type: "function", function: { name: "f", arguments: "2" } },
      ],
    }),
    {
      text: "",
      ...ended,
      toolCalls: [
        { id: "a", name: "f", arguments: "1" },
        { id: "b", name: "f", arguments: "2" },
      ],
    },
  ],
  ["a refusal", message({ content: null, refusal: "no" }), {
    text: "",
    refusal: "no",
    ...ended,
  }],
  [
    "speech",
    message({
      content: null,
      audio: { id: "x", data: "AAAA", transcript: "Hi" },
    }),
    { text: "Hi", ...ended },
  ],
  [
    "a placeholder as its finish_reason",
    {
      id: "c1",
      choices: [{
        index: 0,
        message: { content: "a" },
        finish_reason: "null",
      }],
    },
    { text: "a", responseId: "c1" },
  ],
  [
    "a usage for each answer",
    {
      choices: [0, 1].map((index) => ({
        index,
        message: { content: "a" },
        finish_reason: "stop",
        usage: { prompt_tokens: 9, completion_tokens: 11 },
      })),
    },
    {
      text: "a",
      finishReason: "stop",
      usage: { inputTokens: 9, outputTokens: 22 },
      choices: [
        { text: "a", finishReason: "stop" },
        { text: "a", finishReason: "stop" },
      ],
    },
    { answers: 2 },
  ],
  [
    "several answers, in any order",
    {
      choices: [
        { index: 1, message: { content: "b" }, finish_reason: "length" },
        { index: 0, message: { content: "a" }, finish_reason: "stop" },
      ],
    },
    {
      text: "a",
      finishReason: "stop",
      choices: [
        { text: "a", finishReason: "stop" },
        { text: "b", finishReason: "length" },
      ],
    },
  ],
  ...([
    ["llama.cpp's: two at the limit, the first alone counted", 16, 16, 32],
    ["two at the limit, both counted", 32, 16, 32],
    ["two that ended below the limit", 16, 20, 16],
    ["two without a limit", 16, undefined, 16],
  ] as const).map((
    [name, completion_tokens, tokenLimit, outputTokens],
  ): (typeof WHOLE)[number] => [
    name,
    {
      choices: ["a", "b"].map((content, index) => ({
        index,
        message: { content },
        finish_reason: "length",
      })),
      usage: { prompt_tokens: 5, completion_tokens },
    },
    {
      text: "a",
      finishReason: "length",
      choices: [
        { text: "a", finishReason: "length" },
        { text: "b", finishReason: "length" },
      ],
      usage: { inputTokens: 5, outputTokens },
    },
    { answers: 2, tokenLimit },
  ]),
];

for (const [name, answer, output, options] of WHOLE) {
  Deno.test(`choicesReader() reads a whole answer: ${name}`, () => {
    const reading = readWhole(reader(options), JSON.stringify(answer));
    assert.deepEqual(reading.output(), output);
    assert.deepEqual(reading.deltas, []);
  });
}

const BAD: readonly [string, string, string, RegExp, string?][] = [
  [
    "an error",
    '{"error":{"message":"no","code":7}}',
    "server_error",
    /no/,
    "7",
  ],
  [
    "a choice without a message",
    '{"choices":[{"index":0,"finish_reason":"stop"}]}',
    "protocol_error",
    /each choice must have a message/,
  ],
  ["no choices", '{"id":"c1"}', "protocol_error", /has no choices/],
  ["an empty list of choices", '{"choices":[]}', "protocol_error", /choices/],
  [
    "an event stream for a text",
    JSON.stringify(
      message({ content: 'data: {"choices":[]}\n\ndata: [DONE]' }),
    ),
    "protocol_error",
    /text is an event stream: data: \{"choices"/,
  ],
  ["a page", "<html>", "protocol_error", /but was <html>/],
  ["an empty body", "", "protocol_error", /but was empty/],
];

for (const [name, body, failure, says, code] of BAD) {
  Deno.test(`choicesReader() rejects a whole answer with ${name}`, () => {
    assert.throws(() => readWhole(reader(), body).output(), {
      class: failure,
      message: says,
      code,
    });
  });
}
