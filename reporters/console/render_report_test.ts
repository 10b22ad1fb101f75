import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import type { Report } from "../../plugins/mod.ts";
import { assertGolden } from "../testdata/golden.ts";
import {
  chatReport,
  embeddingsReport,
  failedReport,
  goodStage,
  halfFailedReport,
  oneStageReport,
  speechReport,
  uploadReport,
} from "../testdata/report.ts";
import { renderReport } from "./render_report.ts";
import { displayWidth } from "./text.ts";

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
  assert.match(text, /~ too few values/);
});

Deno.test("renderReport() marks nothing where every percentile has its values", () => {
  const ttft = goodStage.metrics["ttft"]!;
  const stage = { ...goodStage, metrics: { ttft: { ...ttft, n: 100 } } };
  const text = renderReport({ ...oneStageReport, stages: [stage] });
  assert.doesNotMatch(text, /~/);
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
