import assert from "node:assert/strict";
import { tempFolder } from "../tests/support/datasets.ts";
import type { ConfigFlags } from "./config.ts";
import { readRun } from "./prepare.ts";

const ECHO = {
  backend: "echo",
  data: ["repeat=hello"],
  report: ["console"],
};

/** The stop rules of a run that flags and a file describe. */
async function rulesOf(flags: ConfigFlags, file?: string) {
  await using folder = await tempFolder({ "bench.yaml": file ?? "" });
  const config = file === undefined ? {} : { config: folder.at("bench.yaml") };
  await using read = await readRun({ ...ECHO, ...flags, ...config });
  const { stop, stopRun } = read.run.config;
  return { stop, stopRun };
}

Deno.test("a file and flags give the same plain rules", async () => {
  const rules = {
    stop: {
      warmupShare: 0.1,
      durationMs: 60_000,
      cooldownAuto: true,
      errorRate: 0.25,
      recentErrorRate: 0.5,
      recentErrorWindow: 20,
      saturation: true,
      silenceMs: 300_000,
      drainMs: 5000,
    },
    stopRun: { durationMs: 3_600_000, errors: 100 },
  };
  assert.deepEqual(
    await rulesOf({
      warmup: "10%",
      duration: "60s",
      cooldown: "auto",
      drain: "5s",
      stop: [
        "errorRate=25%",
        "recentErrorRate=0.5,window=20,saturation,silence=5m",
      ],
      stopRun: ["duration=1h", "errors=100"],
    }),
    rules,
  );
  assert.deepEqual(
    await rulesOf(
      {},
      `version: 1
stop:
  warmupShare: 10%
  durationMs: 60s
  cooldownAuto: true
  errorRate: 25%
  recentErrorRate: 0.5
  recentErrorWindow: 20
  saturation: true
  silenceMs: 5m
  drainMs: 5s
stopRun: { durationMs: 1h, errors: 100 }
`,
    ),
    rules,
  );
});

Deno.test("a flag takes the place of a length that the file gives in another way", async () => {
  const file = `version: 1
stop: { warmupAuto: true, warmupMs: 30s, requests: 5, errors: 3 }
`;
  assert.deepEqual((await rulesOf({ warmup: "100" }, file)).stop, {
    requests: 5,
    errors: 3,
    warmupRequests: 100,
  });
  assert.deepEqual((await rulesOf({ stop: ["errors=9"] }, file)).stop, {
    warmupAuto: true,
    warmupMs: 30_000,
    requests: 5,
    errors: 9,
  });
});

Deno.test("a file's rules are refused with their place and what is valid", async () => {
  const wrong: [string, RegExp][] = [
    ["stop: { error: 3 }", /stop\.error.*did you mean "errors"/s],
    ["stop: { errorRate: 0 }", /stop\.errorRate must be above 0 and at most 1/],
    ["stop: { errorRate: 5 }", /stop\.errorRate must be above 0 and at most 1/],
    ["stop: { warmupShare: 5 percent }", /warmupShare must be a share such as/],
    ["stopRun: { silenceMs: 5s }", /stopRun\.silenceMs/],
    [
      "stop: { warmupRequests: 3, warmupShare: 10% }",
      /stop\.warmupShare must not be given with warmupRequests: choose one/,
    ],
  ];
  for (const [rules, message] of wrong) {
    await assert.rejects(rulesOf({}, `version: 1\n${rules}\n`), message);
  }
});
