import assert from "node:assert/strict";
import { realtime } from "./realtime.ts";
import { RequestError, type Sample, type Usage } from "../../plugins/mod.ts";
import {
  answer,
  failureOf,
  fileOf,
  test,
} from "../../tests/support/realtime_test_case.ts";
import { sample } from "../../tests/support/sample.ts";
import { done } from "../../tests/support/scripted_server.ts";
import {
  openRealtime,
  testAudio,
  testContext,
  transcribe,
  transcribeOnce,
} from "../../tests/support/transcribe.ts";

test(
  "keeps prefix and query and shows its key everywhere but to people",
  (peer) => {
    peer.send({ type: "error", error: "bad key sk-123456", code: "sk-123456" });
  },
  async (server, transport) => {
    const seen: string[] = [];
    const backend = await realtime({
      target: `${
        server.url.replace("//", "//user:pass-word@")
      }/pre/fix?k=query-secret`,
      transport,
      apiKeyEnv: "KEY",
    }).open(testContext({
      env: (name) => name === "KEY" ? "sk-123456" : undefined,
      trace: (direction, message) => void seen.push(`${direction} ${message}`),
    }));
    const sample = await transcribe(backend);
    await backend[Symbol.asyncDispose]!();
    const asked = [...server.requests, server.peers[0]!.request];
    assert.deepEqual(asked.map(({ url }) => url), [
      "/pre/fix/health?k=query-secret",
      "/pre/fix/v1/models?k=query-secret",
      "/pre/fix/v1/realtime?k=query-secret",
    ]);
    for (const { headers } of asked) {
      assert.equal(
        headers.authorization,
        "Bearer sk-123456",
      );
    }
    assert.equal(failureOf(sample).class, "server_error");
    const reported = JSON.stringify([sample, backend.facts, seen]);
    assert.doesNotMatch(
      reported,
      /sk-123456|query-secret|pass-word/,
    );
    assert.equal(
      backend.facts!.url,
      `ws://127.0.0.1:${server.port}/pre/fix/v1/realtime`,
    );
  },
  { http: () => ({ status: 200, body: '{"data":[{"id":"m"}]}' }) },
);

test(
  "refuses to start if nobody answers, or not well",
  () => {},
  async (server, transport) => {
    const given = { target: server.url, transport, healthPath: "/health" };
    await assert.rejects(
      openRealtime(given),
      (error) =>
        error instanceof RequestError && error.class === "connect_error" &&
        error.code === "503" &&
        /healthPath=off/.test(error.message),
    );
    await server[Symbol.asyncDispose]();
    await assert.rejects(
      openRealtime(given),
      (error) =>
        error instanceof RequestError && error.class === "connect_error" &&
        error.code === "ECONNREFUSED",
    );
  },
  { http: () => ({ status: 503 }) },
);

test(
  "gives up a health probe that is not answered in time",
  () => {},
  async (server, transport) => {
    const given = {
      target: server.url,
      transport,
      healthPath: "/health",
      connectTimeoutMs: 40,
    };
    await assert.rejects(
      openRealtime(given),
      (error) =>
        error instanceof RequestError && error.class === "connect_timeout",
    );
  },
  { ignoreRequests: true },
);

test(
  "streams over TLS with a CA of one's own, probe and models too",
  (peer) => answer(peer, done("x")),
  async (server, transport) => {
    const secure = {
      target: `https://127.0.0.1:${server.port}`,
      transport,
      speed: 0,
      model: undefined!,
      healthPath: "/health",
    };
    const sample = await transcribeOnce({
      ...secure,
      caCert: fileOf("ca.pem"),
    });
    assert.equal(sample.outcome.status, "ok");
    assert.equal(
      (await transcribeOnce({ ...secure, insecure: true })).outcome.status,
      "ok",
    );
    await assert.rejects(
      openRealtime(secure),
      (error) =>
        error instanceof RequestError && error.class === "connect_error",
    );
    const blind = await transcribeOnce({
      ...secure,
      model: "m",
      healthPath: false,
    });
    assert.equal(failureOf(blind).class, "connect_error");
    assert.match(failureOf(blind).message, /cert|issuer/i);
  },
  {
    tls: {
      cert: await Deno.readTextFile(fileOf("server.pem")),
      key: await Deno.readTextFile(fileOf("server.key")),
    },
    http: () => ({ status: 200, body: '{"data":[{"id":"a"}]}' }),
  },
);

Deno.test("realtime() counts tokens that the server cannot have counted right, and says so once", async () => {
  const warnings: string[] = [];
  const backend = await openRealtime(
    { target: "http://127.0.0.1:1", transport: "ws" },
    { warn: (message) => void warnings.push(message) },
  );
  const delta = { atMs: 1, kind: "text", text: " four" } as const;
  const of = (usage: Usage, deltas: Sample["deltas"] = [delta, delta]) =>
    backend.countTokens!(
      sample({ deltas, output: { text: " four four", usage } }),
      {
        id: 0,
        turn: { columns: {} },
        prepared: undefined,
        session: { id: "s", turn: 0, history: [] },
      },
      new AbortController().signal,
    );
  const counted = { outputTokens: 2, countedBy: { output: "deltas" } };
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await of({ inputTokens: 9, outputTokens: 0 }), counted);
  }
  assert.deepEqual(await of({ inputTokens: 9 }), counted);
  assert.deepEqual(await of({ inputTokens: 9, outputTokens: 40 }), {});
  const again = [delta, { ...delta, mode: "replace" } as const];
  assert.deepEqual(await of({ outputTokens: 0 }, again), {
    outputTokens: 3,
    countedBy: { output: "characters" },
  });
  assert.deepEqual(warnings, [
    "server counted 0 tokens for 2 deltas; counted by deltas instead",
  ]);
  await backend[Symbol.asyncDispose]!();
});

Deno.test("realtime() does not wait for a decoder when the stage ends", async () => {
  const target = "http://127.0.0.1:1";
  const backend = await openRealtime({ target, transport: "ws" });
  const stop = new AbortController();
  const { promise: never } = Promise.withResolvers<never>();
  const audio = { ...testAudio(10), pcm16: () => never };
  const prepared = backend.prepare!({ columns: { audio } }, stop.signal);
  stop.abort();
  await assert.rejects(prepared, { name: "AbortError" });
  await backend[Symbol.asyncDispose]!();
});

Deno.test("realtime() reports its settings", async () => {
  const target = "http://127.0.0.1:1";
  const paced = await openRealtime({ target, transport: "ws" });
  assert.deepEqual(paced.facts, {
    dialect: "vllm",
    mode: "stream",
    speed: 1,
    chunkMs: 100,
    transport: "ws",
    model: "m",
    url: "ws://127.0.0.1:1/v1/realtime",
    reuse: false,
  });
  const batch = await openRealtime({ target, mode: "batch" });
  assert.deepEqual([batch.facts!.mode, batch.facts!.speed], ["batch", 0]);
  for (const backend of [paced, batch]) await backend[Symbol.asyncDispose]!();
});

/** The first client of a server, once it is there. */
