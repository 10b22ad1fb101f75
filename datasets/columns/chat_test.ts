import assert from "node:assert/strict";
import fc from "fast-check";
import type { Audio, Columns, Image, Message } from "../../plugins/mod.ts";
import {
  chatColumns,
  chatOf,
  chatTurns,
  looksLikeChat,
  withImages,
} from "./chat.ts";

const image = (id: unknown) => ({ id }) as unknown as Image;
const audio = (id: unknown) => ({ id }) as unknown as Audio;

function read(value: unknown, beside: readonly unknown[] = []) {
  const left = beside.map(image);
  return chatOf(value, {
    image,
    audio: (value) => Promise.resolve(audio(value)),
    take: () => left.shift(),
  });
}

Deno.test("chatOf() reads OpenAI messages and ShareGPT turns, also as JSON in a cell", async () => {
  const chat = [
    { role: "system", content: "Be brief" },
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Yes?" },
  ];
  const written = [
    chat,
    [{ ...chat[0], role: "developer" }, chat[1], chat[2]],
    [
      { from: "system", value: "Be brief" },
      { from: "human", value: "Hi" },
      { from: "gpt", value: "Yes?" },
    ],
    [
      { from: "System", value: "Be brief" },
      { from: "user", value: "Hi" },
      { from: "bard", value: "Yes?" },
    ],
  ];
  for (const value of [...written, ...written.map((w) => JSON.stringify(w))]) {
    assert.ok(looksLikeChat(value));
    assert.deepEqual(await read(value), chat);
  }
});

Deno.test("chatOf() reads parts with media, from the part or from the record", async () => {
  const parts = [
    "plain",
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url: "a.png" } },
    { type: "input_image", image_url: "b.png" },
    { type: "image", image: { bytes: "x" } },
    { type: "image" },
    { type: "image", text: null, url: null },
    { type: "input_audio", input_audio: { data: "c", format: "wav" } },
    { type: "audio_url", audio_url: { url: "d.wav" } },
    { type: "audio", path: "e.wav" },
  ];
  const [message] = await read([{ role: "user", content: parts }], ["f", "g"]);
  assert.deepEqual(message!.content, [
    { kind: "text", text: "plain" },
    { kind: "text", text: "What is this?" },
    { kind: "image", image: image({ url: "a.png" }) },
    { kind: "image", image: image("b.png") },
    { kind: "image", image: image({ bytes: "x" }) },
    { kind: "image", image: image("f") },
    { kind: "image", image: image("g") },
    { kind: "audio", audio: audio({ data: "c", format: "wav" }) },
    { kind: "audio", audio: audio({ url: "d.wav" }) },
    { kind: "audio", audio: audio("e.wav") },
  ]);
});

Deno.test("chatOf() reads tool calls and their results", async () => {
  const call = { name: "now", arguments: '{"zone":"UTC"}' };
  const openai = [
    { role: "user", content: "Time?" },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "1", type: "function", function: call }],
    },
    { role: "tool", tool_call_id: "1", content: "noon" },
  ];
  assert.deepEqual(await read(openai), [
    { role: "user", content: "Time?" },
    { role: "assistant", content: "", toolCalls: [{ id: "1", ...call }] },
    { role: "tool", toolCallId: "1", content: "noon" },
  ]);
  const sharegpt = [
    { from: "human", value: "Time?" },
    { from: "function_call", value: JSON.stringify(call) },
    { from: "observation", value: "noon" },
  ];
  assert.deepEqual(await read(sharegpt), [
    { role: "user", content: "Time?" },
    { role: "assistant", content: "", toolCalls: [call] },
    { role: "tool", content: "noon" },
  ]);
});

Deno.test("chatOf() names the invalid message", async () => {
  const user = { role: "user", content: "x" };
  const cases: [unknown, RegExp][] = [
    [undefined, /must be a list of messages, but was missing$/],
    ["Hello", /must be a list of messages, but was "Hello"$/],
    [[], /must be a list of messages, but was \[\]$/],
    [["x"], /message 1: must be an object, but was "x"$/],
    [[user, { role: "boss", content: "x" }], /message 2: .*"boss"$/],
    [[{ content: "x" }], /message 1: its role .*, but was missing$/],
    [[{ role: "user" }], /message 1: its content must be .*missing$/],
    [[{ role: "user", content: 5 }], /text or a list of parts, but was 5$/],
    [[{ role: "user", content: [{ type: "video" }] }], /\{"type":"video"\}$/],
    [[{ role: "user", content: [{ type: "image" }] }], /\{"type":"image"\}$/],
    [[{ role: "user", content: [{ type: "text" }] }], /\{"type":"text"\}$/],
  ];
  for (const [value, message] of cases) {
    await assert.rejects(read(value), message, JSON.stringify(value));
  }
});

Deno.test("looksLikeChat() is false for other values", () => {
  for (
    const value of [undefined, "x", [], ["a"], [{ a: 1 }], [{ role: 1 }], "[{"]
  ) assert.ok(!looksLikeChat(value), JSON.stringify(value));
});

/** A chat in letters: s, u, a, t, c for system, user, assistant, tool, and an assistant with tool calls. */
function chat(letters: string): Message[] {
  return [...letters].map((letter, i): Message => {
    const content = `${letter}${i}`;
    switch (letter) {
      case "s":
        return { role: "system", content };
      case "u":
        return { role: "user", content };
      case "t":
        return { role: "tool", content };
      case "c":
        return { role: "assistant", content, toolCalls: [] };
      default:
        return { role: "assistant", content };
    }
  });
}

