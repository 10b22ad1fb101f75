import assert from "node:assert/strict";
import { post, quickServer } from "../../tests/support/quick_server.ts";
import { makeAnswer, makeAnswers, tokensIn } from "./answer.ts";
import { random } from "../../lib/random.ts";
import { DEFAULTS } from "../settings.ts";

Deno.test("a request for too much is refused with the reason, and the server goes on", async () => {
  await using server = await quickServer({ maxModelLen: 100_000 });
  const messages = [{ role: "user", content: "hi" }];
  const long = { max_tokens: 90_000, ignore_eos: true };
  const cases: [path: string, body: object, reason: RegExp][] = [
    [
      "chat/completions",
      { messages, n: 1_000_000 },
      /^n must be at most 16384, got 1000000\. To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable\.$/,
    ],
    ["completions", { prompt: "a", n: 16_385 }, /^n must be at most 16384/],
    [
      "completions",
      { prompt: Array(1025).fill("a") },
      /^prompt list length 1025 exceeds the maximum allowed count of 1024\./,
    ],
    [
      "chat/completions",
      { messages, n: 3, ...long },
      /^The answers to a request must have at most 262144 tokens together\./,
    ],
    [
      "completions",
      { prompt: ["a", "b", "c"], ...long, stream: true },
      /^The answers to a request must have at most 262144 tokens together\./,
    ],
    [
      "embeddings",
      { input: ["a", "b"], dimensions: 2_097_153 },
      /^The vectors of a request must have at most 4194304 numbers together, got 2 of 2097153 dimensions\./,
    ],
  ];
  for (const [path, body, reason] of cases) {
    const answer = await post(server, `/v1/${path}`, { body });
    assert.equal(answer.status, 400, path);
    const { message, type, code } = JSON.parse(answer.text).error;
    assert.match(message, reason);
    assert.deepEqual([type, code], ["BadRequestError", 400]);
  }
  const { status, text } = await post(server, "/v1/chat/completions", {
    body: { messages, n: 2000, max_tokens: 1 },
  });
  assert.equal(status, 200);
  assert.equal(JSON.parse(text).choices.length, 2000);
});

Deno.test("makeAnswers() lets one answer be as long as the model, however long that is", () => {
  const answersOf = (maxModelLen: number, count: number) => {
    const options = { ...DEFAULTS, maxModelLen };
    const limit = { most: 300_000, least: 300_000 };
    const plan = { options, limit, said: "", calls: [] };
    const exchange = { options, random: (name: string) => random(1, name) };
    return makeAnswers(exchange, [plan], count);
  };
  assert.equal(tokensIn(answersOf(300_000, 1)[0]!.pieces), 300_000);
  assert.throws(() => answersOf(300_000, 2), /at most 300000 tokens/);
  assert.throws(() => answersOf(9, 1), /at most 262144/);
});

Deno.test("makeAnswer() makes no more tokens than allowed, whatever is set", () => {
  for (
    const changes of [
      { outputTokens: 1e12 },
      { reasoningTokens: 1e12 },
      { echo: true },
    ]
  ) {
    const answer = makeAnswer({
      options: { ...DEFAULTS, ...changes },
      random: random(1, "test"),
      limit: { most: 5, least: 0 },
      said: "👍 word".repeat(1000),
      calls: [],
    });
    assert.deepEqual([tokensIn(answer.pieces), answer.finishReason], [
      5,
      "length",
    ]);
  }
});
