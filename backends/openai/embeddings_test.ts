import assert from "node:assert/strict";
import fc from "fast-check";
import { concurrent } from "../../loads/concurrent.ts";
import { defineDataset, type Report, type Turn } from "../../plugins/mod.ts";
import { run } from "../../plugins/run.ts";
import { testBackend } from "../../plugins/testing/mod.ts";
import { z } from "zod";
import {
  embeddings,
  type EmbeddingsOptions,
  embeddingsReader,
} from "./embeddings.ts";
import { loopback } from "../../tests/support/loopback.ts";
import { checksOf } from "../../tests/support/checks.ts";

/** Reads an answer to a number of inputs. */
function read(
  answer: unknown,
  { inputs = 1, dimensions }: { inputs?: number; dimensions?: number } = {},
) {
  const reader = embeddingsReader(inputs, dimensions);
  reader.body(JSON.stringify(answer), 0);
  return reader.result();
}

function base64(...numbers: number[]): string {
  return new Uint8Array(new Float32Array(numbers).buffer).toBase64();
}

function vectors(...all: unknown[]) {
  return {
    object: "list",
    data: all.map((embedding, index) => ({
      object: "embedding",
      index,
      embedding,
    })),
  };
}

Deno.test("embeddingsReader() counts and measures vectors of numbers and in base64", () => {
  const usage = { prompt_tokens: 8, completion_tokens: 0, total_tokens: 8 };
  assert.deepEqual(read({ ...vectors([0.5, -1, 3e-8]), usage }), {
    embeddings: { count: 1, dimensions: 3 },
    usage: { inputTokens: 8 },
  });
  assert.deepEqual(
    read(vectors(base64(1, 2), base64(3, 4), [5, 6]), { inputs: 3 }),
    { embeddings: { count: 3, dimensions: 2 } },
  );
  for (const prompt_tokens of [undefined, 0]) {
    assert.deepEqual(
      read({ ...vectors([1]), usage: { prompt_tokens, total_tokens: 4 } })
        .usage,
      { inputTokens: 4 },
    );
  }
});

Deno.test("embeddingsReader() returns the length of any vector in base64", () => {
  fc.assert(fc.property(
    fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 40 }),
    (numbers) => {
      const { embeddings } = read(vectors(base64(...numbers)));
      assert.equal(embeddings?.dimensions, numbers.length);
    },
  ));
});

const REFUSED: Record<string, readonly [unknown, RegExp, number?]> = {
  "too few vectors": [vectors(), /each of 1 inputs, but has 0/],
  "too many vectors": [vectors([1], [1]), /each of 1 inputs, but has 2/],
  "data that is not a list": [{ data: "none" }, /but has 0/],
  "no data": [{}, /but has 0/],
  "a vector without numbers": [vectors([]), /numbers.*but was \[\]/],
  "a null in place of a number": [vectors([1, null]), /but was \[1,null\]/],
  "no vector": [vectors(null), /but was null/],
  "empty base64": [vectors(""), /in base64, but was ""/],
  "base64 of three bytes": [vectors("AAAA"), /but was "AAAA"/],
  "base64 cut off": [vectors("AAAAAA"), /in base64/],
  "base64 for URLs": [vectors("AA-_AA=="), /in base64/],
  "other dimensions": [
    vectors([1, 2]),
    /3 dimensions, as requested, but one has 2/,
    3,
  ],
};

for (const [what, [answer, message, dimensions]] of Object.entries(REFUSED)) {
  Deno.test(`embeddingsReader() rejects ${what}`, () => {
    const asked = { ...(dimensions !== undefined && { dimensions }) };
    assert.throws(() => read(answer, asked), {
      class: "protocol_error",
      message,
    });
  });
}

Deno.test("embeddingsReader() rejects vectors of several lengths", () => {
  assert.throws(() => read(vectors([1, 2], [1]), { inputs: 2 }), {
    class: "protocol_error",
    message:
      "Invalid answer: each vector must have 2 dimensions, as the first has, but one has 1",
  });
});

Deno.test("embeddingsReader() reports the server's error and rejects streams", () => {
  assert.throws(
    () => read({ error: { message: "too long", code: 400 } }),
    { class: "server_error", code: "400", message: "too long" },
  );
  const reader = embeddingsReader(1, undefined);
  assert.throws(() => reader.event({ data: "{}" }, 0), {
    class: "protocol_error",
  });
  assert.throws(() => reader.event({ data: '{"error":"no memory"}' }, 0), {
    class: "server_error",
    message: "no memory",
  });
  assert.throws(() => reader.result(), { class: "protocol_error" });
});

