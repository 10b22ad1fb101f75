import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import {
  type Report,
  type StageReport,
  UsageError,
} from "../../plugins/mod.ts";
import { assertGolden } from "../../tests/support/golden.ts";
import {
  chatReport,
  embeddingsReport,
  failedReport,
  goodStage,
  halfFailedReport,
  oneStageReport,
  repeatedReport,
  searchReport,
  speechReport,
  uploadReport,
} from "../../tests/support/report.ts";
import { context, open, reportInto } from "../../tests/support/reporters.ts";
import { consoleReporter, renderReport } from "./console.ts";
import { displayWidth } from "./format.ts";

async function printed(work: () => void | Promise<void>): Promise<string> {
  const { writeSync } = Deno.stdout;
  const decoder = new TextDecoder();
  let text = "";
  Deno.stdout.writeSync = (bytes) => {
    const some = bytes.subarray(0, 1000);
    text += decoder.decode(some, { stream: true });
    return some.length;
  };
  try {
    await work();
  } finally {
    Deno.stdout.writeSync = writeSync;
  }
  return text;
}

Deno.test("consoleReporter() prints the report in as many writes as necessary", async () => {
  const reporter = await open(consoleReporter({ color: "never" }));
  const text = await printed(() => reporter.report(oneStageReport));
  assert.equal(text, renderReport(oneStageReport));
});

Deno.test("consoleReporter() uses colour always or unless NO_COLOR is set", async () => {
  const always = await open(consoleReporter({ color: "always" }));
  const text = await printed(() => always.report(oneStageReport));
  assert.notEqual(text, stripVTControlCharacters(text));

  const env = (name: string) => name === "NO_COLOR" ? "1" : undefined;
  const auto = await consoleReporter({}).open({ ...context, env });
  const plain = await printed(() => auto.report(oneStageReport));
  assert.equal(plain, renderReport(oneStageReport));
});

Deno.test("consoleReporter() waits while standard output is full", async () => {
  const reporter = await open(consoleReporter({ color: "never" }));
  let full = 2;
  const text = await printed(async () => {
    const { writeSync } = Deno.stdout;
    Deno.stdout.writeSync = (bytes) => {
      if (full-- > 0) throw new Deno.errors.WouldBlock("full");
      return writeSync(bytes);
    };
    await reporter.report(oneStageReport);
  });
  assert.equal(text, renderReport(oneStageReport));
});

Deno.test("consoleReporter() rejects a width below that of its tables", async () => {
  await assert.rejects(open(consoleReporter({ width: 40 })), UsageError);
});

Deno.test("consoleReporter() writes every byte to a slow reader", async () => {
  const { code, printed, errors } = await reportInto(
    "console",
    "(sleep 0.3; cat) | wc -l",
  );
  assert.equal(code, 0, errors);
  assert.ok(Number(printed) > 4000, printed);
});

Deno.test("consoleReporter() succeeds if its reader closes the pipe", async () => {
  const { code, printed, errors } = await reportInto("console", "head -1");
  assert.equal(code, 0, errors);
  assert.match(printed, /^earshot 0\.1\.0/);
  assert.equal(errors, "");
});

const reports: Record<string, Report> = {
  one_stage: oneStageReport,
  two_stages: speechReport,
  failed: failedReport,
  half_failed: halfFailedReport,
  chat: chatReport,
  embeddings: embeddingsReport,
  upload: uploadReport,
  search: searchReport,
  repeated: repeatedReport,
};

for (const [name, report] of Object.entries(reports)) {
  Deno.test(`renderReport() formats ${name} as its golden file`, async () => {
    await assertGolden(`${name}.txt`, renderReport(report));
  });

  Deno.test(`renderReport() keeps ${name} under 80 columns, or 100 with intervals`, () => {
    const hasIntervals = report.stages.some((stage) =>
      stage.withinRunIntervals
    );
    for (const line of renderReport(report).split("\n")) {
      assert.ok(displayWidth(line) < (hasIntervals ? 100 : 80), line);
    }
  });

  Deno.test(`renderReport() changes only the colour of ${name}`, () => {
    const colored = renderReport(report, { color: true });
    assert.notEqual(colored, renderReport(report));
    assert.equal(stripVTControlCharacters(colored), renderReport(report));
  });
}

Deno.test("renderReport() prints the reason in place of a table if no request succeeded", () => {
  const text = renderReport(failedReport, { width: 200 });
  assert.doesNotMatch(text, /p50/);
  assert.match(
    text,
    /\nfailed {2}no request succeeded: 12 of 12 connect_error: Connection .*\n$/,
  );
});

Deno.test("renderReport() reports that no stage began", () => {
  const text = renderReport({ ...oneStageReport, stages: [] });
  assert.match(text, /No stage began/);
});

