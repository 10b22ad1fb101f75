import assert from "node:assert/strict";
import type {
  Audio,
  Columns,
  Image,
  OpenContext,
  Output,
  Turn,
} from "../../plugins/mod.ts";
import type { PreparedTurn } from "./conversation.ts";
import {
  responses,
  responsesProtocol,
  type ResponsesSettings,
} from "./responses.ts";

/** Validates options. */
async function settingsOf(
  given: Record<string, unknown> = {},
): Promise<ResponsesSettings> {
  const options = { target: "http://127.0.0.1:1", ...given };
  const { options: schema } = responses.definition;
  const result = await schema["~standard"].validate(options);
  assert.ok(!result.issues, JSON.stringify(result));
  return result.value as ResponsesSettings;
}

/** Builds the request for the last of several turns, whose earlier ones have answers. */
async function send(
  turns: readonly (Partial<Turn> & { output?: Output })[],
  given: Record<string, unknown> = {},
) {
  const { prepare, request, sent } = responsesProtocol(
    await settingsOf(given),
    "model",
  );
  const { signal } = new AbortController();
  const all = await Promise.all(
    turns.map(async ({ output = {}, ...turn }) => {
      const whole: Turn = { columns: {}, ...turn };
      return {
        turn: whole,
        prepared: await prepare(whole, signal) as PreparedTurn,
        output,
      };
    }),
  );
  const { turn, prepared } = all.at(-1)!;
  const history = all.slice(0, -1);
  const asked = {
    id: 0,
    turn,
    prepared,
    session: { id: "s", turn: history.length, history },
  };
  const { body, contentType } = request(asked);
  assert.equal(contentType, "application/json");
  const text = new TextDecoder().decode(body as Uint8Array);
  return { body: JSON.parse(text), sent: sent?.(asked) };
}

function user(content: unknown) {
  return { type: "message", role: "user", content };
}

function assistant(text: string) {
  return {
    type: "message",
    role: "assistant",
    content: [{ type: "output_text", text }],
  };
}

const audio: Audio = {
  id: "a",
  durationMs: 10,
  file: () =>
    Promise.resolve({
      bytes: new Uint8Array([1, 2]),
      mediaType: "audio/wav",
      name: "a.wav",
    }),
  pcm16: () => Promise.resolve(new Int16Array(160)),
};

const image: Image = {
  id: "i",
  url: "https://example.org/i.png",
  file: () =>
    Promise.resolve({
      bytes: new Uint8Array([9]),
      mediaType: "image/png",
      name: "i.png",
    }),
};

Deno.test("responsesProtocol() sends a prompt with its fields", async () => {
  const { body, sent } = await send([{
    columns: { text: "Grüße", system: "Be brief" },
    maxOutputTokens: 5,
  }], { ignoreEos: true, body: { temperature: 0 } });
  assert.deepEqual(body, {
    input: [user("Grüße")],
    instructions: "Be brief",
    model: "model",
    store: false,
    max_output_tokens: 5,
    ignore_eos: true,
    stream: true,
    temperature: 0,
  });
  assert.deepEqual(sent, {
    text: "Be brief\nGrüße",
    tokenize: {
      messages: [
        { role: "system", content: "Be brief" },
        { role: "user", content: "Grüße" },
      ],
    },
  });
});

Deno.test("responsesProtocol() sends audio and images, whose tokens are not counted", async () => {
  const columns: Columns = { text: "Listen and look", audio, images: [image] };
  const { body, sent } = await send([{ columns }]);
  assert.deepEqual(body.input, [
    user([
      { type: "input_text", text: "Listen and look" },
      {
        type: "input_audio",
        input_audio: { data: "AQI=", format: "wav" },
      },
      { type: "input_image", image_url: "data:image/png;base64,CQ==" },
    ]),
  ]);
  assert.equal(sent, undefined);
  const byUrl = await send([{ columns: { images: [image] } }], {
    imagesAs: "url",
  });
  assert.deepEqual(byUrl.body.input, [
    user([{ type: "input_image", image_url: image.url }]),
  ]);
});

Deno.test("responsesProtocol() sends chats with calls, results and flat tools", async () => {
  const { body } = await send([{
    columns: {
      messages: [
        { role: "system", content: "You see" },
        { role: "user", content: [{ kind: "text", text: "Look" }] },
        {
          role: "assistant",
          content: "",
          toolCalls: [{ id: "call_1", name: "look", arguments: "{}" }],
        },
        { role: "tool", toolCallId: "call_1", content: "A cat" },
        { role: "assistant", content: "It is a cat" },
      ],
      text: "Sure?",
      tools: [
        { type: "function", function: { name: "look", parameters: {} } },
        { type: "function", name: "listen", parameters: {} },
        { type: "web_search" },
      ],
    },
  }]);
  assert.deepEqual(body.input, [
    { type: "message", role: "system", content: "You see" },
    user("Look"),
    { type: "function_call", call_id: "call_1", name: "look", arguments: "{}" },
    { type: "function_call_output", call_id: "call_1", output: "A cat" },
    assistant("It is a cat"),
    user("Sure?"),
  ]);
  assert.deepEqual(body.tools, [
    { type: "function", name: "look", parameters: {} },
    { type: "function", name: "listen", parameters: {} },
    { type: "web_search" },
  ]);
});

