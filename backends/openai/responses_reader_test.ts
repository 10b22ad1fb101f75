import assert from "node:assert/strict";
import fc from "fast-check";
import { type Delta, isRequestError, type Output } from "../../plugins/mod.ts";
import { responseReader } from "./responses_reader.ts";
import { MAX_CALLS } from "./tool_calls.ts";

/** Event. Its type is repeated in its data unless the data has another. */
interface Sent {
  readonly type?: string;
  readonly data: Record<string, unknown> | string;
}

/** Reads events, one per millisecond. Returns the output or the error, and the deltas. */
function read(events: readonly Sent[]) {
  const deltas: [number, Delta["kind"], string | undefined][] = [];
  const call = {
    output: (atMs: number, { kind, text }: Delta) =>
      void deltas.push([atMs, kind, text]),
  };
  const reader = responseReader(call);
  let isOver = false;
  const output = attempted(() => {
    for (const [atMs, { type, data }] of events.entries()) {
      assert.ok(!isOver, "nothing is read behind the last event");
      const text = typeof data === "string" ? data : JSON.stringify(data);
      isOver = reader.event({ type, data: text }, atMs);
    }
    return reader.result();
  });
  return { output, deltas, isOver };
}

function attempted(run: () => Output): unknown {
  try {
    return run();
  } catch (error) {
    const { class: failure, code, message } = error as Record<string, unknown>;
    return { failure, code, message };
  }
}

function sent(type: string, fields: Record<string, unknown> = {}): Sent {
  return { type, data: { type, ...fields } };
}

const begun = sent("response.created", {
  response: { id: "resp_1", status: "in_progress", output: [], usage: null },
});

function delta(kind: string, text: string, fields = {}): Sent {
  return sent(`response.${kind}.delta`, { delta: text, ...fields });
}

function completed(fields: Record<string, unknown> = {}): Sent {
  return sent("response.completed", {
    response: { id: "resp_1", status: "completed", ...fields },
  });
}

function message(text: string) {
  return {
    id: "msg_1",
    type: "message",
    content: [{ type: "output_text", text, annotations: [] }],
  };
}

const usage = {
  input_tokens: 11,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 7,
  output_tokens_details: { reasoning_tokens: 3 },
  total_tokens: 18,
};

const whole = { responseId: "resp_1", finishReason: "completed" };

Deno.test("responseReader() reads every event of a stream that follows the protocol", () => {
  const { output, deltas, isOver } = read([
    begun,
    sent("response.in_progress", { response: { id: "resp_1" } }),
    sent("response.output_item.added", {
      output_index: 0,
      item: { id: "rs_1", type: "reasoning", summary: [], content: [] },
    }),
    sent("response.reasoning_summary_part.added", {
      part: { type: "summary_text", text: "" },
    }),
    delta("reasoning_summary_text", "Let me"),
    delta("reasoning_summary_text", " see"),
    sent("response.reasoning_summary_text.done", { text: "Let me see" }),
    sent("response.reasoning_summary_part.done", {
      part: { type: "summary_text", text: "Let me see" },
    }),
    sent("response.output_item.done", {
      item: {
        type: "reasoning",
        summary: [{ type: "summary_text", text: "Let me see" }],
      },
    }),
    sent("response.output_item.added", {
      output_index: 1,
      item: { ...message(""), content: [] },
    }),
    sent("response.content_part.added", {
      part: { type: "output_text", text: "", annotations: [] },
    }),
    delta("output_text", ""),
    delta("output_text", "It"),
    sent("response.output_text.annotation.added", { annotation: {} }),
    delta("output_text", " is"),
    sent("response.output_text.done", { text: "It is" }),
    sent("response.content_part.done", {
      part: { type: "output_text", text: "It is" },
    }),
    sent("response.output_item.done", { item: message("It is") }),
    completed({ output: [message("It is")], usage }),
  ]);
  assert.deepEqual(output, {
    ...whole,
    text: "It is",
    reasoning: "Let me see",
    usage: {
      inputTokens: 11,
      outputTokens: 7,
      cachedTokens: 4,
      reasoningTokens: 3,
    },
  });
  assert.deepEqual(deltas, [
    [4, "reasoning", "Let me"],
    [5, "reasoning", " see"],
    [11, "text", ""],
    [12, "text", "It"],
    [14, "text", " is"],
  ]);
  assert.ok(isOver);
});

