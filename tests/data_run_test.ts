// Runs with files of chats and with several datasets: requests on the wire, and the report.

import assert from "node:assert/strict";
import { bytesSource, encodeWav, openDecoders } from "../audio/mod.ts";
import { bundledClips, readClip } from "../clips/mod.ts";
import {
  chat,
  concurrent,
  jsonlManifest,
  realtime,
  run,
  sharegpt,
  transcriptions,
} from "../mod.ts";
import { startServer } from "../server/mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, tempFolder } from "./support/files.ts";
import { sampled } from "./support/sampled.ts";

Deno.test("run replays a ShareGPT conversation with its recorded answers", async () => {
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
    load: concurrent({ streams: [1] }),
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

Deno.test("run combines the columns of several --data; the report names them without secrets", async () => {
  await using folder = await tempFolder({
    "prompts.txt":
      "hello\nthere\n\nno line of the other file is left for this\n",
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
  const { config: { data }, facts: { data: facts } } = run;
  assert.deepEqual(data.map(({ use }: { use: string }) => use), [
    "text",
    "text",
  ]);
  const [prompts, who] = data.map((each: { with: unknown }) => each.with);
  assert.equal(prompts.path, folder.at("prompts.txt"));
  assert.equal(who.path, folder.at("who.json"));
  assert.deepEqual(who.columns, { system: "persona" });
  assert.equal(who.root, "https://***:***@host/");
  assert.equal(facts.items, 2);
  assert.deepEqual(
    facts.datasets.map((each: { columns: unknown }) => each.columns),
    [{ text: "text" }, { system: "persona" }],
  );
});

Deno.test("run skips a record that cannot be read with a warning, and fails if strict", async () => {
  const records = ['"prompt":"a"', '"prompt":x', '"prompt":"b","wer":NaN'];
  await using folder = await tempFolder({
    "p.jsonl": records.map((each) => `{${each}}\n`).join(""),
    "p.json": '[{"prompt":"a"},[],{"prompt":"b","wer":NaN}]',
    "p.csv": "prompt,wer\na,1\nx\nb,NaN\n",
  });
  for (
    const [name, place] of [["p.jsonl", ":2"], ["p.json", "#2"], [
      "p.csv",
      ":3",
    ]]
  ) {
    const args = [
      ...["run", "--backend", "echo", "--data", name!],
      ...["--report", "json=out.json"],
    ];
    const { code, stderr } = await earshot(args, { cwd: folder.path });
    // On a busy machine, it may be client-limited.
    assert.ok(code === 0 || code === 4, stderr);
    assert.match(
      stderr,
      new RegExp(`Skipped "${name}${place}": each (line|record) must`),
    );
    const report = await readReport(folder.path, "out.json");
    assert.equal(report.stages[0].counts.ok, 2);
    assert.equal(report.skipped.count, 1);
    const strict = await earshot([...args, "--strict"], { cwd: folder.path });
    assert.equal(strict.code, 2, strict.stderr);
    assert.match(strict.stderr, new RegExp(`${name}${place}`));
  }
});

Deno.test("run sends the spans of one recording in a manifest as separate clips", async () => {
  const clips = ["short", "question", "numbers"].map((id) =>
    bundledClips.find((clip) => clip.id === id)!
  );
  await using decoders = openDecoders();
  const parts = await Promise.all(clips.map(async (clip) => {
    const source = bytesSource(await readClip(clip), clip.file);
    return await (await decoders.clip(source)).pcm16(16_000);
  }));
  const rows: unknown[] = [];
  let at = 0;
  for (const [i, { length }] of parts.entries()) {
    rows.push({
      audio_filepath: "all.wav",
      offset: at / 16_000,
      duration: length / 16_000,
      text: clips[i]!.transcript,
    });
    at += length;
  }
  const all = Int16Array.from(parts.flatMap((part) => [...part]));
  await using folder = await tempFolder({
    "all.wav": encodeWav(all, 16_000),
    "m.jsonl": rows.map((row) => JSON.stringify(row)).join("\n"),
  });
  await using server = await startServer({ ttftMs: 1, itlMs: 0 });
  const target = server.url;
  for (
    const backend of [
      transcriptions({ target }),
      realtime({ target, speed: 20 }),
    ]
  ) {
    const { report, samples } = await sampled({
      backend,
      dataset: jsonlManifest({ path: folder.at("m.jsonl") }),
      load: concurrent({ streams: [1] }),
    });
    const [stage] = report.stages;
    assert.equal(stage!.counts.ok, 3);
    assert.equal(stage!.quality.wer?.value, 0);
    assert.equal(stage!.quality.wer?.utterances, 3);
    assert.deepEqual(
      samples.map(({ input }) => Math.round(input.audioMs! * 16)),
      parts.map(({ length }) => length),
    );
    const ids = samples.map(({ input }) => input.audioId!);
    assert.equal(new Set(ids).size, 3);
    assert.ok(ids.every((id) => id.startsWith("all.wav#t=")), `${ids}`);
  }
});
