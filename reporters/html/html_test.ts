import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { runInNewContext } from "node:vm";
import { Buffer } from "node:buffer";
import type { Report, Sample } from "../../plugins/mod.ts";
import { testRun } from "../../plugins/testing/reporter.ts";
import { finish, open, scratch } from "../../tests/support/reporters.ts";
import { failedSample, goodSample } from "../../tests/support/samples.ts";
import { htmlReporter, MAX_SIZE } from "./html.ts";
import type { PageData } from "./page_data.ts";

const { info, samples, report } = testRun();

async function write(
  report: Report,
  batches: readonly (readonly Sample[])[] = [samples],
): Promise<string> {
  await using folder = await scratch();
  const path = folder.at("run.html");
  const reporter = await open(htmlReporter({ path }));
  reporter.start?.(info);
  for (const batch of batches) reporter.samples?.(batch);
  await finish(reporter, report);
  return await Deno.readTextFile(path);
}

function dataIn(html: string): PageData {
  const [, packed = ""] = /id="data">([^<]*)</.exec(html)!;
  return JSON.parse(gunzipSync(Buffer.from(packed, "base64")).toString());
}

Deno.test("htmlReporter() writes one file that requests nothing", async () => {
  const html = await write(report);
  assert.ok(html.length < MAX_SIZE);
  assert.doesNotMatch(
    html,
    /<(?:link|script|img|iframe)[^>]+(?:src|href)="(?!data:,)/,
  );
  assert.match(html, /default-src 'none'/);
  assert.doesNotMatch(html, /unsafe-eval|script-src[^;]*unsafe-inline/);
  assert.equal(html.match(/<script/g)!.length, 3);
  const data = dataIn(html);
  assert.equal(data.stages[0]!.report!.name, "1 stream");
  assert.equal(data.stages[0]!.details!.requests.length, 3);
});

Deno.test("htmlReporter() allows exactly the scripts of the page by their hashes", async () => {
  const html = await write(report);
  const hashes = [...html.matchAll(/'sha256-([^']+)'/g)].map(([, hash]) =>
    hash
  );
  const [, script = ""] = /<script>([^]*)<\/script>/.exec(html)!;
  const [, charts = ""] = /id="echarts">([^<]*)</.exec(html)!;
  const library = gunzipSync(Buffer.from(charts, "base64")).toString();
  const hashOf = async (text: string) => {
    const bytes = new TextEncoder().encode(text);
    const hash = await crypto.subtle.digest("SHA-256", bytes);
    return new Uint8Array(hash).toBase64();
  };
  assert.deepEqual(hashes, [await hashOf(script), await hashOf(library)]);
});

Deno.test("htmlReporter() writes a script that can be parsed, with every module once", async () => {
  const [, script = ""] = /<script>([^]*)<\/script>/.exec(await write(report))!;
  runInNewContext(`() => {${script}}`); // parses it, and does not call it
  const names = [...script.matchAll(/^modules\["\.\/(\w+\.ts)"\]/gm)]
    .map(([, name]) => name!);
  const files: string[] = [];
  const folder = new URL("../../report_page/", import.meta.url);
  for await (const { name } of Deno.readDir(folder)) {
    if (/(?<!_test)\.ts$/.test(name)) files.push(name);
  }
  assert.deepEqual(names.sort(), files.sort());
});

Deno.test("htmlReporter() writes the same bytes for the same samples", async () => {
  const [a, b] = [
    await write(report, [samples]),
    await write(report, samples.toReversed().map((sample) => [sample])),
  ];
  assert.equal(a, b);
});

const HOSTILE =
  "</script><script>alert(1)</script><!-- \u202e\u2028\ud800\x00\x1b]0;x\x07 {b|x} ${x} \u0627";

Deno.test("htmlReporter() keeps hostile texts out of the markup, and cuts long ones", async () => {
  const message = HOSTILE + "x".repeat(1_000_000);
  const failure = { class: HOSTILE, code: HOSTILE, message };
  const hostile: Sample = {
    ...failedSample,
    phase: "measure",
    session: { id: HOSTILE, turn: 0 },
    outcome: { status: "error", failure },
  };
  const talk: Sample = {
    ...goodSample,
    id: 2,
    input: { audioMs: 100, audioId: HOSTILE, reference: HOSTILE },
    output: { text: message },
    deltas: [{ atMs: 240, kind: "text", text: message }],
  };
  const [stage] = report.stages;
  const html = await write({
    ...report,
    error: message,
    stages: [{
      ...stage!,
      name: HOSTILE,
      notes: [message],
      failures: [{ ...failure, count: 1 }],
    }],
    skipped: { count: 1, items: [{ id: HOSTILE, reason: message }] },
  }, [[hostile, talk]]);
  assert.equal(html.match(/<script/g)!.length, 3);
  assert.ok(!html.includes("alert(1)"));
  const data = dataIn(html);
  const text = JSON.stringify(data);
  assert.doesNotMatch(text, /[\u202e\u2028]|\\u0000|\\u001b|\\ud800/);
  assert.match(data.end!.error!, /… \(\d+ more characters\)$/);
  assert.ok(text.length < 60_000, `${text.length}`);
  assert.ok(html.length < MAX_SIZE);
});

Deno.test("htmlReporter() stays below its size for a run of many stages", async () => {
  const list = Array.from({ length: 1000 }, (_, i) => Math.sqrt(i + 0.123));
  const stages = Array.from({ length: 600 }, (_, i) => ({
    ...report.stages[0]!,
    name: `stage ${i}`,
    series: {
      startMs: 0,
      widthMs: 1000,
      requestsPerSecond: list,
      errors: list,
      inFlight: list,
    },
  }));
  const batches = Array.from(
    { length: 30 },
    (_, stage) =>
      Array.from({ length: 300 }, (_, id): Sample => ({
        ...goodSample,
        id: stage * 1000 + id,
        stage,
        session: { id: `session ${(id * 7919) % 1000}`, turn: 0 },
        endedMs: 441 + Math.sqrt(id),
      })),
  );
  const html = await write({ ...report, stages }, batches);
  assert.ok(html.length < MAX_SIZE, `${html.length}`);
  const data = dataIn(html);
  assert.equal(data.stages.length, 400);
  assert.equal(data.stagesLeftOut, 200);
});

Deno.test("htmlReporter() rejects an unwritable path before the run", async () => {
  await assert.rejects(open(htmlReporter({ path: "/dev/none/x.html" })), {
    name: "UsageError",
    message: /path must be a writable file, but was '\/dev\/none\/x\.html'/,
  });
});
