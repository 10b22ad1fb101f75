import assert from "node:assert/strict";
import fc from "fast-check";
import { stripVTControlCharacters } from "node:util";
import {
  type Report,
  type StageReport,
  UsageError,
} from "../../plugins/mod.ts";
import { assertGolden } from "../../tests/support/golden.ts";
import { hostileReport, hostileText } from "../../tests/support/hostile.ts";
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
import { displayWidth } from "./layout.ts";

async function printed(work: () => void | Promise<void>): Promise<string> {
  const { write } = Deno.stdout;
  const decoder = new TextDecoder();
  let text = "";
  Deno.stdout.write = (bytes) => {
    const some = bytes.subarray(0, 1000);
    text += decoder.decode(some, { stream: true });
    return Promise.resolve(some.length);
  };
  try {
    await work();
  } finally {
    Deno.stdout.write = write;
  }
  return text;
}

Deno.test("consoleReporter() prints the report in as many writes as necessary", async () => {
  const reporter = await open(consoleReporter({ color: "never" }));
  const text = await printed(() => reporter.report(oneStageReport));
  assert.equal(text, renderReport(oneStageReport, { charts: false }));
});

Deno.test("consoleReporter() uses colour always or unless NO_COLOR is set", async () => {
  const always = await open(consoleReporter({ color: "always" }));
  const text = await printed(() => always.report(oneStageReport));
  assert.notEqual(text, stripVTControlCharacters(text));

  const env = (name: string) => name === "NO_COLOR" ? "1" : undefined;
  const auto = await consoleReporter({}).open({ ...context, env });
  const plain = await printed(() => auto.report(oneStageReport));
  assert.equal(plain, renderReport(oneStageReport, { charts: false }));
});

