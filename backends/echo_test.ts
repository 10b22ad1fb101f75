import assert from "node:assert/strict";
import { attempt } from "../core/attempt.ts";
import { manualClock } from "../plugins/testing/manual_clock.ts";
import { type Sample, UsageError } from "../plugins/mod.ts";
import { echo, type EchoOptions } from "./echo.ts";

async function open(options: EchoOptions) {
  const { signal } = new AbortController();
  return await echo(options).open({
    signal,
    env: () => undefined,
    warn: () => {},
  });
}

async function send(
  options: EchoOptions,
  signal = new AbortController().signal,
) {
  const clock = manualClock();
  const sample: Promise<Sample> = attempt(await open(options), {
    id: 0,
    turn: { columns: {} },
    prepared: undefined,
    session: { id: "s", turn: 0, history: [] },
  }, { stage: 0, phase: "measure", scheduledMs: 0, clock, signal });
  return { clock, sample };
}

Deno.test("echo() answers after its delay", async () => {
  const { clock, sample } = await send({ delayMs: 20, text: "né" });
  await clock.advance(100);
  const { deltas, reads, endedMs, output, outcome } = await sample;
  assert.deepEqual(outcome, { status: "ok" });
  assert.deepEqual(deltas, [{ atMs: 20, kind: "text", text: "né", tokens: 1 }]);
  assert.deepEqual(reads, { count: 1, bytes: 3 });
  assert.equal(endedMs, 20);
  assert.deepEqual(output, { text: "né", usage: { outputTokens: 1 } });
});

Deno.test("echo() answers ok at once by default", async () => {
  const { clock, sample } = await send({});
  await clock.settle();
  const { output, endedMs } = await sample;
  assert.deepEqual([output.text, endedMs], ["ok", 0]);
});

Deno.test("echo() stops when the run is cancelled", async () => {
  const abort = new AbortController();
  const { clock, sample } = await send({ delayMs: 20 }, abort.signal);
  abort.abort(new Error("enough"));
  assert.equal((await sample).outcome.status, "cancelled");
  assert.equal(clock.pending, 0);
});

Deno.test("echo() rejects a negative delay", async () => {
  await assert.rejects(open({ delayMs: -1 }), UsageError);
});
