import assert from "node:assert/strict";
import { Tally } from "./progress.ts";
import { sample } from "../tests/support/sample.ts";

Deno.test("Tally gives the rate of the last seconds", () => {
  const live = new Tally(1000);
  assert.equal(live.requestsPerSecond(1000), 0);
  const rates: number[] = [];
  for (let second = 1; second <= 20; second++) {
    // 10 a second at first, 40 a second later.
    for (let i = 0; i < (second <= 10 ? 10 : 40); i++) {
      live.started();
      live.ended(sample({}));
    }
    rates.push(live.requestsPerSecond(1000 + second * 1000));
  }
  assert.deepEqual(rates.slice(0, 10), Array(10).fill(10));
  assert.deepEqual(rates.slice(14), Array(6).fill(40));
  assert.equal(live.inFlight, 0);
  assert.equal(live.counts.ok, 500);
});