const talk = [
  {
    columns: { text: "one", system: "Count", answer: "1!" },
    output: { text: "1", responseId: "resp_1" },
  },
  {
    columns: { text: "two", answer: "2!" },
    output: { text: "2", responseId: "resp_2" },
  },
  { columns: { text: "three" } },
];

Deno.test("responsesProtocol() sends earlier turns as the history option requires", async () => {
  const cases:
    readonly (readonly [string, unknown[], Record<string, unknown>])[] = [
      ["answers", [
        user("one"),
        assistant("1"),
        user("two"),
        assistant("2"),
        user("three"),
      ], { instructions: "Count", store: false }],
      ["scripted", [
        user("one"),
        assistant("1!"),
        user("two"),
        assistant("2!"),
        user("three"),
      ], { instructions: "Count", store: false }],
      ["server", [user("three")], {
        instructions: "Count",
        store: true,
        previous_response_id: "resp_2",
      }],
      ["none", [user("three")], { store: false }],
    ];
  for (const [history, input, rest] of cases) {
    const { body, sent } = await send(talk, { history });
    const expected = { input, ...rest, model: "model", stream: true };
    assert.deepEqual(body, expected, history);
    const said = history === "none"
      ? ["three"]
      : history === "scripted"
      ? ["Count", "one", "1!", "two", "2!", "three"]
      : ["Count", "one", "1", "two", "2", "three"];
    assert.equal(sent?.text, said.join("\n"), history);
  }
});

Deno.test("responsesProtocol() answers the calls of the answer before, resent or stored", async () => {
  const toolCalls = [
    { id: "call_1", name: "look", arguments: "{}" },
    { id: "call_2", name: "listen", arguments: "{}" },
  ];
  const turns = [
    { columns: { text: "Look" }, output: { toolCalls, responseId: "resp_1" } },
    { columns: { toolResult: "A cat" } },
  ];
  const calls = toolCalls.map(({ id, name }) => ({
    type: "function_call",
    call_id: id,
    name,
    arguments: "{}",
  }));
  const results = toolCalls.map(({ id }) => ({
    type: "function_call_output",
    call_id: id,
    output: "A cat",
  }));
  const resent = await send(turns);
  assert.deepEqual(resent.body.input, [user("Look"), ...calls, ...results]);
  const kept = await send(turns, { history: "server" });
  assert.deepEqual(kept.body.input, results);
  const nameless = await send([
    {
      columns: { text: "Look" },
      output: { toolCalls: [{ name: "look", arguments: "{}" }] },
    },
    turns[1]!,
  ]);
  const [, called, result] = nameless.body.input;
  assert.ok(called.call_id && called.call_id === result.call_id);
  const unanswered = await send([turns[0]!, { columns: { text: "And?" } }]);
  assert.deepEqual(unanswered.body.input, [user("Look"), user("And?")]);
});

Deno.test("responsesProtocol() reports what earlier answers lack", async () => {
  const cases: readonly (readonly [string, Partial<Turn>, RegExp])[] = [
    ["server", { columns: { text: "b" } }, /the server sent none/],
    ["scripted", { columns: { text: "b" } }, /the data has no column "answer"/],
    ["answers", { columns: { toolResult: "c" } }, /the model called nothing/],
  ];
  for (const [history, turn, message] of cases) {
    const turns = [{ columns: { text: "a" }, output: { text: "A" } }, turn];
    await assert.rejects(send(turns, { history }), {
      class: "history_error",
      message,
    });
  }
  for (const history of ["scripted", "none"]) {
    await assert.rejects(
      send([{ columns: { toolResult: "c" } }], { history }),
      {
        message:
          `history must be answers or server for data with toolResult, but was ${history}`,
      },
    );
  }
});

Deno.test("responsesProtocol() lets the body option replace fields and null remove them", async () => {
  const { body } = await send([{ columns: { text: "a", system: "b" } }], {
    body: { model: null, store: null, stream: false, instructions: "c" },
  });
  assert.deepEqual(body, {
    input: [user("a")],
    stream: false,
    instructions: "c",
  });
  const context: OpenContext = {
    env: () => undefined,
    signal: new AbortController().signal,
    warn: () => {},
  };
  for (const name of ["input", "previous_response_id"]) {
    const configured = responses({
      target: "http://127.0.0.1:1",
      body: { [name]: "x" },
    });
    await assert.rejects(configured.open(context), {
      name: "UsageError",
      message: new RegExp(`must not set ${name}, which the data provides`),
    });
  }
});