Deno.test("renderReport() shows the RTFx of uploaded speech and no pace", () => {
  const text = renderReport(uploadReport);
  assert.match(text, /\n {2}RTFx +62 +6\.41 /);
  assert.match(text, /\n {2}speech {2}RTFx 52x · WER /);
  assert.doesNotMatch(
    text,
    /speed|paced|chunk lateness|first event|TTFT from dispatch/,
  );
});

Deno.test("renderReport() compares cancelled and dropped requests if there are any", () => {
  const [stage] = chatReport.stages;
  const calm = { ...stage!, counts: { ...stage!.counts, cancelled: 0 } };
  const rowsOf = (stages: Report["stages"]) =>
    renderReport({ ...chatReport, stages }, { width: 120 }).split(
      "\nstages ",
    )[1]!
      .split("\n").slice(1).map((line) =>
        line.trim().split(/ {2,}/).slice(0, 4)
      );
  assert.deepEqual(rowsOf([calm, stage!]).slice(0, 3), [
    ["stage", "ok", "failed", "cancelled"],
    ["poisson 200/s", "12", "0", "0"],
    ["poisson 200/s", "12", "0", "2"],
  ]);
  const dropping = { ...calm, counts: { ...calm.counts, dropped: 64 } };
  assert.deepEqual(rowsOf([dropping, calm]).slice(0, 3), [
    ["stage", "ok", "failed", "dropped"],
    ["poisson 200/s", "12", "0", "64"],
    ["poisson 200/s", "12", "0", "0"],
  ]);
  assert.equal(rowsOf([calm, calm])[0]?.[3], "TTFT");
});

Deno.test("renderReport() labels error rates quality without speech", () => {
  assert.match(renderReport(chatReport), /\n {2}quality WER 6\.3 %/);
  assert.doesNotMatch(renderReport(chatReport), /speech/);
  assert.doesNotMatch(renderReport(oneStageReport), /quality/);
});

Deno.test("renderReport() marks percentiles that need more values", () => {
  const stage = {
    ...goodStage,
    metrics: { ttft: { ...goodStage.metrics["ttft"]!, n: 19 } },
  };
  const text = renderReport({ ...oneStageReport, stages: [stage] });
  assert.match(text, /TTFT +19 +412 +462 +478~ +503~ +519\n/);
  assert.match(
    text,
    /~ too few values: p50 needs 2, p90 needs 10, p95 needs 20, p99 needs 100\n/,
  );
});

Deno.test("renderReport() marks the median of a single value", () => {
  for (const [n, mark] of [[1, "~"], [2, " "]] as const) {
    const stage = {
      ...goodStage,
      metrics: { ttft: { ...goodStage.metrics["ttft"]!, n } },
    };
    const text = renderReport({ ...oneStageReport, stages: [stage] });
    assert.match(text, new RegExp(`TTFT +${n} +412${mark} +462~`));
  }
});

Deno.test("renderReport() marks nothing if every percentile has enough values", () => {
  const ttft = goodStage.metrics["ttft"]!;
  const stage = { ...goodStage, metrics: { ttft: { ...ttft, n: 100 } } };
  const text = renderReport({ ...oneStageReport, stages: [stage] });
  assert.doesNotMatch(text, /~/);
  assert.match(
    text,
    / schedule lag p99 0\.3 ms \(n 62\) · chunk lateness p99 0\.5 ms\n/,
  );
});

