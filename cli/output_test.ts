import assert from "node:assert/strict";
import fc from "fast-check";
import type { Report, StageReport, Verdict } from "../mod.ts";
import { searchReport } from "../tests/support/report.ts";
import { exitCodeOf, visible } from "./output.ts";

Deno.test("visible() writes out what would steer a terminal, and nothing else", () => {
  const texts: readonly (readonly [string, string])[] = [
    ["", ""],
    ["two\n\tlines: Grüße, 日本 🎉", "two\n\tlines: Grüße, 日本 🎉"],
    ["\x1b[31mred\x07", "\\x1b[31mred\\x07"],
    ["over\rwritten\b\0", "over\\x0dwritten\\x08\\x00"],
    ["\x9b31m \x7f", "\\x9b31m \\x7f"],
    ["\u202eback\u2066\u2028", "\\u202eback\\u2066\\u2028"],
  ];
  for (const [text, shown] of texts) assert.equal(visible(text), shown);
});

Deno.test("visible() leaves no control character in any text, and finds nothing to do the second time", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const shown = visible(text);
    assert.doesNotMatch(shown.replace(/[\n\t]/g, ""), /\p{Cc}/u);
    assert.equal(visible(shown), shown);
  }));
});

function codeOf(
  verdicts: readonly Verdict["status"][],
  { interrupted = false, missed = false } = {},
): number {
  const slo = [
    { objective: "errorRate<=5%", value: 0, pass: true },
    ...(missed ? [{ objective: "errorRate<=1%", pass: false }] : []),
  ];
  const stages = verdicts.map((status, i) =>
    ({
      verdict: { status, reasons: [] },
      ...(i > 0 && { slo }),
    }) as unknown as StageReport
  );
  return exitCodeOf({ interrupted, stages } as unknown as Report);
}

Deno.test("exitCodeOf() is 0 where every stage is valid", () => {
  assert.equal(codeOf(["valid", "valid"]), 0);
});

Deno.test("exitCodeOf() puts failure before doubt, and an interrupt before both", () => {
  assert.equal(codeOf(["valid", "client-limited"]), 4);
  assert.equal(codeOf(["client-limited", "failed"]), 1);
  assert.equal(codeOf(["valid"], { interrupted: true }), 130);
  assert.equal(codeOf(["failed"], { interrupted: true }), 130);
});

Deno.test("exitCodeOf() is a failure where an error ended the run", () => {
  const stages = [{ verdict: { status: "valid", reasons: [] } }];
  const ended = { stages, interrupted: true, error: "m.jsonl:9: Broken" };
  assert.equal(exitCodeOf(ended as unknown as Report), 1);
});

Deno.test("exitCodeOf() is a failure where no stage began, unless it was interrupted", () => {
  assert.equal(codeOf([]), 1);
  assert.equal(codeOf([], { interrupted: true }), 130);
});

Deno.test("exitCodeOf() is 0 where there are too few samples to find fault with", () => {
  assert.equal(codeOf(["too-few-samples", "valid"]), 0);
});

Deno.test("exitCodeOf() is 3 where any stage missed an objective: after 130 and 1, before 4", () => {
  const missed = true;
  assert.equal(codeOf(["valid", "valid"], { missed }), 3);
  assert.equal(codeOf(["client-limited", "too-few-samples"], { missed }), 3);
  assert.equal(codeOf(["valid", "failed"], { missed }), 1);
  assert.equal(codeOf(["valid", "valid"], { missed, interrupted: true }), 130);
});

Deno.test("exitCodeOf() of a search is that of its answer, whatever its levels missed", () => {
  const codes = {
    found: 0,
    "at-least": 0,
    below: 3,
    undecided: 4,
    "not-monotone": 4,
  };
  for (const [status, code] of Object.entries(codes)) {
    const report = {
      ...searchReport,
      capacities: [{ ...searchReport.capacities![0], status }],
    } as Report;
    assert.equal(exitCodeOf(report), code, status);
    assert.equal(exitCodeOf({ ...report, interrupted: true }), 130);
  }
});

Deno.test("exitCodeOf() leaves out a stage that a rule of the run ended before it measured anything", () => {
  const [good] = searchReport.stages as [StageReport];
  const nothing = {
    ...good,
    counts: { ...good.counts, ok: 0, error: 0, timeout: 0, cancelled: 0 },
    stopped: "requests",
    stopCause: { scope: "run", value: 100, limit: 100 },
    verdict: { status: "failed", reasons: [] },
  } as StageReport;
  const { capacities: _, ...report } = searchReport;
  assert.equal(exitCodeOf({ ...report, stages: [good, nothing] }), 0);
  assert.equal(exitCodeOf({ ...report, stages: [nothing] }), 1);
});
