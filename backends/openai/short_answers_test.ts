import assert from "node:assert/strict";
import type { Output } from "../../plugins/mod.ts";
import { chat } from "./chat/chat.ts";
import { completions } from "./completions.ts";
import { responses } from "./responses/responses.ts";
import { loopback, talk } from "../../tests/support/loopback.ts";
import { shortAnswers } from "./short_answers.ts";

const MAY_NOT = "; the server may not know ignore_eos";

/** What is said of answers, one after another. */
function warningsOf(asked: number | undefined, ...answers: readonly Output[]) {
  const warnings: string[] = [];
  const check = shortAnswers({ warn: (message) => warnings.push(message) });
  for (const answer of answers) check(answer, asked);
  return warnings;
}

Deno.test("shortAnswers() warns once where fewer tokens came than were asked for", () => {
  const short = { usage: { outputTokens: 12 }, finishReason: "stop" };
  assert.deepEqual(warningsOf(128, short, short), [
    `ignoreEos: 128 tokens were asked for, but the server counted 12${MAY_NOT}`,
  ]);
  assert.deepEqual(warningsOf(128, { finishReason: "stop" }), [
    `ignoreEos: an answer of 128 tokens was asked for, but its finish_reason is stop${MAY_NOT}`,
  ]);
});

Deno.test("shortAnswers() says nothing where all came, or nobody knows", () => {
  const { length } = warningsOf(
    128,
    { usage: { outputTokens: 128 }, finishReason: "length" },
    { usage: { outputTokens: 128 }, finishReason: "stop" },
    { usage: { outputTokens: 0 }, finishReason: "length" },
    { finishReason: "length" },
    {},
  );
  assert.equal(length, 0);
  assert.deepEqual(warningsOf(undefined, { usage: { outputTokens: 1 } }), []);
});

/** A server that stops by itself after five tokens of each answer. */
function answerOf({ path, body }: { path: string; body: { n?: unknown } }) {
  const n = Number(body.n ?? 1);
  const usage = { prompt_tokens: 3, completion_tokens: 5 * n };
  const output = [{ content: [{ type: "output_text", text: "four" }] }];
  const choices = Array.from({ length: n }, (_, index) => ({
    index,
    message: { content: "four" },
    text: "four",
    finish_reason: "stop",
  }));
  return Response.json(
    path.endsWith("responses")
      ? { status: "completed", output, usage }
      : { choices, usage },
  );
}

Deno.test("shortAnswers() is told how many tokens each endpoint asks for, however it is said", async () => {
  await using server = loopback(answerOf);
  const { target } = server;
  const text = { columns: { text: "a" } };
  const common = { target, model: "m", stream: false, ignoreEos: true };
  const cases = [
    [chat({ ...common, maxOutputTokens: 6 }), text, 6],
    [chat({ ...common, maxOutputTokens: 5 }), text, undefined],
    [chat({ ...common, maxOutputTokens: 6, ignoreEos: false }), text],
    [chat({ ...common, body: { max_tokens: 7 } }), text, 7],
    [chat(common), { ...text, maxOutputTokens: 8 }, 8],
    [chat({ ...common, maxOutputTokens: 6, body: { n: 2 } }), text, 12],
    [completions({ ...common, maxOutputTokens: 9 }), text, 9],
    [responses({ ...common, maxOutputTokens: 10 }), text, 10],
  ] as const;
  for (const [backend, turn, asked] of cases) {
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    const [sample] = await talk(backend, [turn], { warn });
    assert.equal(sample?.outcome.status, "ok");
    const got = asked === 12 ? 10 : 5;
    assert.deepEqual(
      warnings,
      asked === undefined ? [] : [
        `ignoreEos: ${asked} tokens were asked for, but the server counted ${got}${MAY_NOT}`,
      ],
    );
  }
});
