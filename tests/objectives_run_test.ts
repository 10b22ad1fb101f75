// SLOs of a run: results in the report, on the console and in the exit code.

import assert from "node:assert/strict";
import { echo, repeat, run, type RunOptions } from "../mod.ts";
import { concurrent } from "../mod.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, tempFolder } from "./support/files.ts";
import { serve } from "./support/serve.ts";

/** The server answers at once. */
const QUICK = ["ttftMs=0", "itlMs=0", "outputTokens=4"]
  .flatMap((setting) => ["--set", setting]);

/** Chats with a server that answers a share of the requests with status 500; after 503, streams would pause. */
function chats(url: string, ...more: string[]): string[] {
  return [
    "run",
    ...["--backend", `chat=${url},stream=false`],
    ...["--data", "repeat=hello", "--requests", "60", "--quiet"],
    ...more,
  ];
}

Deno.test("run --max-error-rate exits with 3 if a stage has more errors, names it, and stores the SLO", async () => {
  await using folder = await tempFolder();
  await using server = await serve([
    ...QUICK,
    ...["--fault", "status=500@accept~0.8", "--seed", "2"],
  ]);
  const { code, stdout, stderr } = await earshot(
    chats(
      server.url,
      ...["--max-error-rate", "5%", "--load", "concurrent=2,4"],
      ...["--report", "json=out.json", "--report", "jsonl=s.jsonl"],
      ...["--report", "csv=out.csv", "--report", "console"],
    ),
    { cwd: folder.path },
  );
  assert.equal(code, 3, stderr);
  for (const stage of ["2 streams", "4 streams"]) {
    assert.match(
      stderr,
      new RegExp(
        `^earshot: stage "${stage}" missed errorRate<=5%: it was \\d+(\\.\\d+)? % \\(n = 60\\)$`,
        "m",
      ),
    );
  }
  assert.match(
    stdout,
    /^ {4}errorRate<=5% {2}missed {2}\d+(\.\d+)? % \(n = 60\)$/m,
  );
  assert.match(
    stdout,
    /^stage 1 · 2 streams · \d+(\.\d+)? % of requests failed · /m,
    "the first line says that most failed",
  );

  const report = await readReport(folder.path, "out.json");
  assert.deepEqual(report.run.config.slos, ["errorRate<=5%"]);
  for (const { slo, rates, counts } of report.stages) {
    const [objective] = slo;
    assert.deepEqual(slo, [{
      objective: "errorRate<=5%",
      metric: "errorRate",
      limit: 0.05,
      unit: "share",
      value: rates.errorRate,
      n: counts.ok + counts.error + counts.timeout,
      pass: false,
    }]);
    assert.ok(objective.value > 0.5);
  }
  const table = await Deno.readTextFile(folder.at("out.csv"));
  assert.match(table, /,errorRate<=5% missed,/);

  const again = await earshot(
    ["report", "s.jsonl", "--report", "json=again.json", "--quiet"],
    { cwd: folder.path },
  );
  assert.deepEqual([again.code, again.stdout], [3, ""]);
  assert.equal(
    await Deno.readTextFile(folder.at("again.json")),
    await Deno.readTextFile(folder.at("out.json")),
  );

  // Other SLOs judge the samples and the report alike.
  for (const [file, out] of [["s.jsonl", "a.json"], ["out.json", "b.json"]]) {
    const judged = await earshot([
      ...["report", file!, "--report", `json=${out}`, "--quiet"],
      ...["--slo", "errorRate<99.9%", "--slo", "wer<8%"],
    ], { cwd: folder.path });
    assert.equal(judged.code, 3);
    assert.equal(
      judged.stderr,
      ["2 streams", "4 streams"].map((stage) =>
        `earshot: stage "${stage}" missed wer<8%: no request of the stage has a value of wer\n`
      ).join(""),
    );
  }
  const judged = await Deno.readTextFile(folder.at("b.json"));
  assert.equal(judged, await Deno.readTextFile(folder.at("a.json")));
  const { run: { config } } = JSON.parse(judged);
  assert.deepEqual(config.slos, ["errorRate<99.9%", "wer<8%"]);
});