Deno.test("responseReader() reads whole texts from the first kind of event with any if there are no deltas", () => {
  const said: readonly (readonly [string, Sent])[] = [
    ["output_text.done", sent("response.output_text.done", { text: "Hello" })],
    [
      "content_part.done",
      sent("response.content_part.done", {
        part: { type: "output_text", text: "Hello" },
      }),
    ],
    [
      "output_item.done",
      sent("response.output_item.done", { item: message("Hello") }),
    ],
    ["completed", completed({ output: [message("Hello")] })],
  ];
  for (const [i, [name]] of said.entries()) {
    const events = [
      begun,
      delta("output_text", ""),
      ...said.slice(i).map(([, event]) => event),
    ];
    const { output, deltas } = read(events);
    assert.deepEqual(output, { ...whole, text: "Hello" }, name);
    assert.deepEqual(deltas, [[1, "text", ""], [2, "text", "Hello"]], name);
  }
});

Deno.test("responseReader() joins the parts of an answer without deltas", () => {
  const events = [0, 1].flatMap((i) => [
    sent("response.output_text.done", { content_index: i, text: `${i}` }),
    sent("response.content_part.done", {
      part: { type: "output_text", text: `${i}` },
    }),
  ]);
  const { output } = read([...events, completed()]);
  assert.deepEqual(output, { ...whole, text: "01" });
});

Deno.test("responseReader() reads the reasoning or its summary, never both", () => {
  const { output } = read([
    delta("reasoning_text", "so"),
    delta("reasoning_summary_text", "in short"),
    delta("output_text", "yes"),
    completed({
      output: [{
        type: "reasoning",
        content: [{ type: "reasoning_text", text: "so" }],
        summary: [{ type: "summary_text", text: "in short" }],
      }],
    }),
  ]);
  assert.deepEqual(output, { ...whole, text: "yes", reasoning: "so" });
});

Deno.test("responseReader() reads calls: names with the item, arguments by deltas", () => {
  const item = (id: string, name: string) => ({
    id: `fc_${id}`,
    type: "function_call",
    call_id: `call_${id}`,
    name,
    arguments: "",
  });
  const args = (id: string, text: string) =>
    delta("function_call_arguments", text, { item_id: `fc_${id}` });
  const { output, deltas } = read([
    sent("response.output_item.added", {
      output_index: 0,
      item: item("a", "look"),
    }),
    sent("response.output_item.added", {
      output_index: 0,
      item: item("b", "listen"),
    }),
    args("a", '{"at":'),
    args("b", "{}"),
    args("a", "1}"),
    sent("response.function_call_arguments.done", {
      item_id: "fc_a",
      arguments: '{"at":1}',
    }),
    sent("response.output_item.done", {
      output_index: 0,
      item: { ...item("a", "look"), arguments: '{"at":1}' },
    }),
    completed({
      output: [{ ...item("a", "look"), arguments: '{"at":1}' }],
    }),
  ]);
  assert.deepEqual(output, {
    ...whole,
    toolCalls: [
      { id: "call_a", name: "look", arguments: '{"at":1}' },
      { id: "call_b", name: "listen", arguments: "{}" },
    ],
  });
  assert.deepEqual(deltas, [
    [0, "tool", "look"],
    [1, "tool", "listen"],
    [2, "tool", '{"at":'],
    [3, "tool", "{}"],
    [4, "tool", "1}"],
  ]);
});

