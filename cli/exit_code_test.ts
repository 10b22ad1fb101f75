import assert from "node:assert/strict";
import type { Report, StageReport, Verdict } from "../mod.ts";
import { exitCodeOf } from "./exit_code.ts";

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
