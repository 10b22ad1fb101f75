// What files of chats and several datasets together come to on the wire and in the report.

import assert from "node:assert/strict";
import { chat, concurrent, run, sharegpt } from "../mod.ts";
import { startServer } from "../server/mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, tempFolder } from "./support/files.ts";

Deno.test("a ShareGPT conversation is replayed with the answers that were recorded", async () => {
  const conversations = [
    { from: "system", value: "Be brief" },
    { from: "human", value: "One?" },
    { from: "gpt", value: "Uno, and some more words" },
    { from: "human", value: "Two?" },
    { from: "gpt", value: "Dos" },
  ];
  await using folder = await tempFolder({
    "s.json": JSON.stringify([{ id: "a", conversations }]),
  });
  await using server = await startServer({ ttftMs: 1, itlMs: 1 });
  const bodies: Record<string, unknown>[] = [];
  await using front = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const body = request.method === "POST" ? await request.text() : null;
      if (body !== null) bodies.push(JSON.parse(body));
      const { method, headers } = request;
      return await fetch(server.url + pathname, { method, headers, body });
    },
  );
  const report = await run({
    backend: chat({
      target: `http://127.0.0.1:${front.addr.port}`,
      history: "scripted",
    }),
    dataset: sharegpt({ path: folder.at("s.json") }),
    load: concurrent([1]),
  });
  assert.equal(report.stages[0]!.counts.ok, 2);
  const first = [
    { role: "system", content: "Be brief" },
    { role: "user", content: "One?" },
  ];
  assert.deepEqual(bodies.map(({ messages }) => messages), [
    first,
    [
      ...first,
      { role: "assistant", content: "Uno, and some more words" },
      { role: "user", content: "Two?" },
    ],
  ]);
  assert.deepEqual(
    bodies.map((body) => body["max_completion_tokens"]),
    [6, 1],
  );
});

Deno.test("run puts the columns of several --data together, and the report says so without secrets", async () => {
  await using folder = await tempFolder({
    "prompts.txt": "hello\nthere\n\nnobody hears this\n",
    "who.json": JSON.stringify({ persona: ["A pirate", "A poet"] }),
  });
  const { code, stderr } = await earshot([
    "run",
    ...["--backend", "echo", "--report", "json=out.json"],
    ...["--data", "prompts.txt"],
    ...["--data", "who.json,columns.system=persona,root=https://u:pw@host/"],
  ], { cwd: folder.path });
  assert.equal(code, 0, stderr);
  const { run, stages } = await readReport(folder.path, "out.json");
  assert.equal(stages[0].counts.ok, 2);
  const { name, options, facts } = run.config.dataset;
  assert.equal(name, "zip");
  assert.deepEqual(options, [
    { name: "text", options: { path: "prompts.txt" } },
    {
      name: "text",
      options: {
        path: "who.json",
        columns: { system: "persona" },
        root: "https://***:***@host/",
      },
    },
  ]);
  assert.equal(facts.items, 2);
  assert.deepEqual(
    facts.datasets.map((each: { columns: unknown }) => each.columns),
    [{ text: "text" }, { system: "persona" }],
  );
});
