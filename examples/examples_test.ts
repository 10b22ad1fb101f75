import assert from "node:assert/strict";
import { catalogue } from "../catalogue.ts";
import { concurrent, type Kind, loadPlugin, repeat, run } from "../mod.ts";
import {
  testBackend,
  testDataset,
  testDialect,
  testLoad,
  testReporter,
} from "../plugins/testing/mod.ts";
import { type Check, checksOf } from "../tests/support/checks.ts";

const load = <K extends Kind>(kind: K, file: string) =>
  loadPlugin(kind, new URL(file, import.meta.url).href, { catalogue });

async function pass(checks: readonly Check[]): Promise<void> {
  for (const check of checks) await check.run();
}

Deno.test("http_post_backend.ts passes its suite and takes part in a run", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => new Response(`You said ${await request.text()}`),
  );
  const url = `http://127.0.0.1:${server.addr.port}/answer`;
  const plugin = await load("backend", "./http_post_backend.ts");
  await pass(checksOf(testBackend, plugin({ url })));
  const report = await run({
    backend: plugin({ url }),
    dataset: repeat({ text: "hello" }),
    load: concurrent({ streams: [2] }),
    stop: { requests: 6 },
  });
  assert.equal(report.stages[0]?.counts.ok, 6);
  await assert.rejects(
    plugin({ url: "nowhere" }).open({
      env: () => undefined,
      signal: new AbortController().signal,
      warn() {},
    }),
    /url must be a URL.* nowhere/,
  );
});

Deno.test("countdown_dataset.ts passes its suite", async () => {
  const plugin = await load("dataset", "./countdown_dataset.ts");
  await pass(checksOf(testDataset, plugin({ from: 3 })));
});

Deno.test("binary_dialect.ts passes its suite", async () => {
  const plugin = await load("dialect", "./binary_dialect.ts");
  const results = (text: string, isFinal: boolean) =>
    JSON.stringify({ type: "Results", text, isFinal });
  await pass(checksOf(testDialect, plugin({}), {
    messages: [
      results("hello", false),
      results("hello", true),
      results("wor", false),
      results("world", true),
      JSON.stringify({ type: "Finalized" }),
    ],
    transcript: "hello world",
  }));
});

Deno.test("doubling_load.ts passes its suite and stops at a missed SLO", async () => {
  const plugin = await load("load", "./doubling_load.ts");
  const options = { from: 100, stages: 3 };
  await pass(
    checksOf(testLoad, plugin(options), { invalid: [plugin({ from: 0 })] }),
  );
  const backend = await load("backend", "./http_post_backend.ts");
  const offer = (url: string) =>
    run({
      backend: backend({ url }),
      dataset: repeat({ text: "hello" }),
      load: plugin(options),
      stop: { requests: 5 },
      maxErrorRate: 0,
    });
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => new Response("", { status: url.endsWith("/ok") ? 200 : 503 }),
  );
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const good = await offer(`${origin}/ok`);
  assert.deepEqual(
    good.stages.map(({ load }) => load.ratePerSecond),
    [100, 200, 400],
  );
  assert.equal((await offer(`${origin}/failing`)).stages.length, 1);
});

Deno.test("slowest_reporter.ts passes its suite", async () => {
  const plugin = await load("reporter", "./slowest_reporter.ts");
  await pass(checksOf(testReporter, plugin({ count: 2 })));
});

Deno.test("docs/plugins.md shows the examples as they are", async () => {
  const read = (file: string) =>
    Deno.readTextFile(new URL(file, import.meta.url));
  // The name of the module is longer in the docs, where the formatter may break the line.
  const unbroken = (text: string) =>
    text.replace(/\s+/g, " ").replace(/, \}/g, " }");
  const docs = unbroken(await read("../docs/plugins.md"));
  for (
    const file of [
      "./binary_dialect.ts",
      "./countdown_dataset.ts",
      "./doubling_load.ts",
    ]
  ) {
    const code = (await read(file)).replace(/^\/\/.*\n/gm, "")
      .replace("../plugins/mod.ts", "@earshot/earshot/plugin");
    assert.ok(docs.includes(unbroken("```ts\n" + code + "```")), file);
  }
});
