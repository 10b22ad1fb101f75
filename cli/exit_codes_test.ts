import assert from "node:assert/strict";
import type { Report, StageReport, Verdict } from "../mod.ts";
import { exitCodeOf } from "./exit_codes.ts";

function codeOf(
  verdicts: readonly Verdict["status"][],
  interrupted = false,
): number {
  const stages = verdicts.map((status) =>
    ({ verdict: { status, reasons: [] } }) as unknown as StageReport
  );
  return exitCodeOf({ interrupted, stages } as unknown as Report);
}

Deno.test("exitCodeOf() is 0 where every stage is valid", () => {
  assert.equal(codeOf(["valid", "valid"]), 0);
});

Deno.test("exitCodeOf() tells failure before doubt, and an interrupt before both", () => {
  assert.equal(codeOf(["valid", "client-limited"]), 4);
  assert.equal(codeOf(["too-few-samples"]), 4);
  assert.equal(codeOf(["client-limited", "failed"]), 1);
  assert.equal(codeOf(["valid"], true), 130);
  assert.equal(codeOf(["failed"], true), 130);
});

Deno.test("exitCodeOf() is a failure where no stage began, unless it was interrupted", () => {
  assert.equal(codeOf([]), 1);
  assert.equal(codeOf([], true), 130);
});