Deno.test("responseReader() reads calls from whichever event contains them first", () => {
  const item = {
    id: "fc_1",
    type: "function_call",
    call_id: "call_1",
    name: "look",
    arguments: "{}",
  };
  const toolCalls = [{ id: "call_1", name: "look", arguments: "{}" }];
  const streams: readonly (readonly Sent[])[] = [
    [
      sent("response.output_item.added", { item }),
      sent("response.function_call_arguments.done", {
        item_id: "fc_1",
        arguments: "{}",
      }),
      completed(),
    ],
    [sent("response.output_item.done", { item }), completed()],
    [completed({ output: [item] })],
    [
      delta("function_call_arguments", "{}", { output_index: 3 }),
      sent("response.output_item.done", { output_index: 3, item }),
      completed({ output: [item] }),
    ],
  ];
  for (const events of streams) {
    const { output, deltas } = read(events);
    assert.deepEqual(output, { ...whole, toolCalls });
    assert.deepEqual(
      deltas.map(([, kind, text]) => `${kind} ${text}`).toSorted(),
      ["tool look", "tool {}"],
    );
  }
});

Deno.test("responseReader() rejects an answer with too many calls", () => {
  const calls = Array.from(
    { length: MAX_CALLS + 1 },
    (_, i) =>
      sent("response.output_item.added", {
        output_index: i,
        item: {
          id: `fc_${i}`,
          type: "function_call",
          call_id: `call_${i}`,
          name: "look",
        },
      }),
  );
  const { output, deltas } = read(calls);
  assert.partialDeepStrictEqual(output, { failure: "protocol_error" });
  assert.match((output as Error).message, /more than 10000 tool calls/);
  assert.equal(deltas.length, MAX_CALLS);
});

Deno.test("responseReader() reads a refusal", () => {
  const { output, deltas } = read([
    delta("refusal", "I will"),
    delta("refusal", " not"),
    sent("response.refusal.done", { refusal: "I will not" }),
    completed({
      output: [{
        type: "message",
        content: [{ type: "refusal", refusal: "I will not" }],
      }],
    }),
  ]);
  assert.deepEqual(output, { ...whole, refusal: "I will not" });
  assert.equal(deltas.length, 2);
});

Deno.test("responseReader() reads the type from the event or its data and ignores other types", () => {
  const others = [
    "response.queued",
    "response.web_search_call.searching",
    "response.file_search_call.completed",
    "response.code_interpreter_call_code.delta",
    "response.image_generation_call.partial_image",
    "response.mcp_call_arguments.delta",
    "response.mcp_list_tools.failed",
    "response.custom_tool_call_input.delta",
    "response.of.tomorrow",
  ].map((type) => sent(type, { delta: "x", item_id: "y", output_index: 0 }));
  const { output, deltas } = read([
    ...others,
    { type: "response.output_text.delta", data: { delta: "a" } },
    { data: { type: "response.output_text.delta", delta: "b" } },
    { data: { delta: "of no type" } },
    { type: "response.completed", data: { response: { id: "resp_1" } } },
  ]);
  assert.deepEqual(output, { ...whole, text: "ab" });
  assert.equal(deltas.length, 2);
});

Deno.test("responseReader() returns why an answer ended", () => {
  const details = { reason: "max_output_tokens" };
  const ends: readonly (readonly [Sent, string])[] = [
    [sent("response.incomplete", { response: {} }), "incomplete"],
    [
      sent("response.incomplete", {
        response: { status: "incomplete", incomplete_details: details },
      }),
      "max_output_tokens",
    ],
    [
      sent("response.completed", {
        response: { status: "incomplete", incomplete_details: details },
      }),
      "max_output_tokens",
    ],
    [sent("response.completed"), "completed"],
  ];
  for (const [end, finishReason] of ends) {
    const { output } = read([delta("output_text", "a"), end]);
    assert.deepEqual(output, { text: "a", finishReason });
  }
});

