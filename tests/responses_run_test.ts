// Responses, embeddings and token counts against the reference server.

import assert from "node:assert/strict";
import { z } from "zod";
import {
  chat,
  type Columns,
  concurrent,
  type Configured,
  defineDataset,
  embeddings,
  responses,
  type Sample,
  type StageReport,
  type Turn,
} from "../mod.ts";
import { type ServerOptions, startServer } from "../server/mod.ts";
import { testTls } from "./support/certificate.ts";
import { type Sampled, sampled } from "./support/sampled.ts";

const QUICK: ServerOptions = { ttftMs: 5, itlMs: 1, outputTokens: 8 };

/** Turns of one session. */
const turnsOf = defineDataset({
  name: "turns",
  summary: "",
  options: z.strictObject({ turns: z.array(z.custom<Turn>()) }),
  open: ({ turns }) => ({
    async *sessions() {
      yield { id: "0", turns };
    },
  }),
});

/** Sends turns to a server with these options. */
async function answersTo(
  options: ServerOptions,
  backend: (target: string) => Configured<"backend">,
  columns: readonly Columns[],
): Promise<Pick<Sampled, "samples" | "warnings"> & { stage: StageReport }> {
  await using server = await startServer({ ...QUICK, ...options });
  const { report, samples, warnings } = await sampled({
    backend: backend(server.url),
    dataset: turnsOf({ turns: columns.map((columns) => ({ columns })) }),
    load: concurrent({ streams: [1] }),
  });
  return { samples, stage: report.stages[0]!, warnings };
}

const talk = ["Describe ships", "And of trains", "Which is older"]
  .map((text) => ({ text }));

for (const dialect of ["vllm", "openai"] as const) {
  for (const stream of [true, false]) {
    Deno.test(`responses() reads answers of ${dialect}, with stream=${stream}`, async () => {
      const options = { dialect, reasoningTokens: 3, cachedTokens: 2 };
      const { samples, stage } = await answersTo(
        options,
        (target) => responses({ target, stream }),
        talk,
      );
      assert.equal(stage.counts.ok, 3, JSON.stringify(stage.failures));
      for (const { output, deltas } of samples) {
        assert.equal(output.usage?.outputTokens, 8);
        assert.ok(output.text && output.reasoning && output.responseId);
        const said = deltas.filter(({ kind }) => kind === "text");
        if (!stream) assert.equal(deltas.length, 0);
        else assert.equal(said.map(({ text }) => text).join(""), output.text);
      }
      const [first, , last] = samples;
      assert.ok(
        first!.output.usage!.inputTokens! < last!.output.usage!.inputTokens!,
        "the history is sent",
      );
    });
  }
}

Deno.test("responses() continues the conversation that the server keeps, with calls and their results", async () => {
  const tools = [{
    type: "function",
    name: "look",
    parameters: { type: "object", properties: {} },
  }];
  const { samples, stage } = await answersTo(
    { toolCalls: 2 },
    (target) => responses({ target, history: "server" }),
    [{ text: "Look", tools }, { toolResult: "A cat", tools }],
  );
  assert.equal(stage.counts.ok, 2, JSON.stringify(stage.failures));
  assert.equal(samples[0]?.output.toolCalls?.length, 2);
  assert.ok(samples[0]?.output.toolCalls?.every(({ id, name }) => id && name));
  assert.ok(samples[1]?.output.text);
});

Deno.test("responses() reports why an answer was cut short", async () => {
  const { samples } = await answersTo(
    { dialect: "openai" },
    (target) => responses({ target, maxOutputTokens: 3 }),
    talk.slice(0, 1),
  );
  assert.equal(samples[0]?.output.finishReason, "max_output_tokens");
  assert.equal(samples[0]?.output.usage?.outputTokens, 3);
});

Deno.test("embeddings() counts the vectors of a batch, in both encodings", async () => {
  for (const encodingFormat of ["base64", "float"] as const) {
    const { samples, stage } = await answersTo(
      {},
      (target) => embeddings({ target, encodingFormat, dimensions: 16 }),
      [{ texts: ["one", "two", "three"] }],
    );
    assert.equal(stage.counts.ok, 1, JSON.stringify(stage.failures));
    assert.deepEqual(samples[0]?.output.embeddings, {
      count: 3,
      dimensions: 16,
    });
    assert.deepEqual(stage.tokenCounts, { input: { server: 1 } });
  }
});

Deno.test("token counts are the server's, from its answer or from /tokenize", async () => {
  const backend = (target: string) => chat({ target });
  const reported = await answersTo({}, backend, talk);
  const asked = await answersTo({ usageStyle: "none" }, backend, talk);
  assert.deepEqual(reported.stage.tokenCounts, {
    input: { server: 3 },
    output: { server: 3 },
  });
  assert.deepEqual(asked.stage.tokenCounts, {
    input: { tokenize: 3 },
    output: { tokenize: 3 },
  });
  const counts = (samples: readonly Sample[]) =>
    samples.map(({ output: { usage } }) => [
      usage?.inputTokens,
      usage?.outputTokens,
    ]);
  assert.deepEqual(counts(asked.samples), counts(reported.samples));
  assert.deepEqual(asked.warnings, []);
});

Deno.test("tokens are counted by /tokenize over TLS with the certificates of the run", async () => {
  const { stage } = await answersTo(
    { usageStyle: "none", tls: testTls },
    (target) => chat({ target, insecure: true }),
    talk,
  );
  assert.deepEqual(stage.tokenCounts?.output, { tokenize: 3 });
});

Deno.test("tokens are estimated from deltas if /tokenize is not used", async () => {
  const { stage } = await answersTo(
    { usageStyle: "none" },
    (target) => chat({ target, tokenize: false }),
    talk,
  );
  assert.deepEqual(stage.tokenCounts, {
    input: { characters: 3 },
    output: { deltas: 3 },
  });
  assert.equal(stage.metrics["outputTokens"]?.mean, 8);
});
