import assert from "node:assert/strict";
import { Digest } from "./digest.ts";
import type { Failure } from "../sample.ts";
import { sample } from "../../tests/support/sample.ts";
import { judge } from "../verdict.ts";

/** Summary of a digest of failures, each with its number. */
function summaryOf(failures: readonly (readonly [Failure, number])[]) {
  const sums = new Digest({ startMs: 0, normalizer: "none" });
  for (const [failure, times] of failures) {
    for (let i = 0; i < times; i++) {
      sums.add(sample({ outcome: { status: "error", failure } }));
    }
  }
  return sums.summary({ startMs: 0, endMs: 1000 });
}

Deno.test("Digest keeps the client's own failures among its notes, however many kinds are more frequent", () => {
  const others = Array.from({ length: 14 }, (_, i): [Failure, number] => [
    { class: "server_error", code: String(i), message: "No" },
    20 + i,
  ]);
  const own: Failure = {
    class: "connect_error",
    code: "EMFILE",
    message: "Too many open files",
  };
  const summary = summaryOf([...others, [own, 9]]);
  const { failures, counts } = summary;
  assert.equal(failures.length, 10);
  assert.deepEqual(failures.map(({ code }) => code), [
    ..."13 12 11 10 9 8 7 6 5".split(" "),
    "EMFILE",
  ]);
  const { reasons } = judge({
    ...summary,
    load: {},
    counts: { ...counts, dropped: 0 },
  });
  assert.match(reasons[1]!, /^9 of 380 requests \(2\.37 %\) .* EMFILE/);
});

Deno.test("Digest counts a thousand codes apart, and the rest by class, except the client's own", () => {
  const codes = Array.from({ length: 1500 }, (_, i): [Failure, number] => [
    { class: "server_error", code: `request-${i}`, message: `No ${i}` },
    1,
  ]);
  const own: Failure = { class: "closed", code: "ENOBUFS", message: "No" };
  const { failures, counts } = summaryOf([...codes, [own, 2]]);
  assert.deepEqual(failures.slice(0, 2), [
    { class: "server_error", message: "No 1000", count: 500 },
    { class: "closed", code: "ENOBUFS", message: "No", count: 2 },
  ]);
  assert.deepEqual(counts.failures, { server_error: 1500, closed: 2 });
});