Deno.test("chatTurns() divides a chat after each answer", () => {
  const cases: [string, string[]][] = [
    ["ua", ["u0>a1"]],
    ["uaua", ["u0>a1", "u2>a3"]],
    ["suau", ["s0u1>a2", "u3>"]],
    ["aua", ["u1>a2"]],
    ["saua", ["s0u2>a3"]],
    ["uua", ["u0u1>a2"]],
    ["uaa", ["u0a1>a2"]],
    ["uctaua", ["u0c1t2>a3", "u4>a5"]],
    ["uc", ["u0c1>"]],
    ["ut", ["u0t1>"]],
    ["", []],
    ["a", []],
    ["s", []],
  ];
  for (const [letters, expected] of cases) {
    const turns = chatTurns(chat(letters)).map(({ asked, answer }) =>
      `${asked.map(({ content }) => content).join("")}>${answer ?? ""}`
    );
    assert.deepEqual(turns, expected, letters);
  }
});

Deno.test("chatTurns() keeps the order of all messages from the first question on", () => {
  const letters = fc.string({ unit: fc.constantFrom(..."suatc") });
  fc.assert(
    fc.property(letters, (letters) => {
      const messages = chat(letters);
      const turns = chatTurns(messages);
      const kept = turns.flatMap(({ asked, answer }) => [
        ...asked.map(({ content }) => content),
        ...(answer === undefined ? [] : [answer]),
      ]);
      const begin = messages.findIndex(({ role }) =>
        role === "user" || role === "tool"
      );
      const expected = messages.filter(({ role, toolCalls }, i) =>
        i >= begin || role !== "assistant" || toolCalls
      );
      // Messages at the end without a question are not a turn.
      const all = expected.map(({ content }) => content);
      assert.deepEqual(kept, all.slice(0, kept.length));
      const rest = expected.slice(kept.length);
      if (begin < 0) assert.deepEqual(turns, []);
      else {assert.ok(
          rest.every(({ role }) => role !== "user" && role !== "tool"),
        );}
      assert.ok(turns.slice(0, -1).every(({ answer }) => answer !== undefined));
    }),
    { examples: [["uasau"]] },
  );
});

Deno.test("chatColumns() sends a chat as one request, whose reference is the last answer", () => {
  const columns = { tools: [{}], reference: "from a column" };
  const turn = (letters: string, isCompared = true) =>
    chatColumns(chat(letters), "last", { columns, isCompared });
  const said = { tools: [{}], messages: chat("suau"), answer: "a4" };
  assert.deepEqual(turn("suaua"), [{ ...said, reference: "a4" }]);
  assert.deepEqual(turn("suaua", false), [{ ...columns, ...said }]);
  assert.deepEqual(turn("uau"), [{ ...columns, messages: chat("uau") }]);
});

Deno.test("chatColumns() sends a chat turn by turn, with the recorded answers", () => {
  const turns = (letters: string, columns: Columns = {}) =>
    chatColumns(chat(letters), "all", { columns, isCompared: true });
  assert.deepEqual(turns("suauau", { tools: [{}], reference: "r" }), [
    { tools: [{}], system: "s0", text: "u1", answer: "a2" },
    { tools: [{}], text: "u3", answer: "a4" },
    { tools: [{}], text: "u5", reference: "r" },
  ]);
  assert.deepEqual(turns("ucta"), [{ messages: chat("uct"), answer: "a3" }]);
  // With a system prompt of the record, the chat's stays in its messages.
  const [both] = turns("sua", { system: "be" });
  assert.deepEqual(both!.messages, chat("su"));
  assert.equal(both!.system, "be");
});

Deno.test("chatColumns() refuses a chat without a question", () => {
  for (const turns of ["last", "all"] as const) {
    for (const letters of ["s", "a", "sa"]) {
      assert.throws(
        () =>
          chatColumns(chat(letters), turns, { columns: {}, isCompared: true }),
        /must have a user message/,
      );
    }
  }
});

/** The content of a message, images as `[id]`. */
function shown({ content }: Message): unknown {
  return typeof content === "string"
    ? content
    : content.map((part) =>
      part.kind === "image"
        ? [part.image.id]
        : part.kind === "text" && part.text
    );
}

Deno.test("withImages() puts images in place of the marks, and others before the first user message", () => {
  const cases: [string[], string[], unknown[]][] = [
    [["Hi"], [], ["Hi"]],
    [["<image>"], [], ["<image>"]],
    [["What?"], ["a"], [[["a"], "What?"]]],
    [["<image>\nWhat?"], ["a"], [[["a"], "What?"]]],
    [["What?\n<image>"], ["a"], [["What?", ["a"]]]],
    [["<image> or <image>?"], ["a", "b"], [[["a"], "or", ["b"], "?"]]],
    [["One", "<image>"], ["a"], ["One", [["a"]]]],
    [["<image>", "<image>"], ["a"], [[["a"]], "<image>"]],
    [["<image> <image>"], ["a"], [[["a"], "<image>"]]],
    [["One <image>"], ["a", "b"], [[["b"], "One", ["a"]]]],
  ];
  for (const [said, images, expected] of cases) {
    const chat = said.flatMap((content): Message[] => [
      { role: "system", content: "<image>" },
      { role: "user", content },
    ]);
    const result = withImages(chat, images.map(image));
    assert.deepEqual(
      result.filter(({ role }) => role === "user").map(shown),
      expected,
      said.join(),
    );
    assert.ok(
      result.every(({ role, content }) =>
        role === "user" || content === "<image>"
      ),
    );
  }
});

Deno.test("withImages() puts images before existing parts", () => {
  const parts = [{ kind: "text", text: "Look" }] as const;
  const [message] = withImages([{ role: "user", content: parts }], [
    image("a"),
  ]);
  assert.deepEqual(shown(message!), [["a"], "Look"]);
});
