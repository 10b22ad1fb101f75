import assert from "node:assert/strict";
import { upgradeRun } from "./older_files.ts";

Deno.test("upgradeRun() converts the run of a version 1 file to a configuration", () => {
  const { config, facts } = upgradeRun({
    id: "a",
    startedAt: "2026-01-01T00:00:00Z",
    epochMs: 1,
    seed: 7,
    loadingMs: 2,
    config: {
      backend: {
        name: "echo",
        options: { delayMs: 3 },
        facts: { model: "m" },
      },
      dataset: {
        name: "zip",
        options: [{ name: "repeat", options: { text: "hi" } }],
        facts: { items: 1 },
      },
      load: "poisson=0.5,2,maxInFlight=9",
      stop: { requests: 3 },
      normalizer: "none",
      slo: ["errorRate<=5%"],
    },
  });
  assert.deepEqual(config, {
    version: 1,
    backend: { use: "echo", with: { delayMs: 3 } },
    data: [{ use: "repeat", with: { text: "hi" } }],
    load: { use: "poisson", with: { rates: [0.5, 2], maxInFlight: 9 } },
    stop: { requests: 3 },
    slos: ["errorRate<=5%"],
    seed: 7,
    normalizer: "none",
    strict: false,
    reports: [],
  });
  assert.deepEqual(facts, { backend: { model: "m" }, data: { items: 1 } });
});
