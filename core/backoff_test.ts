import assert from "node:assert/strict";
import { Backoff, isThrottled } from "./backoff.ts";
import type { Outcome } from "./sample.ts";

function failed(
  failureClass: string,
  more: { code?: string; retryAfterMs?: number } = {},
): Outcome {
  const failure = { class: failureClass, message: "", ...more };
  return { status: "error", failure };
}

const busy = failed("http_error", { code: "429" });
const down = failed("connect_error");
const pauses = (backoff: Backoff, outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => backoff.pauseAfter(outcome));

Deno.test("a stream pauses after 429 and 503, and not after other failures", () => {
  assert.ok(isThrottled(busy));
  assert.ok(isThrottled(failed("http_error", { code: "503" })));
  assert.ok(
    isThrottled(failed("connect_error", { code: "429" })),
    "an upgrade that was refused",
  );
  assert.equal(
    isThrottled(failed("connect_error", { code: "ECONNREFUSED" })),
    false,
  );
  assert.equal(isThrottled(failed("http_error", { code: "500" })), false);
  assert.equal(isThrottled(failed("closed", { code: "429" })), false);
  assert.equal(isThrottled({ status: "ok" }), false);
  const backoff = new Backoff(() => 1);
  assert.deepEqual(
    pauses(backoff, [{ status: "ok" }, failed("http_error", { code: "400" })]),
    [0, 0],
  );
});

Deno.test("pauses double up to 30 s, and begin again after an answer", () => {
  const backoff = new Backoff(() => 1);
  assert.deepEqual(pauses(backoff, Array(10).fill(busy)), [
    100,
    200,
    400,
    800,
    1600,
    3200,
    6400,
    12_800,
    25_600,
    30_000,
  ]);
  assert.deepEqual(pauses(backoff, [{ status: "ok" }, busy]), [0, 100]);
});

Deno.test("pauses are spread over half of their length", () => {
  assert.deepEqual(pauses(new Backoff(() => 0), [busy, busy]), [50, 100]);
  assert.deepEqual(pauses(new Backoff(() => 0.5), [busy, busy]), [75, 150]);
});

Deno.test("a stream waits as long as Retry-After says", () => {
  const backoff = new Backoff(() => 0);
  const named = failed("http_error", { code: "429", retryAfterMs: 2500 });
  assert.deepEqual(pauses(backoff, [named, named]), [2500, 2500]);
  const soon = failed("http_error", { code: "429", retryAfterMs: 0 });
  assert.deepEqual(pauses(new Backoff(() => 1), [soon, soon]), [100, 200]);
});

Deno.test("pauses after failed connections double up to 1 s", () => {
  const backoff = new Backoff(() => 0);
  assert.deepEqual(
    pauses(backoff, Array(5).fill(down)),
    [100, 200, 400, 800, 1000],
  );
});
