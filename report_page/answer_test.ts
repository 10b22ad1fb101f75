import assert from "node:assert/strict";
import type { Report } from "../plugins/mod.ts";
import { PageCollector } from "../reporters/html/page_data.ts";
import {
  failedReport,
  goodStage,
  oneStageReport,
  runInfo,
  searchReport,
  speechReport,
} from "../tests/support/report.ts";
import { answerOf } from "./answer.ts";

/** The statements about a topic. */
function textsOf(report: Report, topic: string): string[] {
  return answerOf(new PageCollector().data(report))
    .filter((each) => each.topic === topic)
    .map(({ text, items = [], quote }) =>
      [text, ...items, ...(quote === undefined ? [] : [quote])].join(" ")
    );
}

function withSlos(...passes: boolean[]): Report {
  return {
    ...oneStageReport,
    stages: passes.map((pass, i) => ({
      ...goodStage,
      name: `${i + 1} streams`,
      slo: [{
        objective: "ttft.p95<200ms",
        metric: "ttft",
        quantile: "p95",
        limit: 200,
        unit: "ms",
        value: pass ? 150 + i : 250 + i,
        n: 62,
        pass,
      }],
    })),
  };
}

Deno.test("answerOf() says which stages keep an objective", () => {
  const of = (...passes: boolean[]) =>
    textsOf(withSlos(...passes), "ttft.p95<200ms")[0];
  assert.equal(of(true), "Met: 1 streams (150 ms).");
  assert.equal(
    of(true, true),
    "Met by all 2 stages; nearest to the limit was 2 streams (151 ms).",
  );
  assert.equal(
    of(true, false),
    "Met by 1 streams (150 ms). Missed by 2 streams (251 ms).",
  );
  assert.match(of(...Array(9).fill(false))!, /5 streams \(254 ms\) and 4 more/);
});

Deno.test("answerOf() says how a run ended", () => {
  assert.match(
    textsOf({ ...oneStageReport, error: "disk full" }, "Ended early")[0]!,
    /An error ended the run.* disk full$/,
  );
  const interrupted = { ...oneStageReport, interrupted: true };
  assert.equal(textsOf(interrupted, "Interrupted").length, 1);
  const empty = { ...oneStageReport, stages: [] };
  assert.deepEqual(textsOf(empty, "Nothing measured"), ["No stage began."]);
});

Deno.test("answerOf() says whether the measurement is sound", () => {
  assert.match(
    textsOf(oneStageReport, "Measurement")[0]!,
    /^Sound: the server/,
  );
  assert.match(
    textsOf(speechReport, "Measurement")[0]!,
    /^Sound in 1 of 2 stages, but not in these: 32 streams: the client was the limit, not the server – /,
  );
  assert.match(
    textsOf(failedReport, "Measurement")[0]!,
    /^Not sound: .*no request succeeded/,
  );
});

Deno.test("answerOf() says what failed, with the server's message", () => {
  assert.match(
    textsOf(speechReport, "Failures")[0]!,
    /^8 requests of 291 failed .* 3 arrivals never started\. The most frequent failure is connect_error ECONNREFUSED, the first: Connection refused/,
  );
});

Deno.test("answerOf() says what a search found", () => {
  const [text] = textsOf(searchReport, "Capacity");
  const { low, high } = searchReport.capacities![0]!;
  assert.ok(text!.includes(` at ${low} `) && text!.includes(`at ${high} `));
});

Deno.test("answerOf() of a run that goes on says so", () => {
  const page = new PageCollector();
  page.start(runInfo);
  page.progress({
    atMs: 1,
    stage: 0,
    name: "1 stream",
    phase: "measure",
    inFlight: 1,
    counts: { ok: 0, error: 0, timeout: 0, cancelled: 0, dropped: 0 },
    requestsPerSecond: 0,
    medians: {},
  });
  assert.equal(answerOf(page.data())[0]!.topic, "Running");
});
