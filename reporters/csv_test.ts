import assert from "node:assert/strict";
import { parse } from "csv-parse";
import fc from "fast-check";
import type { Report, Sample } from "../plugins/mod.ts";
import { type Cell, csvRow, visible } from "./safe_text.ts";
import { csvReporter } from "./csv.ts";
import { finish, open, scratch } from "../tests/support/reporters.ts";
import {
  chatReport,
  embeddingsReport,
  failedReport,
  runInfo,
  speechReport,
} from "../tests/support/report.ts";
import { failedSample, goodSample } from "../tests/support/samples.ts";

type Row = Record<string, string>;

function parsed<T>(text: string, columns: boolean): Promise<T[]> {
  return new Promise((resolve, reject) => {
    parse(text, { columns }, (error, rows) => {
      if (error) reject(error);
      else resolve(rows as T[]);
    });
  });
}

async function stages(report: Report): Promise<Row[]> {
  await using folder = await scratch();
  const path = folder.at("x.csv");
  await finish(await open(csvReporter({ path })), report);
  return parsed<Row>(await Deno.readTextFile(path), true);
}

async function requests(samples: readonly Sample[]): Promise<Row[]> {
  await using folder = await scratch();
  const path = folder.at("x.csv");
  const reporter = await open(csvReporter({ path, rows: "requests" }));
  reporter.start?.(runInfo);
  reporter.samples?.(samples);
  await finish(reporter, speechReport);
  return parsed<Row>(await Deno.readTextFile(path), true);
}

function some(row: Row | undefined, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((key) => [key, row?.[key] ?? "none"]));
}

Deno.test("csvReporter() writes a row for each stage", async () => {
  const rows = await stages(speechReport);
  assert.equal(rows.length, 2);
  const expected = {
    "run.id": runInfo.run.id,
    "run.seed": "1",
    backend: "realtime",
    "backend.speed": "1",
    target: "ws://127.0.0.1:41233/v1/realtime",
    model: "voxtral",
    interrupted: "false",
    stage: "1",
    name: "32 streams",
    verdict: "client-limited",
    load: '{"kind":"concurrent","concurrency":32}',
    "load.concurrency": "32",
    "load.ratePerSecond": "",
    "window.endMs": "71211.5",
    "counts.ok": "221",
    "counts.dropped": "3",
    failures:
      "connect_error=5 ready_timeout=2 server_error=1 cancelled=1 dropped=3",
    rtfxAggregate: "28.4",
    wer: "0.123",
    "wer.s": "120",
    "wer.normalizer": "basic",
    "wer.emptyReferenceInsertions": "3",
    cer: "",
    "client.cpu": "1.34",
    "client.chunkLateness.p50": "51.2",
    "client.method": "scheduler",
    "client.queued": "0.002",
    "client.ttftShare.p99": "0.415",
    "client.finalizationShare.maxAtMs": "7010.5",
    "client.rtt.p50": "15.3",
    "client.connectAhead.n": "32",
    "ttftAdjustedForNetwork.p50": "1298",
    "counts.throttled": "1",
    goodput: "5.25",
    "finalization.p50": "870.3",
    "finalization.n": "221",
    "tpot.p50": "",
  };
  assert.deepEqual(some(rows[1], Object.keys(expected)), expected);
});

Deno.test("csvReporter() has the same columns for every run", async () => {
  const heads = [];
  for (const report of [speechReport, chatReport, failedReport]) {
    const [row = {}] = await stages(report);
    heads.push(Object.keys(row));
  }
  assert.deepEqual(heads[1], heads[0]);
  assert.deepEqual(heads[2], heads[0]);
  assert.equal(new Set(heads[0]).size, heads[0]?.length);
});

Deno.test("csvReporter() writes the sources of token counts and the number of vectors", async () => {
  const [chat] = await stages(chatReport);
  assert.equal(chat?.["tokenCounts.input"], "server=4 tokenizer=8");
  assert.equal(
    chat?.["tokenCounts.output"],
    "tokenize=9 deltas=2 characters=1",
  );
  const [vectors] = await stages(embeddingsReport);
  const { embeddingsPerSecond, inputTokensPerSecond } =
    embeddingsReport.stages[0]!.rates;
  assert.deepEqual(
    some(vectors, [
      "embeddingsPerSecond",
      "inputTokensPerSecond",
      "tokenCounts.output",
    ]),
    {
      embeddingsPerSecond: String(embeddingsPerSecond),
      inputTokensPerSecond: String(inputTokensPerSecond),
      "tokenCounts.output": "",
    },
  );
  const [one, good, failed] = await requests([
    {
      ...goodSample,
      input: { texts: 3, images: 2 },
      reads: { count: 1, bytes: 9, events: 5 },
      output: {
        embeddings: { count: 3, dimensions: 8 },
        usage: { inputTokens: 6, countedBy: { input: "characters" } },
      },
    },
    goodSample,
    failedSample,
  ]);
  const expected = {
    "countedBy.input": "characters",
    "countedBy.output": "",
    texts: "3",
    images: "2",
    events: "5",
    embeddings: "3",
    dimensions: "8",
  };
  assert.deepEqual(some(one, Object.keys(expected)), expected);
  assert.equal(good?.["countedBy.output"], "server");
  assert.equal(failed?.["countedBy.input"], "");
});

