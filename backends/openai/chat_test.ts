import assert from "node:assert/strict";
import { encodeWav } from "../../audio/mod.ts";
import { metricsOf, type Sample, type Turn } from "../../plugins/mod.ts";
import { testBackend } from "../../plugins/testing/mod.ts";
import { chat } from "./chat.ts";
import { loopback, streamed, talk } from "../../tests/support/loopback.ts";
import { sse } from "../../tests/support/read_answer.ts";
import { checksOf } from "../../tests/support/checks.ts";

const HI: Turn = { columns: { text: "hi" } };

function chunk(delta: unknown, finish_reason: string | null = null) {
  return { id: "c1", choices: [{ index: 0, delta, finish_reason }] };
}

function whole(message: unknown) {
  return {
    id: "c1",
    choices: [{ index: 0, message, finish_reason: "stop" }],
    usage: { prompt_tokens: 3, completion_tokens: 2 },
  };
}

const ANSWER = sse(
  chunk({ role: "assistant", content: "" }),
  chunk({ content: "Hello" }),
  chunk({ content: " you" }, "stop"),
  { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } },
  "[DONE]",
);

function failureOf({ outcome }: Sample) {
  return outcome.status === "ok" ? undefined : outcome.failure;
}

Deno.test("chat() records headers, first event, TTFT and the first text separately", async () => {
  const pieces = [
    chunk({ role: "assistant", content: "" }),
    chunk({ reasoning: "hm" }),
    chunk({ content: "42" }, "stop"),
    "[DONE]",
  ].map((event) => new TextEncoder().encode(sse(event)));
  const seen = new TransformStream<void>();
  const written = seen.writable.getWriter();
  await using server = loopback(() => {
    const received = seen.readable.getReader();
    return streamed(
      new ReadableStream({
        async pull(controller) {
          const piece = pieces.shift();
          if (!piece) return controller.close();
          controller.enqueue(piece);
          await received.read(); // the next one only when this one was received
        },
      }, { highWaterMark: 0 }),
    );
  });
  const [sample] = await talk(
    chat({ target: server.target, model: "m" }),
    [HI],
    {
      trace: (direction) => void (direction === "received" && written.write()),
    },
  );
  await written.abort();
  assert.deepEqual(sample!.outcome, { status: "ok" });
  const { marks, deltas, reads } = sample!;
  assert.deepEqual(
    deltas.map(({ kind, text }) => [kind, text]),
    [["text", ""], ["reasoning", "hm"], ["text", "42"]],
  );
  assert.equal(marks.firstEvent, deltas[0]!.atMs);
  assert.equal(reads.events, 4);
  const { ttfb, firstEvent, ttft, ttfo } = Object.fromEntries(
    Object.entries(metricsOf(sample!)).map((
      [name, value],
    ) => [name, value as number]),
  );
  assert.ok(
    ttfb! <= firstEvent! && firstEvent! < ttft! && ttft! < ttfo!,
    JSON.stringify({ ttfb, firstEvent, ttft, ttfo }),
  );
});

for (
  const [asked, given] of [[true, true], [true, false], [false, true], [
    false,
    false,
  ]]
) {
  Deno.test(`chat() reads a ${given ? "streamed" : "whole"} answer to a request for a ${asked ? "streamed" : "whole"} one`, async () => {
    await using server = loopback(() =>
      given
        ? streamed(ANSWER)
        : Response.json(whole({ role: "assistant", content: "Hello you" }))
    );
    const warnings: string[] = [];
    const samples = await talk(
      chat({ target: server.target, model: "m", stream: asked! }),
      [HI, HI],
      { warn: (message) => void warnings.push(message) },
    );
    assert.equal(server.got[0]!.body.stream, asked ? true : undefined);
    for (const { outcome, output, deltas } of samples) {
      assert.deepEqual(outcome, { status: "ok" });
      assert.deepEqual(output, {
        text: "Hello you",
        responseId: "c1",
        finishReason: "stop",
        usage: { inputTokens: 3, outputTokens: 2 },
      });
      assert.equal(deltas.length, given ? 3 : 0);
    }
    assert.equal(samples.length, 2);
    assert.equal(warnings.length, asked && !given ? 1 : 0);
    for (const warning of warnings) assert.match(warning, /does not stream/);
  });
}

Deno.test("chat() sends the server's answers and calls with later turns", async () => {
  const call = {
    index: 0,
    id: "t1",
    type: "function",
    function: { name: "look", arguments: '{"at":1}' },
  };
  await using server = loopback(({ body }) =>
    streamed(
      (body.messages as unknown[]).length === 1
        ? sse(
          chunk({ content: null, tool_calls: [call] }, "tool_calls"),
          "[DONE]",
        )
        : ANSWER,
    )
  );
  const samples = await talk(chat({ target: server.target, model: "m" }), [
    HI,
    { columns: { toolResult: "a cat" } },
    { columns: { text: "Thanks" } },
  ]);
  assert.deepEqual(samples.map(({ outcome }) => outcome.status), [
    "ok",
    "ok",
    "ok",
  ]);
  const { index: _, ...sent } = call;
  assert.deepEqual(server.got[2]!.body.messages, [
    { role: "user", content: "hi" },
    { role: "assistant", content: null, tool_calls: [sent] },
    { role: "tool", tool_call_id: "t1", content: "a cat" },
    { role: "assistant", content: "Hello you" },
    { role: "user", content: "Thanks" },
  ]);
});