/** Starts a server that returns the requested number of dimensions, or two. */
function serve({ usage }: { usage?: unknown } = {}) {
  const server = loopback(({ path, body }) => {
    if (path !== "/v1/embeddings") return new Response("", { status: 404 });
    const length = typeof body.dimensions === "number" ? body.dimensions : 2;
    const numbers = Array.from({ length }, () => 0.5);
    const vector = body.encoding_format === "base64"
      ? base64(...numbers)
      : numbers;
    return Response.json({
      ...vectors(...[body.input].flat().map(() => vector)),
      usage,
    });
  });
  const { target } = server;
  return {
    bodies: () =>
      server.got.filter(({ path }) => path === "/v1/embeddings")
        .map(({ body }) => body),
    options: { target, model: "m" },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const dataset = defineDataset({
  name: "texts",
  summary: "",
  options: z.strictObject({ columns: z.custom<Turn["columns"]>() }),
  open: ({ columns }) => ({
    async *sessions() {
      yield { id: "1", turns: [{ columns }] };
    },
  }),
});

async function stageOf(
  options: EmbeddingsOptions,
  columns: Turn["columns"],
): Promise<Report["stages"][number]> {
  const { stages } = await run({
    backend: embeddings(options),
    dataset: dataset({ columns }),
    load: concurrent({ streams: [1] }),
  });
  return stages[0]!;
}

Deno.test("embeddings() sends one text or a batch and counts only vectors and input tokens", async () => {
  await using server = serve({ usage: { prompt_tokens: 6, total_tokens: 6 } });
  const one = await stageOf(server.options, { text: "a" });
  const batch = await stageOf(
    { ...server.options, encodingFormat: "float", dimensions: 3 },
    { texts: ["a", "b", "c"] },
  );
  assert.deepEqual(server.bodies(), [
    { model: "m", input: "a", encoding_format: "base64" },
    {
      model: "m",
      input: ["a", "b", "c"],
      encoding_format: "float",
      dimensions: 3,
    },
  ]);
  for (const [stage, vectors] of [[one, 1], [batch, 3]] as const) {
    const { counts, rates, metrics, tokenCounts } = stage;
    assert.equal(counts.ok, 1, JSON.stringify(stage.failures));
    assert.equal(counts.emptyOutputs, 0);
    assert.equal(metrics["inputTokens"]?.mean, 6);
    assert.deepEqual(tokenCounts, { input: { server: 1 } });
    const { embeddingsPerSecond = 0, requestsPerSecond = 0 } = rates;
    assert.ok(
      Math.abs(embeddingsPerSecond / requestsPerSecond - vectors) < 1e-9,
    );
    for (const name of ["outputTokens", "ttft", "tpot", "ntpot"]) {
      assert.equal(metrics[name], undefined, name);
    }
    assert.equal(rates.outputTokensPerSecond, undefined);
  }
});

Deno.test("embeddings() estimates input tokens that the server does not count, and nothing else", async () => {
  await using server = serve();
  const stage = await stageOf(server.options, {
    texts: ["four", "fourfour"],
  });
  assert.deepEqual(stage.tokenCounts, { input: { characters: 1 } });
  assert.equal(stage.metrics["inputTokens"]?.mean, 3);
  assert.equal(stage.metrics["outputTokens"], undefined);
});

Deno.test("embeddings() lets the body option replace fields except those of the data", async () => {
  await using server = serve();
  await stageOf({
    ...server.options,
    body: { encoding_format: null, user: "u" },
  }, { text: "a" });
  assert.deepEqual(server.bodies(), [{ model: "m", input: "a", user: "u" }]);
  await assert.rejects(
    stageOf({ ...server.options, body: { input: "b" } }, { text: "a" }),
    { name: "UsageError" },
  );
  await assert.rejects(stageOf(server.options, { texts: [] }), {
    message: /texts must contain at least one text, but was \[\]/,
  });
});

Deno.test("embeddings() fulfils the backend contract", async () => {
  await using server = serve();
  const plugin = embeddings(server.options);
  for (const check of checksOf(testBackend, plugin)) await check.run();
});