Deno.test("csvReporter() writes every number of a stage's metrics", async () => {
  const [row = {}] = await stages(speechReport);
  const [stage] = speechReport.stages;
  for (
    const [name, { unit: _, valuesNeeded: _needed, ...summary }] of Object
      .entries(stage!.metrics)
  ) {
    for (const [key, value] of Object.entries(summary)) {
      assert.equal(row[`${name}.${key}`], String(value));
    }
  }
});

Deno.test("csvReporter() writes intervals and arrivals", async () => {
  const [, row = {}] = await stages(speechReport);
  assert.equal(row["withinRun.ttft.p95.lower"], String(0.97 * 1520.064));
  assert.equal(row["withinRun.ttft.p99.lower"], "");
  assert.equal(row["withinRun.requestsPerSecond.upper"], "7.9");
  assert.equal(row["withinRun.wer.lower"], "0.094");
  assert.equal(row["arrivals.dispersion"], "0.31");
});

Deno.test("csvReporter() writes a row for each request of any outcome", async () => {
  const [good, failed] = await requests([goodSample, failedSample]);
  const expected = {
    id: "0",
    session: "clips/a.wav",
    turn: "0",
    phase: "measure",
    status: "ok",
    "failure.class": "",
    "audio.id": "clips/a.wav",
    "audio.ms": "300",
    scheduledMs: "10",
    dispatchedMs: "10.25",
    streamStartMs: "15",
    finalMs: "440",
    endedMs: "441",
    latency: "430.75",
    responseTime: "431",
    ttft: "225",
    scheduleLag: "0.25",
    latencyShare: "",
    finalizationFromEnd: "124",
    outputTokens: "4",
    reads: "4",
    deltas: "3",
    chunks: "4",
    text: "'=so they said",
    reference: 'so "they" said,\nall of them',
  };
  assert.deepEqual(some(good, Object.keys(expected)), expected);
  const rest = {
    turn: "2",
    phase: "warmup",
    status: "error",
    "failure.class": "connect_error",
    "failure.code": "ECONNREFUSED",
    "failure.message": "Connection refused",
    streamStartMs: "",
    ttft: "",
    text: "",
  };
  assert.deepEqual(some(failed, Object.keys(rest)), rest);
  const client = { sendingMs: 0.5, firstTokenMs: 0.25, endMs: 0.125 };
  const [watched] = await requests([
    { ...goodSample, audioSent: [], client },
  ]);
  const shares = {
    ttftShare: "0.75",
    latencyShare: "0.625",
    responseTimeShare: "0.875",
    finalizationShare: "",
  };
  assert.deepEqual(some(watched, Object.keys(shares)), shares);
});

Deno.test("csvReporter() writes only the head without requests", async () => {
  await using folder = await scratch();
  const path = folder.at("x.csv");
  await finish(
    await open(csvReporter({ path, rows: "requests" })),
    failedReport,
  );
  assert.match(await Deno.readTextFile(path), /^id,session,.*reference\r\n$/);
});

Deno.test("csvReporter() reports a full disk at the end", async () => {
  const path = "/dev/full";
  const reporter = await open(csvReporter({ path, rows: "requests" }));
  reporter.samples?.([goodSample]);
  await assert.rejects(finish(reporter, failedReport), /No space left/);
});

Deno.test("csvReporter() rejects an unwritable path before the run", async () => {
  for (const rows of ["stages", "requests"] as const) {
    await assert.rejects(
      open(csvReporter({ path: "/dev/none/x.csv", rows })),
      { name: "UsageError" },
    );
  }
});

Deno.test("csvRow() can be parsed to equal cells, except those that a spreadsheet would run", async () => {
  const cell = fc.oneof(
    // Control characters are escaped, the line separator U+2028 among them.
    fc.string({ unit: "grapheme" }).filter((text) => visible(text) === text),
    fc.constantFrom('"', ",", "a\nb", "=1+1", "-", "@x", "\tx", "a;=b", "＝1"),
  );
  await fc.assert(fc.asyncProperty(
    fc.array(cell, { minLength: 2, maxLength: 5 }),
    async (cells) => {
      const [row] = await parsed<string[]>(csvRow(cells), false);
      const expected = cells.map((text) =>
        /^[=+\-@\t\n＝＋－＠]/.test(text) ? `'${text}` : text
      );
      assert.deepEqual(row, expected);
    },
  ));
});

Deno.test("csvRow() writes unchanged numbers and empty cells", () => {
  const cells: Cell[] = [-1.5, 0, undefined, NaN, Infinity, true, ""];
  assert.equal(csvRow(cells), "-1.5,0,,,,true,\r\n");
});

Deno.test("csvRow() escapes control characters and quotes separators", () => {
  const cells = [
    "\x1b[2Jgone",
    "over\rwritten",
    "a\r\nb",
    "\x9b31m\x7f",
    "\u202e=1",
    "\r=1",
    "a;=1",
    "a\t=1",
  ];
  assert.equal(
    csvRow(cells),
    '\\x1b[2Jgone,over\\x0dwritten,"a\nb",\\x9b31m\\x7f,\\u202e=1,\\x0d=1,"a;=1","a\t=1"\r\n',
  );
});
