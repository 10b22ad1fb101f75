import assert from "node:assert/strict";
import type { Turn } from "../../plugins/mod.ts";
import { testBackend } from "../../plugins/testing/mod.ts";
import { completions } from "./completions.ts";
import { loopback, streamed, talk } from "../../tests/support/loopback.ts";
import { sse } from "../../tests/support/read_answer.ts";
import { checksOf } from "../../tests/support/checks.ts";

const HI: Turn = { columns: { text: "hi" } };

function chunk(text: string, rest: Record<string, unknown> = {}) {
  const choice = { index: 0, text, logprobs: null, finish_reason: null };
  return { id: "cmpl-1", choices: [{ ...choice, ...rest }] };
}

const USAGE = { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 };
const ENDED = {
  responseId: "cmpl-1",
  usage: { inputTokens: 1, outputTokens: 3 },
};

Deno.test("completions() sends a prompt unchanged and reads a streamed text", async () => {
  await using server = loopback(() =>
    streamed(sse(
      chunk("hi"),
      chunk(" there"),
      chunk("", { finish_reason: "length" }),
      { id: "cmpl-1", choices: [], usage: USAGE },
      "[DONE]",
    ))
  );
  const [sample] = await talk(
    completions({
      target: server.target,
      model: "m",
      maxOutputTokens: 3,
      ignoreEos: true,
      body: { echo: true, logprobs: 1 },
    }),
    [{ columns: { text: "hi", system: "Be brief", reference: "never sent" } }],
  );
  assert.equal(server.got[0]!.path, "/v1/completions");
  assert.deepEqual(server.got[0]!.body, {
    model: "m",
    prompt: "hi",
    max_tokens: 3,
    ignore_eos: true,
    stream: true,
    stream_options: { include_usage: true },
    echo: true,
    logprobs: 1,
  });
  assert.deepEqual(sample!.outcome, { status: "ok" });
  assert.deepEqual(sample!.output, {
    text: "hi there",
    finishReason: "length",
    ...ENDED,
  });
  assert.deepEqual(
    sample!.deltas.map(({ atMs: _, ...delta }) => delta),
    ["hi", " there", ""].map((text) => ({ kind: "text", text })),
  );
});

Deno.test("completions() separates several answers, streamed and whole", async () => {
  await using server = loopback(({ body }) =>
    body.stream
      ? streamed(sse(
        chunk("a"),
        chunk("x", { index: 1 }),
        chunk("y", { index: 1, finish_reason: "stop" }),
        chunk("b", { finish_reason: "length" }),
        { choices: [], usage: USAGE },
      ))
      : Response.json({
        id: "cmpl-1",
        choices: [
          ...chunk("ab", { finish_reason: "length" }).choices,
          ...chunk("xy", { index: 1, finish_reason: "stop" }).choices,
        ],
        usage: USAGE,
      })
  );
  for (const stream of [true, false]) {
    const [sample] = await talk(
      completions({
        target: server.target,
        model: "m",
        stream,
        body: { n: 2 },
      }),
      [HI],
    );
    assert.deepEqual(sample!.outcome, { status: "ok" });
    assert.deepEqual(sample!.output, {
      text: "ab",
      finishReason: "length",
      choices: [
        { text: "ab", finishReason: "length" },
        { text: "xy", finishReason: "stop" },
      ],
      ...ENDED,
    });
    assert.deepEqual(
      sample!.deltas.map(({ text, choice }) => [text, choice]),
      stream ? [["a", undefined], ["x", 1], ["y", 1], ["b", undefined]] : [],
    );
  }
});

Deno.test("completions() fails as chat does", async () => {
  const events = [
    [[chunk("a"), { error: "gone" }], "server_error"],
    [[chunk("a")], "truncated"],
    [["[DONE]"], "protocol_error"],
  ] as const;
  for (const [sent, failure] of events) {
    await using server = loopback(() => streamed(sse(...sent)));
    const [sample] = await talk(
      completions({ target: server.target, model: "m" }),
      [HI],
    );
    const { outcome } = sample!;
    assert.equal(outcome.status, "error");
    assert.equal(outcome.failure.class, failure);
  }
});

Deno.test("completions() sends each turn without a history", async () => {
  await using server = loopback(() =>
    Response.json({ choices: chunk("b", { finish_reason: "stop" }).choices })
  );
  const turns = ["one", "two"].map((text) => ({ columns: { text } }));
  await talk(
    completions({ target: server.target, model: "m", stream: false }),
    turns,
  );
  assert.deepEqual(server.got.map(({ body }) => body), [
    { model: "m", prompt: "one" },
    { model: "m", prompt: "two" },
  ]);
});

const REFUSED: readonly [string, Turn, Record<string, unknown>, RegExp][] = [
  [
    "a chat",
    {
      columns: { text: "hi", messages: [{ role: "user", content: "hi" }] },
    },
    {},
    /completions accepts no messages/,
  ],
  ["an exact number of tokens without a number", HI, {
    ignoreEos: true,
  }, /maxOutputTokens must be set/],
  [
    "a prompt in the body",
    HI,
    { body: { prompt: "x" } },
    /must not set prompt/,
  ],
];

for (const [name, turn, options, message] of REFUSED) {
  Deno.test(`completions() rejects ${name}`, async () => {
    const backend = completions({
      target: "http://127.0.0.1:1",
      model: "m",
      healthPath: "off",
      ...options,
    });
    await assert.rejects(talk(backend, [turn]), { message });
  });
}

for (const stream of [true, false]) {
  Deno.test(`completions() fulfils the backend contract, ${stream ? "streamed" : "whole"}`, async (t) => {
    const last = chunk("a", { finish_reason: "stop" });
    await using server = loopback(() =>
      stream ? streamed(sse(last, "[DONE]")) : Response.json(last)
    );
    const backend = completions({ target: server.target, model: "m", stream });
    for (const { name, run } of checksOf(testBackend, backend)) {
      assert.ok(await t.step(name, run));
    }
  });
}