const ERROR = { error: { message: "bad key sk-123456", code: "sk-123456" } };
const SAID = chunk({ content: "Hel" });

const FAILURES: readonly [string, () => Response, string, RegExp, string[]][] =
  [
    [
      "an error in the stream",
      () => streamed(sse(SAID, ERROR, "[DONE]")),
      "server_error",
      /^bad key \*\*\*$/,
      ["Hel"],
    ],
    [
      "an error in place of an answer",
      () => Response.json(ERROR),
      "server_error",
      /^bad key \*\*\*$/,
      [],
    ],
    [
      "an event that is not JSON",
      () => streamed(sse(SAID, "sk-123456 {")),
      "protocol_error",
      /but was \*\*\* \{$/,
      ["Hel"],
    ],
    [
      "an answer that breaks off",
      () => streamed(sse(SAID)),
      "truncated",
      /ended before \[DONE\]/,
      ["Hel"],
    ],
    [
      "a status other than 2xx",
      () => Response.json(ERROR, { status: 404 }),
      "http_error",
      /404.*bad key \*\*\*/,
      [],
    ],
  ];

for (const [name, answer, failure, message, texts] of FAILURES) {
  Deno.test(`chat() fails at once for ${name}, keeps earlier output and shows no secret`, async () => {
    await using server = loopback(answer);
    const [sample] = await talk(
      chat({ target: server.target, model: "m", apiKeyEnv: "KEY" }),
      [HI],
      { env: (name) => name === "KEY" ? "sk-123456" : undefined },
    );
    assert.equal(
      server.got[0]!.headers.get("authorization"),
      "Bearer sk-123456",
    );
    assert.equal(failureOf(sample!)?.class, failure);
    assert.match(failureOf(sample!)!.message, message);
    assert.deepEqual(sample!.deltas.map(({ text }) => text), texts);
    assert.equal(sample!.output.text, texts[0]);
    assert.doesNotMatch(JSON.stringify(sample), /sk-123456/);
  });
}

Deno.test("chat() writes its traffic to the trace, without media and secrets", async () => {
  const wav = encodeWav(new Int16Array(800), 16_000);
  const audio = {
    id: "a",
    durationMs: 50,
    file: () =>
      Promise.resolve({ bytes: wav, mediaType: "audio/wav", name: "a.wav" }),
    pcm16: () => Promise.reject(new Error("is not asked for")),
  };
  await using server = loopback(() => streamed(ANSWER));
  const seen: string[] = [];
  await talk(
    chat({ target: `${server.target}?k=query%2Fsecret`, model: "m" }),
    [{ columns: { audio } }],
    {
      trace: (direction, message) => void seen.push(`${direction}: ${message}`),
    },
  );
  assert.match(
    seen[0]!,
    /^note: POST \/v1\/chat\/completions: \d+ bytes of application\/json$/,
  );
  assert.match(
    seen[1]!,
    /^sent: \{"model":"m".*"data":"UklG…\(2192 base64 chars\)","format":"wav"/,
  );
  assert.deepEqual(
    seen.slice(2).map((line) => line.startsWith("received: ")),
    [true, true, true, true, true],
  );
  assert.equal(seen.at(-1), "received: [DONE]");
  assert.equal(seen.filter((line) => /query.*secret/.test(line)).length, 0);
});

Deno.test("chat() reports facts about its requests", async () => {
  const target = "http://127.0.0.1:1/base";
  const context = {
    env: () => undefined,
    warn: () => {},
    signal: new AbortController().signal,
  };
  const options = { target, model: "m", healthPath: "off" as const };
  for (
    const [given, facts] of [
      [{}, { stream: true, streamUsage: "final", history: "answers" }],
      [{ stream: false, history: "none" }, { stream: false, history: "none" }],
      [{ body: { stream: false } }, { stream: false, history: "answers" }],
    ] as const
  ) {
    const backend = await chat({ ...options, ...given }).open(context);
    assert.deepEqual(backend.facts, {
      ...facts,
      model: "m",
      url: "http://127.0.0.1:1/base/v1/chat/completions",
    });
    await backend[Symbol.asyncDispose]!();
  }
});

for (const stream of [true, false]) {
  Deno.test(`chat() fulfils the backend contract, ${stream ? "streamed" : "whole"}`, async (t) => {
    await using server = loopback(() =>
      stream ? streamed(ANSWER) : Response.json(whole({ content: "Hello" }))
    );
    const backend = chat({ target: server.target, model: "m", stream });
    for (const { name, run } of checksOf(testBackend, backend)) {
      assert.ok(await t.step(name, run));
    }
  });
}