Deno.test("consoleReporter() waits while standard output is full", async () => {
  const reporter = await open(consoleReporter({ color: "never" }));
  let full = 2;
  const text = await printed(async () => {
    const { write } = Deno.stdout;
    Deno.stdout.write = (bytes) => {
      if (full-- > 0) throw new Deno.errors.WouldBlock("full");
      return write(bytes);
    };
    await reporter.report(oneStageReport);
  });
  assert.equal(text, renderReport(oneStageReport, { charts: false }));
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

  for (const width of [60, 79, 100]) {
    Deno.test(`renderReport() keeps ${name} within ${width} columns`, () => {
      for (const line of renderReport(report, { width }).split("\n")) {
        assert.ok(displayWidth(line) <= width, line);
      }
    });
  }

  Deno.test(`renderReport() changes only the colour of ${name}`, () => {
    const colored = renderReport(report, { color: true });
    assert.notEqual(colored, renderReport(report));
    assert.equal(stripVTControlCharacters(colored), renderReport(report));
  });
}

Deno.test("renderReport() formats narrow and coloured text as golden files", async () => {
  const narrow = renderReport(speechReport, { width: 60, charts: false });
  await assertGolden("two_stages_60.txt", narrow);
  const color = renderReport(speechReport, { color: true });
  await assertGolden("two_stages_color.txt", color);
});

Deno.test("consoleReporter() prints each stage when it ends, and then the same text as for a report", async () => {
  for (const report of Object.values(reports)) {
    const reporter = await open(consoleReporter({ color: "never" }));
    const whole = renderReport(report, { charts: false });
    const early = await printed(async () => {
      reporter.start?.(report);
      for (const stage of report.stages) reporter.stage?.(stage);
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    for (const { name } of report.stages) assert.ok(early.includes(name));
    const rest = await printed(() => reporter.report(report));
    assert.equal(early + rest, whole);
    const at = await open(consoleReporter({ color: "never" }));
    assert.equal(await printed(() => at.report(report)), whole);
  }
});

Deno.test("renderReport() prints the reason in place of a table if no request succeeded", () => {
  const text = renderReport(failedReport, { width: 200 });
  assert.doesNotMatch(text, /p50/);
  assert.match(
    text,
    /\n {2}verdict {2}failed\n +no request succeeded: 12 of 12 connect_error: Connection .*\n$/,
  );
});

Deno.test("renderReport() reports that no stage began", () => {
  const text = renderReport({ ...oneStageReport, stages: [] });
  assert.match(text, /no stage began/);
});

Deno.test("renderReport() shows the RTFx of uploaded speech and no pace", () => {
  const text = renderReport(uploadReport);
  assert.match(text, /\n {4}RTFx +62 +6\.41 /);
  assert.match(text, /\n {2}speech\n {4}RTFx +52x\n {4}WER /);
  assert.doesNotMatch(
    text,
    /speed|paced|chunk lateness|first event|TTFT from dispatch/,
  );
});

Deno.test("renderReport() labels error rates quality without speech", () => {
  assert.match(renderReport(chatReport), /\n {2}quality\n {4}WER +6\.3 %/);
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
    / schedule lag 0\.3 ms \(n=62\), chunk lateness 0\.5 ms/,
  );
});

Deno.test("renderReport() keeps its lines whatever texts a report has", () => {
  fc.assert(
    fc.property(
      hostileText,
      fc.integer({ min: 60, max: 120 }),
      (text, width) => {
        const shown = renderReport(hostileReport(text), { width });
        // deno-lint-ignore no-control-regex -- these must not be there
        assert.doesNotMatch(shown, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
        for (const line of shown.split("\n")) {
          assert.ok(displayWidth(line) <= width, line);
        }
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("renderReport() removes control characters from texts of a server", () => {
  const text = renderReport(speechReport);
  // deno-lint-ignore no-control-regex -- these must not be there
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

/** Formats a report of one stage with changed fields. */
function withStage(stage: Partial<StageReport>, width = 100): string {
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
  for (const line of text.split("\n")) {
    assert.ok(displayWidth(line) <= 100, line);
  }
});

Deno.test("renderReport() shows both ends of a long message within the width", () => {
  const message = `Begins ${"x".repeat(50_000)} and ends so`;
  const text = withStage({
    failures: [{ class: "server_error", message, count: 1 }],
  });
  assert.ok(text.length < 5000);
  assert.match(text, /server_error +1 +Begins/);
  assert.match(text.replace(/\s+/g, " "), /x … x[x ]+ and ends so /);
  for (const line of text.split("\n")) {
    assert.ok(displayWidth(line) <= 100, line);
  }
});

Deno.test("renderReport() reports in the first line of a stage that most requests failed", () => {
  const first = (errorRate: number) =>
    withStage({ rates: { ...goodStage.rates, errorRate } })
      .split("\n").find((line) => line.startsWith("stage 1 · 8 streams"));
  assert.match(first(0.857)!, / · 85\.7 % of requests failed · valid$/);
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
    / {4}?adds to TTFT {2}≤ 0\.2 ms to p50, ≤ 1\.1 ms to p99 \(n=40\)/,
  );
  assert.match(
    text,
    / {2}client +network +RTT 0\.4 ms \(fastest of 10\)\n +connections +8 opened ahead/,
  );
  assert.match(text, / {2}notes +the window is short\n/);
  assert.match(text, /, 5 failed \(3 throttled\)\n/);
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
    /\n {2}SLOs +result +measured\n {4}errorRate<=5% +met +3\.1 % \(n = 40\)\n/,
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
    /\n {4}errorRate<=5% +missed +no data\n {2}verdict {2}failed\n +no request succeeded: none ended\n +40 of 40 failed here\n$/,
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
  assert.match(header({ [use]: "my-backend" }), / · my-backend$/);
  assert.match(header(), / · backend\.ts$/);
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
  SLOs              result  measured
    ttft.p95<200ms  missed  685.4 ms (n = 40)
    errorRate<=1%   met     0 % (n = 40)
    wer<5%          missed  no data
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