Deno.test("responseReader() reads the status from the type of an end without a response", () => {
  for (const end of ["completed", "incomplete"]) {
    const { output } = read([
      begun,
      delta("output_text", "a"),
      sent(`response.${end}`),
    ]);
    assert.deepEqual(output, { ...whole, text: "a", finishReason: end });
  }
  const { output } = read([begun, sent("response.failed")]);
  assert.partialDeepStrictEqual(output, {
    failure: "server_error",
    code: "failed",
  });
});

Deno.test("responseReader() returns an empty text for an empty answer", () => {
  assert.deepEqual(read([begun, completed()]).output, { ...whole, text: "" });
});

Deno.test("responseReader() fails as the server reports and keeps earlier output", () => {
  const error = { code: "server_overloaded", message: "Come back later" };
  const failed = {
    failure: "server_error",
    code: error.code,
    message: error.message,
  };
  const ends: readonly (readonly [Sent, Record<string, unknown>])[] = [
    [
      sent("response.failed", { response: { status: "failed", error } }),
      failed,
    ],
    [sent("error", error), failed],
    [{ type: "error", data: error }, failed],
    [{ data: { error } }, failed],
    [
      completed({ status: "failed", error: null }),
      {
        failure: "server_error",
        code: "failed",
        message: "The server aborted the answer without a reason: failed",
      },
    ],
    [
      sent("response.failed"),
      {
        failure: "server_error",
        code: "failed",
        message: "The server aborted the answer without a reason: failed",
      },
    ],
    ...["null", "", "in_progress", "completed"].map((status) =>
      [
        sent("response.failed", { response: { status } }),
        {
          failure: "server_error",
          code: "failed",
          message: "The server aborted the answer without a reason: failed",
        },
      ] as const
    ),
    [
      { data: "{not json" },
      {
        failure: "protocol_error",
        code: undefined,
        message: "Invalid answer: must be a JSON object, but was {not json",
      },
    ],
  ];
  for (const [end, expected] of ends) {
    const { output, deltas } = read([delta("output_text", "a"), end]);
    assert.deepEqual(output, expected);
    assert.deepEqual(deltas, [[0, "text", "a"]]);
  }
});

Deno.test("responseReader() rejects a text that is an event stream, but not a delta that is", () => {
  const wrapped = delta("output_text", 'data: {"x":1}\n\n');
  const start = "Invalid answer: its text is an event stream";
  for (const events of [[wrapped], [wrapped, wrapped, completed()]]) {
    const { failure, message } = read(events).output as Record<string, string>;
    assert.equal(failure, "protocol_error");
    assert.ok(message!.startsWith(start), message);
  }
  const { output } = read([delta("output_text", "So: "), wrapped, completed()]);
  assert.deepEqual(output, { ...whole, text: 'So: data: {"x":1}\n\n' });
});

Deno.test("responseReader() ignores placeholders for a status or a reason", () => {
  for (const none of ["null", "", "None", null, 0]) {
    const incomplete_details = { reason: none };
    const { output } = read([
      delta("output_text", "a"),
      completed({ status: none, incomplete_details }),
    ]);
    assert.equal((output as Output).finishReason, "completed");
  }
});

Deno.test("responseReader() merges the usage of all events", () => {
  const usages: readonly (readonly [unknown, unknown, unknown])[] = [
    [{ input_tokens: 11 }, undefined, { total_tokens: 18 }],
    [{ input_tokens: 11, output_tokens: 7 }, null, undefined],
    [{ input_tokens: 11, output_tokens: 7 }, undefined, { output_tokens: 0 }],
    [null, { input_tokens: 11, output_tokens: 7 }, {}],
  ];
  for (const [early, beside, last] of usages) {
    const { output } = read([
      sent("response.created", { response: { usage: early } }),
      delta("output_text", "a"),
      sent("response.completed", {
        response: { status: "completed", usage: last },
        usage: beside,
      }),
    ]);
    assert.deepEqual((output as Output).usage, {
      inputTokens: 11,
      outputTokens: 7,
    });
  }
});