Deno.test("renderReport() removes control characters from texts of a server", () => {
  const text = renderReport(speechReport);
  // deno-lint-ignore no-control-regex -- these must not be there
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

Deno.test("renderReport() wraps to the given width", () => {
  const wide = renderReport(oneStageReport, { width: 200 });
  assert.equal(wide.split("\n")[0]?.includes("seed 1"), true);
});

/** Formats a report of one stage with changed fields. */
function withStage(stage: Partial<StageReport>, width = 79): string {
  const report = { ...oneStageReport, stages: [{ ...goodStage, ...stage }] };
  return renderReport(report, { width });
}

Deno.test("renderReport() shows the end of failures and skip reasons", () => {
  const remedy = "raise the limit by ulimit -n or use more machines";
  const message = `${
    "Too many open files in this process. ".repeat(3)
  }: ${remedy}`;
  const text = renderReport({
    ...oneStageReport,
    stages: [{
      ...goodStage,
      counts: { ...goodStage.counts, error: 2, failures: { connect_error: 2 } },
      failures: [{ class: "connect_error", code: "EMFILE", message, count: 2 }],
    }],
    skipped: { count: 1, items: [{ id: "a.wav", reason: message }] },
  });
  assert.equal(text.replace(/\s+/g, " ").split(remedy).length, 3);
  for (const line of text.split("\n")) assert.ok(displayWidth(line) < 80, line);
});

Deno.test("renderReport() shows both ends of a long message within the width", () => {
  const message = `Begins ${"x".repeat(50_000)} and ends so`;
  const text = withStage({
    failures: [{ class: "server_error", message, count: 1 }],
  });
  assert.ok(text.length < 5000);
  assert.match(text, /server_error: Begins/);
  assert.match(text.replace(/\s+/g, " "), /x … x[x ]+ and ends so /);
  for (const line of text.split("\n")) assert.ok(displayWidth(line) < 80, line);
});

Deno.test("renderReport() reports in the first line of a stage that most requests failed", () => {
  const first = (errorRate: number) =>
    withStage({ rates: { ...goodStage.rates, errorRate } })
      .split("\n").find((line) => line.startsWith("8 streams"));
  assert.match(first(0.857)!, /^8 streams · 85\.7 % of requests failed · /);
  assert.doesNotMatch(first(0.5)!, /failed/);
});

Deno.test("renderReport() shows what the client added, the network and the notes", () => {
  const share = {
    ...goodStage.metrics["latency"]!,
    added: { p50: 0.2, p90: 0.9, p99: 1.14 },
  };
  const text = withStage({
    client: {
      ...goodStage.client,
      ttftShare: { ...share, n: 40, maxAtMs: 3 },
      rtt: { ...share, n: 10, min: 0.41 },
      connectAhead: { ...share, n: 8 },
    },
    counts: { ...goodStage.counts, error: 5, throttled: 3 },
    notes: ["the window is short"],
  });
  assert.match(
    text,
    / {2}client {2}adds ≤ 0\.2 ms to TTFT p50, ≤ 1\.1 ms to p99 \(n 40\)/,
  );
  assert.match(
    text,
    / {2}network RTT 0\.4 ms \(fastest of 10\)\n {10}8 connections opened ahead/,
  );
  assert.match(text, / {2}note {4}the window is short\n/);
  assert.match(text, /\n5 failed \(3 throttled\)\n/);
});

Deno.test("renderReport() shows SLOs, also without data or a successful request", () => {
  const slo = {
    objective: "errorRate<=5%",
    metric: "errorRate",
    limit: 0.05,
    unit: "share",
  } as const;
  assert.match(
    withStage({ slo: [{ ...slo, value: 0.031, n: 40, pass: true }] }),
    /\n {2}slo {5}errorRate<=5% {2}3\.1 % \(n = 40\) {2}met\n/,
  );
  const failed = withStage({
    slo: [{ ...slo, n: 0, pass: false }],
    verdict: {
      status: "failed",
      reasons: ["no request succeeded: none ended", "40 of 40 failed here"],
    },
  });
  assert.match(
    failed,
    /\nfailed {2}no request succeeded: none ended\n {8}40 of 40 failed here\n {2}slo {5}errorRate<=5% {2}no data {2}missed\n$/,
  );
});

Deno.test("renderReport() names plugins from files as they name themselves, or after the file", () => {
  const use = "/plugins/backend.ts";
  const { run } = oneStageReport;
  const config = { ...run.config, backend: { use, with: {} } };
  const header = (names?: Record<string, string>) =>
    renderReport({
      ...oneStageReport,
      run: { ...run, config, facts: { ...(names && { names }) } },
    }).split("\n")[0]!;
  assert.match(header({ [use]: "my-backend" }), / · my-backend · /);
  assert.match(header(), / · backend\.ts · /);
});

Deno.test("renderReport() aligns the columns of several SLOs", () => {
  const text = withStage({
    slo: [
      {
        objective: "ttft.p95<200ms",
        metric: "ttft",
        quantile: "p95",
        limit: 200,
        unit: "ms",
        value: 685.4,
        n: 40,
        pass: false,
      },
      {
        objective: "errorRate<=1%",
        metric: "errorRate",
        limit: 0.01,
        unit: "share",
        value: 0,
        n: 40,
        pass: true,
      },
      {
        objective: "wer<5%",
        metric: "wer",
        limit: 0.05,
        unit: "share",
        n: 0,
        pass: false,
      },
    ],
  });
  assert.ok(text.includes(`
  slo     ttft.p95<200ms  685.4 ms (n = 40)  missed
          errorRate<=1%   0 % (n = 40)       met
          wer<5%          no data            missed
`));
});

Deno.test("renderReport() explains how a stage began and ended", () => {
  const stage: StageReport = {
    ...goodStage,
    window: { ...goodStage.window, warmupEnd: "limit", cooldownMs: 3000 },
    stopped: "recentErrorRate",
    stopCause: { scope: "run", value: 0.31, limit: 0.3, of: 30 },
  };
  const report: Report = { ...speechReport, stages: [stage] };
  const text = renderReport(report, { color: false, width: 200 });
  assert.ok(
    text.includes(
      "30.0 s measured after 5.0 s warm-up (not steady) before 3.0 s cool-down",
    ),
    text,
  );
  assert.ok(
    text.includes(
      "run stopped: 31 % of the last 30 requests failed (limit 30 %)",
    ),
    text,
  );
});
