import assert from "node:assert/strict";
import fc from "fast-check";
import type { Audio, Columns, Image, Message } from "../../plugins/mod.ts";
import { chatTurns, turnsOf } from "./chat_turns.ts";
import { chatOf, looksLikeChat } from "./chat.ts";

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

Deno.test("chatOf() reads OpenAI's messages, ShareGPT's, and either as JSON in a cell", async () => {
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

Deno.test("chatOf() reads parts with media, from the part or from beside the chat", async () => {
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

Deno.test("chatOf() reads calls of tools and what they gave", async () => {
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

Deno.test("chatOf() refuses what is no chat, and names the message", async () => {
  const user = { role: "user", content: "x" };
  const cases: [unknown, RegExp][] = [
    [undefined, /must be a list of messages: current value is missing$/],
    ["Hello", /must be a list of messages: current value is "Hello"$/],
    [[], /must be a list of messages: current value is \[\]$/],
    [["x"], /message 1 as it must be an object: current value is "x"$/],
    [[user, { role: "boss", content: "x" }], /message 2 .*"boss"$/],
    [[{ content: "x" }], /message 1 as its role .*: current value is missing$/],
    [[{ role: "user" }], /message 1 as it must have content: .*missing$/],
    [[{ role: "user", content: 5 }], /text or a list of parts: .* is 5$/],
    [[{ role: "user", content: [{ type: "video" }] }], /\{"type":"video"\}$/],
    [[{ role: "user", content: [{ type: "image" }] }], /\{"type":"image"\}$/],
    [[{ role: "user", content: [{ type: "text" }] }], /\{"type":"text"\}$/],
  ];
  for (const [value, message] of cases) {
    await assert.rejects(read(value), message, JSON.stringify(value));
  }
});

Deno.test("looksLikeChat() tells chats from other lists", () => {
  for (
    const value of [undefined, "x", [], ["a"], [{ a: 1 }], [{ role: 1 }], "[{"]
  ) assert.ok(!looksLikeChat(value), JSON.stringify(value));
});

/** A chat in letters: s, u, a, t, c for system, user, assistant, tool, and an assistant that calls. */
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

Deno.test("chatTurns() divides a chat behind each answer, and leaves none out", () => {
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

Deno.test("chatTurns() keeps every message in its place, but what is said before anyone asks", () => {
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
      // What nobody asks for at the end is no turn.
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

Deno.test("turnsOf() sends a chat as one request, whose reference is the last answer", () => {
  const columns = { tools: [{}], reference: "from a column" };
  const turn = (letters: string, isCompared = true) =>
    turnsOf(chat(letters), "last", { columns, maxOutputTokens: 9, isCompared });
  const said = { tools: [{}], messages: chat("suau"), answer: "a4" };
  assert.deepEqual(turn("suaua"), [{
    columns: { ...said, reference: "a4" },
    maxOutputTokens: 9,
  }]);
  assert.deepEqual(turn("suaua", false)[0]!.columns, { ...columns, ...said });
  assert.deepEqual(turn("uau")[0]!.columns, {
    ...columns,
    messages: chat("uau"),
  });
});

Deno.test("turnsOf() sends a chat turn by turn, with the answers that were recorded", () => {
  const turns = (letters: string, columns: Columns = {}) =>
    turnsOf(chat(letters), "all", { columns, isCompared: true })
      .map(({ columns }) => columns);
  assert.deepEqual(turns("suauau", { tools: [{}], reference: "r" }), [
    { tools: [{}], system: "s0", text: "u1", answer: "a2" },
    { tools: [{}], text: "u3", answer: "a4" },
    { tools: [{}], text: "u5", reference: "r" },
  ]);
  assert.deepEqual(turns("ucta"), [{ messages: chat("uct"), answer: "a3" }]);
  // The record's own system prompt leaves the chat's where it is.
  const [both] = turns("sua", { system: "be" });
  assert.deepEqual(both!.messages, chat("su"));
  assert.equal(both!.system, "be");
});

Deno.test("turnsOf() refuses a chat in which nobody asks", () => {
  for (const turns of ["last", "all"] as const) {
    for (const letters of ["s", "a", "sa"]) {
      assert.throws(
        () => turnsOf(chat(letters), turns, { columns: {}, isCompared: true }),
        /must have a message by the user/,
      );
    }
  }
});
