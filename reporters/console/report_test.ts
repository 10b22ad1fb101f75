import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import type { Report, StageReport } from "../../plugins/mod.ts";
import { assertGolden } from "../../tests/support/golden.ts";
import {
  chatReport,
  embeddingsReport,
  failedReport,
  goodStage,
  halfFailedReport,
  oneStageReport,
  speechReport,
  uploadReport,
} from "../../tests/support/report.ts";
import { renderReport } from "./render_report.ts";
import { displayWidth } from "./format.ts";

const reports: Record<string, Report> = {
  one_stage: oneStageReport,
  two_stages: speechReport,
  failed: failedReport,
  half_failed: halfFailedReport,
  chat: chatReport,
  embeddings: embeddingsReport,
  upload: uploadReport,
};

for (const [name, report] of Object.entries(reports)) {
  Deno.test(`renderReport() writes ${name} as its golden file has it`, async () => {
    await assertGolden(`${name}.txt`, renderReport(report));
  });

  Deno.test(`renderReport() keeps ${name} under 80 columns`, () => {
    for (const line of renderReport(report).split("\n")) {
      assert.ok(displayWidth(line) < 80, line);
    }
  });

  Deno.test(`renderReport() changes nothing of ${name} but colour when asked for it`, () => {
    const colored = renderReport(report, { color: true });
    assert.notEqual(colored, renderReport(report));
    assert.equal(stripVTControlCharacters(colored), renderReport(report));
  });
}

Deno.test("renderReport() prints no table where no request succeeded, but why", () => {
  const text = renderReport(failedReport, { width: 200 });
  assert.doesNotMatch(text, /p50/);
  assert.match(
    text,
    /\nfailed {2}no request succeeded: 12 of 12 connect_error: Connection .*\n$/,
  );
});

Deno.test("renderReport() says so where no stage began", () => {
  const text = renderReport({ ...oneStageReport, stages: [] });
  assert.match(text, /No stage began/);
});

Deno.test("renderReport() tells of uploaded speech how many times real time, and of no pace", () => {
  const text = renderReport(uploadReport);
  assert.match(text, /\n {2}times real time +62 +6\.41 /);
  assert.match(text, /\n {2}speech {2}52x real time in all · WER /);
  assert.doesNotMatch(text, /speed|paced|chunk lateness|first output, cold/);
});

Deno.test("renderReport() puts what was cancelled or dropped beside what was ok, where any was", () => {
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
  assert.equal(rowsOf([calm, calm])[0]?.[3], "first output");
});

Deno.test("renderReport() calls words quality where no speech was sent", () => {
  assert.match(renderReport(chatReport), /\n {2}quality WER 6\.3 %/);
  assert.doesNotMatch(renderReport(chatReport), /speech/);
  assert.doesNotMatch(renderReport(oneStageReport), /quality/);
});

Deno.test("renderReport() marks percentiles that took more values than there are", () => {
  const stage = {
    ...goodStage,
    metrics: { ttft: { ...goodStage.metrics["ttft"]!, n: 19 } },
  };
  const text = renderReport({ ...oneStageReport, stages: [stage] });
  assert.match(text, /first output +19 +412 +462 +478~ +503~ +519\n/);
  assert.match(
    text,
    /~ too few values: p50 takes 2, p90 takes 10, p95 takes 20, p99 takes 100\n/,
  );
});

Deno.test("renderReport() marks the median of a single value, and of no more", () => {
  for (const [n, mark] of [[1, "~"], [2, " "]] as const) {
    const stage = {
      ...goodStage,
      metrics: { ttft: { ...goodStage.metrics["ttft"]!, n } },
    };
    const text = renderReport({ ...oneStageReport, stages: [stage] });
    assert.match(text, new RegExp(`first output +${n} +412${mark} +462~`));
  }
});

Deno.test("renderReport() marks nothing where every percentile has its values", () => {
  const ttft = goodStage.metrics["ttft"]!;
  const stage = { ...goodStage, metrics: { ttft: { ...ttft, n: 100 } } };
  const text = renderReport({ ...oneStageReport, stages: [stage] });
  assert.doesNotMatch(text, /~/);
  assert.match(
    text,
    / lag p99 0\.3 ms \(n 62\) · chunk lateness p99 0\.5 ms ·/,
  );
});

Deno.test("renderReport() lets no text of a server steer the terminal", () => {
  const text = renderReport(speechReport);
  // deno-lint-ignore no-control-regex -- these must not be there
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

Deno.test("renderReport() wraps to the width it is given", () => {
  const wide = renderReport(oneStageReport, { width: 200 });
  assert.equal(wide.split("\n")[0]?.includes("seed 1"), true);
});

/** A report of one stage that differs so from a good one. */
function withStage(stage: Partial<StageReport>, width = 79): string {
  const report = { ...oneStageReport, stages: [{ ...goodStage, ...stage }] };
  return renderReport(report, { width });
}

Deno.test("renderReport() cuts no failure and no reason for skipping: what helps stands at their end", () => {
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

Deno.test("renderReport() shows both ends of a message of any length, within the width", () => {
  const message = `Begins ${"x".repeat(50_000)} and ends so`;
  const text = withStage({
    failures: [{ class: "server_error", message, count: 1 }],
  });
  assert.ok(text.length < 5000);
  assert.match(text, /server_error: Begins/);
  assert.match(text.replace(/\s+/g, " "), /x … x[x ]+ and ends so /);
  for (const line of text.split("\n")) assert.ok(displayWidth(line) < 80, line);
});

Deno.test("renderReport() says in the first line of a stage that most requests failed", () => {
  const first = (errorRate: number) =>
    withStage({ rates: { ...goodStage.rates, errorRate } })
      .split("\n").find((line) => line.startsWith("8 streams"));
  assert.match(first(0.857)!, /^8 streams · 85\.7 % of requests failed · /);
  assert.doesNotMatch(first(0.5)!, /failed/);
});

Deno.test("renderReport() says why rates do not fit the number of answers", () => {
  const at = (requestsPerSecond: number, ok: number) =>
    withStage({
      counts: { ...goodStage.counts, ok },
      rates: { ...goodStage.rates, requestsPerSecond },
    });
  assert.match(
    at(0, 4),
    / {2}rates {3}0\.0 requests\/s .*\n {10}rates count the 0 requests that ended within the window of 30\.0 s,\n {10}not all 4 ok: measure longer\n/,
  );
  assert.match(at(1 / 30, 4), /rates count the 1 request that ended /);
  assert.doesNotMatch(at(4 / 30, 4), /rates count/);
  assert.doesNotMatch(at(95 / 30, 100), /rates count/);
  assert.match(at(80 / 30, 100), /rates count the 80 requests /);
});

Deno.test("renderReport() tells of objectives, also where there was no data or no request succeeded", () => {
  const slo = {
    objective: "errorRate<=5%",
    metric: "errorRate",
    limit: 0.05,
    unit: "share",
  } as const;
  assert.match(
    withStage({ slo: [{ ...slo, value: 0.031, n: 40, pass: true }] }),
    /\n {2}slo {5}errorRate<=5% {2}3\.1 % {2}met\n/,
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
