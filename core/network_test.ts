import assert from "node:assert/strict";
import { manualClock } from "../plugins/testing/manual_clock.ts";
import type { Backend } from "./contract.ts";
import { Column } from "./metrics/column.ts";
import { adjustForNetwork } from "./metrics/network.ts";
import { NetworkProbe } from "./network.ts";

function summary(values: readonly number[]) {
  const all = new Column();
  for (const value of values) all.add(value);
  return all.summary()!;
}

const call = { clock: manualClock(), signal: new AbortController().signal };

Deno.test("NetworkProbe measures five round trips each time, and leaves out those that fail", async () => {
  let trips = 0;
  const backend: Backend = {
    needs: [],
    send: () => Promise.resolve({}),
    roundTripMs: () =>
      ++trips % 5 === 0
        ? Promise.reject(new Error("no answer"))
        : Promise.resolve(trips),
  };
  const probe = new NetworkProbe(backend, call);
  assert.equal(probe.summary(), undefined);
  await probe.measure();
  await probe.measure();
  assert.equal(trips, 10);
  assert.deepEqual([probe.summary()?.n, probe.summary()?.min], [8, 1]);
});

Deno.test("NetworkProbe finds nothing where a backend has no network", async () => {
  const backend: Backend = { needs: [], send: () => Promise.resolve({}) };
  const probe = new NetworkProbe(backend, call);
  await probe.measure();
  assert.equal(probe.summary(), undefined);
});

Deno.test("NetworkProbe does not wait for a backend that never answers", async () => {
  const clock = manualClock();
  const backend: Backend = {
    needs: [],
    send: () => Promise.resolve({}),
    roundTripMs: () => new Promise(() => {}),
  };
  const probe = new NetworkProbe(backend, { ...call, clock });
  const measuring = probe.measure();
  await clock.advanceTo(10_000);
  await measuring;
  assert.equal(probe.summary(), undefined);
});

Deno.test("adjustForNetwork() takes the fastest round trip off TTFT and finalization, and nothing else", () => {
  const rtt = summary([7, 5, 90]);
  const metrics = {
    ttft: { unit: "ms", ...summary([100, 120]) },
    latency: { unit: "ms", ...summary([900]) },
  } as const;
  assert.deepEqual(adjustForNetwork(metrics, rtt), {
    ttftAdjustedForNetwork: { unit: "ms", ...summary([95, 115]) },
  });
});
