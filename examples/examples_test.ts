import assert from "node:assert/strict";
import { concurrent, repeat, run } from "../mod.ts";
import { catalogue } from "../catalogue.ts";
import { loadPlugin } from "../plugins/load.ts";
import { backendChecks, reporterChecks } from "../plugins/testing/mod.ts";

const here = (file: string) => new URL(file, import.meta.url).href;

Deno.test("http_post_backend.ts keeps what a backend promises, and takes part in a run", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => new Response(`You said ${await request.text()}`),
  );
  const url = `http://127.0.0.1:${server.addr.port}/answer`;
  const plugin = await loadPlugin("backend", here("./http_post_backend.ts"), {
    catalogue,
  });
  for (const check of backendChecks(plugin({ url }))) await check.run();
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

Deno.test("slowest_reporter.ts keeps what a reporter promises", async () => {
  const plugin = await loadPlugin("reporter", here("./slowest_reporter.ts"), {
    catalogue,
  });
  for (const check of reporterChecks(plugin({ count: 2 }))) await check.run();
});