Deno.test("report shows a saved report, and asks for the samples where it needs them", async () => {
  await using folder = await tempFolder();
  const ran = async (...args: string[]) =>
    await earshot(args, { cwd: folder.path });
  // On a busy machine, echo is faster than its client, and the verdict of the run is that of its report.
  const { code, stdout } = await ran(
    ...["run", "--backend", "echo", "--data", "repeat=hello"],
    ...["--requests", "20", "--report", "json=run.json", "--report", "console"],
  );
  const shown = await ran("report", "run.json");
  assert.ok(code === 0 || code === 4, stdout);
  assert.deepEqual([shown.code, shown.stderr], [code, ""]);
  assert.equal(shown.stdout, stdout);
  const met = await ran("report", "run.json", "--slo", "latency.p50<1s");
  assert.equal(met.code, code);
  assert.match(met.stdout, /^ {4}latency\.p50<1s {2}met /m);
  for (
    const more of [
      ["--normalizer", "none"],
      ["--report", "csv=rows.csv,rows=requests"],
      ["--report", "jsonl=again.jsonl"],
    ]
  ) {
    const { code, stderr } = await ran("report", "run.json", ...more);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^earshot: run\.json: is a report, which does not contain samples; use a file that a run saved with --report jsonl=FILE$/m,
    );
  }
  const wrong = await ran("report", "run.json", "--slo", "tftt.p95<200ms");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--slo.*"tftt\.p95<200ms": .*did you mean/s);
  const folderGiven = await ran("report", ".");
  assert.equal(folderGiven.code, 2);
  assert.match(folderGiven.stderr, /^earshot: cannot read \.: /);
});

Deno.test("run exits with 0 without a limit whatever the error rate, and with a limit that is met", async () => {
  await using folder = await tempFolder();
  await using server = await serve([
    ...QUICK,
    ...["--fault", "status=500@accept~0.5", "--seed", "2"],
  ]);
  const ran = async (...more: string[]) =>
    (await earshot(
      chats(server.url, "--report", "json=out.json", ...more),
      { cwd: folder.path },
    )).code;
  // On a busy machine, the exit code may be 4, but a missed limit comes before it.
  assert.ok([0, 4].includes(await ran()));
  assert.equal(
    "slo" in (await readReport(folder.path, "out.json")).stages[0],
    false,
  );
  assert.ok([0, 4].includes(await ran("--max-error-rate", "0.95")));
  assert.equal(await ran("--max-error-rate", "0.1"), 3);
});

Deno.test("run() accepts maxErrorRate from code, and misses it if no request ended", async () => {
  const options: RunOptions = {
    backend: echo({}),
    dataset: repeat({ text: "hello" }),
    load: concurrent({ streams: [1] }),
    stop: { requests: 20 },
    maxErrorRate: 0,
  };
  const [good] = (await run(options)).stages;
  assert.deepEqual(good?.slo, [{
    objective: "errorRate<=0%",
    metric: "errorRate",
    limit: 0,
    unit: "share",
    value: 0,
    n: 20,
    pass: true,
  }]);
  const hung = await run({
    ...options,
    backend: echo({ delayMs: 60_000 }),
    stop: { durationMs: 50, drainMs: 0 },
  });
  assert.deepEqual(hung.stages[0]?.slo, [{
    objective: "errorRate<=0%",
    metric: "errorRate",
    limit: 0,
    unit: "share",
    n: 0,
    pass: false,
    reason: "no request of the stage has a value of errorRate",
  }]);
  await assert.rejects(run({ ...options, maxErrorRate: 5 }), {
    name: "UsageError",
    message: "maxErrorRate must be between 0 and 1, but was 5",
  });
});

Deno.test("run of four requests never reports an invalid measurement", async () => {
  await using folder = await tempFolder();
  const { code, stdout, stderr } = await earshot([
    "run",
    ...["--backend", "echo=1", "--data", "repeat=hello", "--requests", "4"],
    ...["--report", "json=out.json"],
  ], { cwd: folder.path });
  assert.equal(code, 0, stderr);
  const { verdict } = (await readReport(folder.path, "out.json")).stages[0];
  assert.equal(verdict.status, "too-few-samples");
  assert.match(verdict.reasons[0], /^only 4 requests succeeded/);
  assert.match(stdout, /verdict {2}too-few-samples\n +only 4 requests/);
});
