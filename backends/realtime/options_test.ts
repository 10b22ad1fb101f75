import assert from "node:assert/strict";
import { defaultTransport, realtimeOptions } from "./realtime.ts";
import {
  type Backend,
  type OpenContext,
  UsageError,
} from "../../plugins/mod.ts";
import { tempFolder } from "../../tests/support/files.ts";
import { openRealtime } from "../../tests/support/transcribe.ts";

Deno.test("realtimeOptions fill in what is left out", () => {
  const { transport, ...settings } = realtimeOptions.parse({
    target: "http://h",
  });
  assert.equal(transport, defaultTransport(Deno.build.os));
  assert.deepEqual(settings, {
    target: "http://h",
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

Deno.test("defaultTransport() is native where Unix sockets are available", () => {
  assert.deepEqual(["linux", "darwin", "windows"].map(defaultTransport), [
    "native",
    "native",
    "ws",
  ]);
});

Deno.test("realtimeOptions have a JSON Schema", () => {
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
      /target:? must be an http, https, ws or wss URL, but was ""/,
    ],
    [{ target: "nope" }, /target:? .*but was "nope"/],
    [{ target: undefined }, /target:? .*must be/],
    [{ path: "realtime" }, /path:? .*must begin with \/.*"realtime"/],
    [{ path: "/x?y" }, /path:? .*have no query/],
    [{ dialect: "nope" }, /dialect/],
    [{ mode: "slow" }, /mode/],
    [{ chunkMs: 0 }, /chunkMs:? must be between 10 and 60000, but was 0/],
    [{ chunkMs: "fast" }, /chunkMs:? .*but was "fast"/],
    [{ speed: -1 }, /speed:? .*but was -1/],
    [{ mode: "batch", speed: 1 }, /speed:? must be 0 in batch mode.*but was 1/],
    [{ session: { model: "x" } }, /^session must not contain type or model/],
    [{ session: { type: "x" } }, /^session must not contain type or model/],
    [{ healthPath: "health" }, /healthPath/],
    [
      { readyTimeoutMs: 0 },
      /readyTimeoutMs:? must be between 1 ms and 24 h, but was 0$/,
    ],
    [{ maxIgnoredEvents: -1 }, /maxIgnoredEvents/],
    [{ maxIgnoredEvents: 1.5 }, /maxIgnoredEvents:? .*whole number/],
    [{ clientCert: "c.pem" }, /clientKey:? .*belong together/],
    [{ apiKeyEnv: "K", headers: { authorization: "x" } }, /apiKeyEnv/],
    [{ chunks: 3 }, /chunks/],
    [{ headers: { "bad name": "x" } }, /headers/],
    [
      { caCert: "/nonexistent/ca.pem" },
      /caCert must be a PEM file .*\/nonexistent\/ca.pem/,
    ],
    [
      { caCert: import.meta.filename! },
      /caCert must be a PEM file/,
    ],
    [
      { apiKeyEnv: "UNSET_KEY" },
      /apiKeyEnv: .*must be set: UNSET_KEY/,
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

Deno.test("realtime() reports every problem at once", async () => {
  await assert.rejects(
    openRealtime({ target: "x", chunkMs: 1, speed: -1 }),
    (error) => error instanceof UsageError && error.problems.length === 3,
  );
});

/** Opens the backend with a dialect whose handshake, and other fields, are given as code. */
async function openWith(
  handshake: string,
  context?: Partial<OpenContext>,
  more = "",
): Promise<Backend> {
  await using folder = await tempFolder({
    "toy.ts": `export default {
      kind: "dialect", apiVersion: 1, name: "toy", summary: "A toy",
      options: { "~standard": {
        version: 1, vendor: "test", validate: (value) => ({ value }),
      } },
      open: () => ({
        path: "/toy", sampleRateHz: 8000, handshake: () => (${handshake}),
        start: () => ({ state: 0, events: [{ kind: "ready" }] }),
        receive: (state) => ({ state, events: [] }),
        begin: () => [], append: (audio) => audio, end: () => [], ${more}
      }),
    };`,
  });
  const dialect = `${folder.path}/toy.ts`;
  const target = "http://127.0.0.1:1";
  return await openRealtime({ target, dialect, session: { type: 1 } }, context);
}

for (
  const [handshake, problem] of [
    [
      '{ headers: { "bad name": "x" } }',
      'dialect toy: headers: "bad name" must be a valid HTTP name and value',
    ],
    [
      '{ headers: { "x-key": "two\\nlines" } }',
      'dialect toy: headers: "x-key" must be a valid HTTP name and value',
    ],
    [
      "{ headers: { upgrade: 'x' } }",
      "dialect toy: headers: upgrade must not be given, as it belongs to the connection",
    ],
    [
      "{ query: { rate: 8000 } }",
      "dialect toy: query: rate must be a string, but was of type number",
    ],
    [
      "{ protocols: ['a b'] }",
      "dialect toy: protocols must be tokens of HTTP",
    ],
  ] as const
) {
  Deno.test(`realtime() refuses a dialect's handshake ${handshake}`, async () => {
    await assert.rejects(openWith(handshake), {
      name: "UsageError",
      message: problem,
    });
  });
}

Deno.test("realtime() names the dialect that throws, or has a wrong field", async () => {
  for (
    const [more, message] of [
      ["path: 5", "path must be a string, but was of type number"],
      ["end: 5", "end must be a function"],
      [
        "sampleRateHz: 0.5",
        "sampleRateHz must be a whole number above 0, but was 0.5",
      ],
      ["handshake() { throw new Error('boo') }", "handshake failed: boo"],
      [
        "handshake: () => ({ protocols: 5 })",
        "handshake failed: protocols.every is not a function",
      ],
    ] as const
  ) {
    await assert.rejects(openWith("{}", {}, more), {
      name: "UsageError",
      message: `dialect toy: ${message}`,
    });
  }
});

Deno.test("realtime() leaves the session's fields to the dialect", async () => {
  const backend = await openWith("{ query: { rate: '8000' } }");
  await backend[Symbol.asyncDispose]!();
});
