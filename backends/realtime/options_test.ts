import assert from "node:assert/strict";
import { defaultTransport, realtimeOptions } from "./realtime.ts";
import { UsageError } from "../../plugins/mod.ts";
import { openRealtime } from "../../tests/support/transcribe.ts";

Deno.test("realtimeOptions fill in what is left out", () => {
  const { transport, ...settings } = realtimeOptions.parse({
    target: "http://h",
  });
  assert.equal(transport, defaultTransport(Deno.build.os));
  assert.deepEqual(settings, {
    target: "http://h",
    path: "/v1/realtime",
    dialect: "vllm",
    mode: "stream",
    chunkMs: 100,
    headers: {},
    insecure: false,
    connectTimeoutMs: 10_000,
    readyTimeoutMs: 30_000,
    maxIgnoredEvents: 50_000,
    session: {},
    reuse: false,
  });
});

Deno.test("defaultTransport() is native where unix sockets are to be had", () => {
  assert.deepEqual(["linux", "darwin", "windows"].map(defaultTransport), [
    "native",
    "native",
    "ws",
  ]);
});

Deno.test("realtimeOptions tell their JSON Schema", () => {
  const schema = realtimeOptions["~standard"].jsonSchema.input({
    target: "draft-2020-12",
  });
  const { properties, required } = schema as {
    properties: Record<string, { default?: unknown; description?: string }>;
    required: string[];
  };
  assert.deepEqual(required, ["target"]);
  assert.equal(properties.chunkMs?.default, 100);
  for (const [name, { description }] of Object.entries(properties)) {
    assert.ok(description, name);
  }
});

// GuideLLM tests of its options, 16 and 18 to 22 of guidellm_cases_test.ts, and more: what cannot be used is refused by name, with its value and the rule.
const REFUSED: readonly [options: Record<string, unknown>, problem: RegExp][] =
  [
    [
      { target: "" },
      /target: Cannot .* must be an http, https, ws or wss URL: current value is ""/,
    ],
    [{ target: "nope" }, /target.*current value is "nope"/],
    [{ target: undefined }, /target.*must be/],
    [{ path: "realtime" }, /path.*must begin with \/.*"realtime"/],
    [{ path: "/x?y" }, /path.*hold no query/],
    [{ dialect: "nope" }, /dialect/],
    [{ mode: "slow" }, /mode/],
    [{ chunkMs: 0 }, /chunkMs.*must be 10 to 60000 ms: current value is 0/],
    [{ chunkMs: "fast" }, /chunkMs.*"fast"/],
    [{ speed: -1 }, /speed.*current value is -1/],
    [{ mode: "batch", speed: 1 }, /speed: Cannot pace batch mode/],
    [{ session: { model: "x" } }, /session: Cannot set type or model/],
    [{ session: { type: "x" } }, /session: Cannot set type or model/],
    [{ healthPath: "health" }, /healthPath/],
    [
      { readyTimeoutMs: 0 },
      /readyTimeoutMs must be between 1 ms and 24 h, but was 0 ms$/,
    ],
    [{ maxIgnoredEvents: -1 }, /maxIgnoredEvents/],
    [{ maxIgnoredEvents: 1.5 }, /maxIgnoredEvents.*whole number/],
    [{ clientCert: "c.pem" }, /clientKey.*go together/],
    [{ apiKeyEnv: "K", headers: { authorization: "x" } }, /apiKeyEnv/],
    [{ chunks: 3 }, /chunks/],
    [{ headers: { "bad name": "x" } }, /headers/],
    [
      { caCert: "/nonexistent/ca.pem" },
      /Cannot use caCert .*\/nonexistent\/ca.pem/,
    ],
    [
      { caCert: import.meta.filename! },
      /Cannot use caCert/,
    ],
    [
      { apiKeyEnv: "UNSET_KEY" },
      /Cannot use apiKeyEnv .*must be set: current value is UNSET_KEY/,
    ],
  ];

for (const [options, problem] of REFUSED) {
  Deno.test(`realtime() refuses ${JSON.stringify(options)}`, async () => {
    await assert.rejects(
      openRealtime({ target: "http://127.0.0.1:1", ...options }),
      (error) =>
        error instanceof UsageError && problem.test(error.message) ||
        assert.fail(`${error}`),
    );
  });
}

Deno.test("realtime() tells every problem at once", async () => {
  await assert.rejects(
    openRealtime({ target: "x", chunkMs: 1, speed: -1 }),
    (error) => error instanceof UsageError && error.problems.length === 3,
  );
});
