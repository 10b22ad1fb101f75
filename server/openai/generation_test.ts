import assert from "node:assert/strict";
import { random } from "../../lib/random.ts";
import { createSeats } from "../context.ts";
import type { Exchange } from "../http/exchange.ts";
import { draw, generate } from "./generation.ts";
import { DEFAULTS } from "../settings.ts";

for (
  const [shape, meanMs, leastMs] of [
    ["even", 50, 40],
    ["normal", 50, 0],
    ["exponential", 60, 50],
  ] as const
) {
  Deno.test(`draw() varies times in the shape ${shape}`, () => {
    const options = {
      ...DEFAULTS,
      ttftMs: 50,
      ttftJitterMs: 10,
      jitterShape: shape,
    };
    const next = random(1, "test");
    const times = Array.from(
      { length: 20_000 },
      () => draw(options, next, "ttft"),
    );
    const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
    assert.ok(Math.abs(mean - meanMs) < 0.5, `${mean}`);
    assert.ok(Math.min(...times) >= leastMs);
    const variance = times.reduce((sum, time) => sum + (time - mean) ** 2, 0) /
      times.length;
    const deviation = shape === "even" ? 10 / Math.sqrt(3) : 10;
    assert.ok(Math.abs(Math.sqrt(variance) - deviation) < 0.5);
  });
}

Deno.test("draw() returns the mean without jitter", () => {
  const next = random(1, "test");
  assert.equal(draw(DEFAULTS, next, "itl"), 10);
  assert.equal(draw(DEFAULTS, next, "ttft"), 50);
});

Deno.test("generate() pauses between overdue pieces of many answers, so that it can be stopped", () => {
  const turns: (() => void)[] = [];
  const exchange = {
    options: DEFAULTS,
    host: { seats: createSeats(1) },
    clock: { now: () => 1e9 },
    receivedMs: 0,
    random: () => random(1, "test"),
    at: (_: number, task: () => void) => void turns.push(task),
    onOver() {},
  } as unknown as Exchange;
  const piece = { kind: "text", text: "a", tokens: 1 } as const;
  const answer = {
    pieces: Array(20).fill(piece),
    finishReason: "stop",
  } as const;
  let sent = 0;
  const job = { answers: Array(1000).fill(answer), promptTokens: 1 };
  generate(exchange, job, {
    piece: () => void sent++,
    done() {},
  });
  const counts: number[] = [];
  for (let next; (next = turns.shift());) {
    const before = sent;
    next();
    counts.push(sent - before);
  }
  assert.deepEqual(counts, Array(20).fill(1000));
});
