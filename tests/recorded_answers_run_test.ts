// Runs against recorded answers of sglang, Mistral and DeepSeek, which the reference server does not imitate.

import assert from "node:assert/strict";
import { z } from "zod";
import {
  chat,
  clips,
  type Columns,
  concurrent,
  type Configured,
  defineDataset,
  type Sample,
  transcriptions,
} from "../mod.ts";
import { rawServer } from "./support/raw_server.ts";
import recorded from "./support/recorded_answers.json" with { type: "json" };
import { sampled } from "./support/sampled.ts";

/** A dataset of one session with one turn. */
const oneTurn = defineDataset({
  name: "one-turn",
  summary: "One turn",
  options: z.strictObject({ columns: z.custom<Columns>() }),
  open: ({ columns }) => ({
    async *sessions() {
      yield { id: "0", turns: [{ columns }] };
    },
  }),
});

const tools = [{ type: "function", function: { name: "f", parameters: {} } }];
const prompt = oneTurn({ columns: { text: "Say one two three.", tools } });

/** Sends one request to a server that answers with a recording. */
async function sampleOf(
  name: keyof typeof recorded,
  backend: (target: string) => Configured<"backend">,
  dataset: Configured<"dataset"> = prompt,
): Promise<Sample> {
  const { status, contentType, body } = recorded[name];
  await using server = await rawServer((peer) =>
    peer.answer(body, { status, headers: [`content-type: ${contentType}`] })
  );
  const { samples } = await sampled({
    backend: backend(`http://127.0.0.1:${server.port}`),
    dataset,
    load: concurrent({ streams: [1] }),
    stop: { requests: 1 },
  });
  assert.equal(samples.length, 1);
  return samples[0]!;
}

const chatOf = (stream: boolean) => (target: string) =>
  chat({ target, model: "m", stream, tokenize: false });

for (const server of ["sglang", "mistral", "deepseek"] as const) {
  for (const form of ["streamed", "whole"] as const) {
    Deno.test(`chat() reads an answer of ${server}, ${form}`, async () => {
      const stream = form === "streamed";
      const sample = await sampleOf(`${server} chat ${form}`, chatOf(stream));
      assert.equal(sample.outcome.status, "ok");
      const { output, deltas } = sample;
      assert.equal(output.text, "Say one two three.");
      assert.ok(output.reasoning, "reasoning is read");
      assert.equal(output.finishReason, "stop");
      assert.equal(output.usage?.inputTokens, 9);
      assert.equal(output.usage?.outputTokens, 6);
      const texts = deltas.filter(({ kind }) => kind === "text");
      if (!stream) assert.equal(deltas.length, 0);
      else assert.equal(texts.map(({ text }) => text).join(""), output.text);
    });
  }

  Deno.test(`chat() reads an error of ${server}`, async () => {
    const { outcome } = await sampleOf(`${server} error`, chatOf(true));
    assert.equal(outcome.status, "error");
    assert.match(JSON.stringify(outcome), /The model `x` does not exist/);
  });
}

Deno.test("chat() reads tool calls and an error in a stream of sglang", async () => {
  const { output } = await sampleOf("sglang calls streamed", chatOf(true));
  assert.deepEqual(output.toolCalls?.map(({ name }) => name), ["f"]);
  assert.equal(output.finishReason, "tool_calls");
  const failed = await sampleOf("sglang failure streamed", chatOf(true));
  assert.equal(failed.outcome.status, "error");
  assert.match(JSON.stringify(failed.outcome), /full/);
});

for (const server of ["sglang", "mistral"] as const) {
  for (const form of ["streamed", "whole"] as const) {
    Deno.test(`transcriptions() reads an answer of ${server}, ${form}`, async () => {
      const stream = form === "streamed";
      const { outcome, output, deltas } = await sampleOf(
        `${server} transcription ${form}`,
        (target) => transcriptions({ target, model: "m", stream }),
        clips({}),
      );
      assert.equal(outcome.status, "ok");
      assert.equal(output.text, "Thank you, that was quick.");
      const texts = deltas.map(({ text }) => text).join("");
      if (stream) assert.equal(texts, output.text);
      if (server === "mistral") assert.equal(output.usage?.outputTokens, 6);
    });
  }
}
