import assert from "node:assert/strict";
import { concurrent } from "../../core/load.ts";
import { run } from "../../plugins/run.ts";
import { backendChecks } from "../../plugins/testing.ts";
import { defineDataset, type Turn } from "../../plugins/mod.ts";
import { z } from "zod";
import { responses } from "./responses.ts";

/** A server that answers each input with `n`, the number of items in it, by deltas or whole. */
function serve() {
  const bodies: Record<string, unknown>[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const body = await request.json();
      bodies.push(body);
      const text = `${body.input.length} items`;
      const response = {
        id: `resp_${bodies.length}`,
        status: "completed",
        output: [{
          type: "message",
          content: [{ type: "output_text", text }],
        }],
        usage: { input_tokens: 9, output_tokens: 2 },
      };
      if (!body.stream) return Response.json(response);
      const events = [
        ["response.created", {}],
        ...text.split(/(?= )/).map((delta) => [
          "response.output_text.delta",
          { delta },
        ]),
        ["response.completed", { response }],
      ].map(([type, fields]) =>
        `event: ${type}\ndata: ${
          JSON.stringify({ type, ...fields as object })
        }\n\n`
      );
      return new Response(events.join(""), {
        headers: { "content-type": "text/event-stream" },
      });
    },
  );
  const target = `http://127.0.0.1:${server.addr.port}`;
  return {
    bodies,
    options: { target, model: "m", healthPath: "off" as const },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const dataset = defineDataset({
  name: "talk",
  summary: "",
  options: z.strictObject({ turns: z.array(z.custom<Turn>()) }),
  open: ({ turns }) => ({
    async *sessions() {
      yield { id: "talk", turns };
    },
  }),
});

Deno.test("responses() talks to a server by turns, streamed and whole", async () => {
  await using server = serve();
  for (const stream of [true, false]) {
    const turns = ["a", "b"].map((text) => ({ columns: { text } }));
    const report = await run({
      backend: responses({ ...server.options, stream }),
      dataset: dataset({ turns }),
      load: concurrent([1]),
    });
    const { counts, metrics, tokenCounts } = report.stages[0]!;
    assert.equal(counts.ok, 2, JSON.stringify(report.stages[0]?.failures));
    assert.equal(metrics["ttft"]?.n, stream ? 2 : undefined);
    assert.equal(metrics["itl"]?.n, stream ? 2 : undefined);
    assert.equal(metrics["outputTokens"]?.mean, 2);
    assert.deepEqual(tokenCounts?.output, { server: 2 });
  }
  const lengths = server.bodies.map(({ input }) => (input as unknown[]).length);
  assert.deepEqual(lengths, [1, 3, 1, 3]);
});

for (const stream of [true, false]) {
  Deno.test(`responses() keeps every promise of a backend, with stream=${stream}`, async () => {
    await using server = serve();
    const plugin = responses({ ...server.options, stream });
    for (const check of backendChecks(plugin)) await check.run();
  });
}