Deno.test("responseReader() reports an answer without an end as truncated", () => {
  for (const end of [[], [{ data: "[DONE]" }], [{ data: " [DONE] " }]]) {
    const { output } = read([begun, delta("output_text", "a"), ...end]);
    assert.equal((output as { failure: string }).failure, "truncated");
  }
});

/** Reads a whole answer. */
function readWhole(answer: unknown) {
  const call = { output: () => assert.fail("has no times of output") };
  const reader = responseReader(call);
  const output = attempted(() => {
    reader.body(JSON.stringify(answer), 5);
    return reader.result();
  });
  return { output };
}

Deno.test("responseReader() reads a whole answer", () => {
  const { output } = readWhole({
    id: "resp_1",
    object: "response",
    status: "completed",
    error: null,
    incomplete_details: null,
    output: [
      { type: "reasoning", summary: [{ type: "summary_text", text: "Hm" }] },
      { type: "web_search_call", id: "ws_1", status: "completed" },
      message("One"),
      message(" two"),
      {
        type: "function_call",
        id: "fc_1",
        call_id: "call_1",
        name: "look",
        arguments: "{}",
      },
    ],
    usage,
  });
  assert.deepEqual(output, {
    ...whole,
    text: "One two",
    reasoning: "Hm",
    toolCalls: [{ id: "call_1", name: "look", arguments: "{}" }],
    usage: {
      inputTokens: 11,
      outputTokens: 7,
      cachedTokens: 4,
      reasoningTokens: 3,
    },
  });
});

Deno.test("responseReader() rejects invalid whole answers", () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [{ choices: [] }, "protocol_error"],
    [{ id: "resp_1", status: "queued", output: [] }, "truncated"],
    [{ status: "failed", error: { message: "no" } }, "server_error"],
    [{ error: { message: "no" } }, "server_error"],
    [[], "protocol_error"],
    [
      { status: "completed", output: [message("data: [DONE]\n\n")] },
      "protocol_error",
    ],
  ];
  for (const [answer, failure] of cases) {
    const { output } = readWhole(answer);
    assert.equal((output as { failure: string }).failure, failure);
  }
});

Deno.test("responseReader() turns any events into an answer or a failure and keeps text unchanged", () => {
  const junk = fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.constantFrom(null, 0, [], {}, [null], { type: "function_call" }, {
      type: "message",
      content: [{ type: "constructor", text: "x" }],
    }),
  );
  const type = fc.constantFrom(
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.refusal.delta",
    "response.unheard.of",
    "constructor",
  );
  const fields = fc.record({
    delta: junk,
    text: junk,
    item: junk,
    item_id: junk,
    output_index: junk,
    part: junk,
    arguments: junk,
    name: junk,
    response: junk,
  }, { requiredKeys: [] });
  const any = fc.record({ type, fields });
  fc.assert(fc.property(fc.array(any, { maxLength: 8 }), fields, (all, end) => {
    const texts: string[] = [];
    const call = {
      output: (_atMs: number, { kind, text = "" }: Delta) => {
        if (kind === "text") texts.push(text);
      },
    };
    const reader = responseReader(call);
    try {
      for (const [atMs, { type, fields }] of all.entries()) {
        reader.event({ data: JSON.stringify({ ...fields, type }) }, atMs);
      }
      const data = JSON.stringify({ ...end, type: "response.completed" });
      assert.equal(reader.event({ data }, all.length), true);
      const { text = "", toolCalls = [] } = reader.result();
      assert.equal(text, texts.join(""));
      for (const { name, arguments: given } of toolCalls) {
        assert.deepEqual([typeof name, typeof given], ["string", "string"]);
      }
    } catch (error) {
      assert.ok(isRequestError(error), String(error));
    }
  }));
});
