import assert from "node:assert/strict";
import { metricsOf } from "../../plugins/mod.ts";
import { testBackend } from "../../plugins/testing/mod.ts";
import { responses } from "./responses.ts";
import {
  type Got,
  loopback,
  streamed,
  talk,
} from "../../tests/support/loopback.ts";
import { checksOf } from "../../tests/support/checks.ts";

/** Answers with the number of items in the input, streamed or whole. */
function answerTo({ body }: Got): Response {
  const text = `${(body.input as unknown[]).length} items`;
  const response = {
    id: "resp_1",
    status: "completed",
    output: [{ type: "message", content: [{ type: "output_text", text }] }],
    usage: { input_tokens: 9, output_tokens: 2 },
  };
  if (!body.stream) return Response.json(response);
  const events = [
    { type: "response.created" },
    ...text.split(/(?= )/).map((delta) => ({
      type: "response.output_text.delta",
      delta,
    })),
    { type: "response.completed", response },
  ];
  return streamed(
    events.map((event) =>
      `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
    ).join(""),
  );
}

const turns = ["a", "b"].map((text) => ({ columns: { text } }));

for (const stream of [true, false]) {
  Deno.test(`responses() sends the turns of a session with stream=${stream}`, async () => {
    await using server = loopback(answerTo);
    const { target } = server;
    const samples = await talk(
      responses({ target, model: "m", stream }),
      turns,
    );
    assert.deepEqual(
      samples.map(({ output, outcome }) => [outcome.status, output.text]),
      [["ok", "1 items"], ["ok", "3 items"]],
    );
    for (const sample of samples) {
      const { ttft, outputTokens } = metricsOf(sample);
      assert.equal(ttft !== undefined, stream);
      assert.equal(outputTokens, 2);
      assert.equal(sample.reads.events, stream ? 4 : undefined);
    }
    assert.deepEqual(server.got.map(({ path }) => path), [
      "/v1/responses",
      "/v1/responses",
    ]);
  });

  Deno.test(`responses() fulfils the backend contract with stream=${stream}`, async () => {
    await using server = loopback(answerTo);
    const { target } = server;
    const plugin = responses({ target, model: "m", stream });
    for (const check of checksOf(testBackend, plugin)) await check.run();
  });
}

Deno.test("responses() warns once of a server that does not stream", async () => {
  await using server = loopback(({ body, ...got }) =>
    answerTo({ ...got, body: { ...body, stream: false } })
  );
  const { target } = server;
  const warnings: string[] = [];
  const samples = await talk(responses({ target, model: "m" }), turns, {
    warn: (message) => warnings.push(message),
  });
  assert.deepEqual(samples.map(({ output }) => output.text), [
    "1 items",
    "3 items",
  ]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /does not stream/);
});
