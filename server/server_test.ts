import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { hashAudio, startServer, startServerThread } from "./mod.ts";
import { serverClock } from "./clock.ts";
import { testCa, testTls } from "../tests/support/certificate.ts";
import {
  append,
  appendOf,
  connectClient,
  final,
  refusedClient,
  start,
  type TestEvent,
  tone,
  update,
} from "../tests/support/websocket_client.ts";

const { now: wallMs } = serverClock();
Deno.test("startServer() answers over HTTP as vLLM does", async () => {
  await using server = await startServer({ model: "m", maxModelLen: 4096 });
  const get = async (path: string) => {
    const response = await fetch(server.url + path);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await get("/health"), [200, ""]);
  assert.deepEqual(await get("/ping"), [200, ""]);
  const notFound = [404, '{"detail":"Not Found"}'];
  assert.deepEqual(await get("/nope"), notFound);
  assert.deepEqual(await get("/v1/realtime"), notFound);
  const [status, body] = await get("/v1/models");
  const { object, data } = JSON.parse(body as string);
  assert.equal(status, 200);
  assert.equal(object, "list");
  assert.equal(data[0].id, "m");
  assert.equal(data[0].max_model_len, 4096);
  assert.match(data[0].permission[0].id, /^modelperm-[0-9a-f]{16}$/);
});

Deno.test("startServer() lists its models, or an empty list", async () => {
  await using server = await startServer({ models: [], healthStatus: 503 });
  const models = await (await fetch(`${server.url}/v1/models`)).json();
  assert.deepEqual(models, { object: "list", data: [] });
  const health = await fetch(`${server.url}/health`);
  await health.body?.cancel();
  assert.equal(health.status, 503);
});

Deno.test("startServer() refuses an upgrade of any other path with 403", async () => {
  await using server = await startServer();
  for (const path of ["/v1/realtimex", "/v1/realtime/", "/"]) {
    assert.deepEqual(await refusedClient(server.url + path), {
      status: 403,
      body: "",
    });
  }
});

Deno.test("startServer() refuses an upgrade with a malformed host, and goes on", async () => {
  await using server = await startServer();
  const socket = connectTcp(server.port, "127.0.0.1");
  socket.write(
    "GET / HTTP/1.1\r\nHost: [\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  let answer = "";
  for await (const piece of socket) answer += piece;
  assert.match(answer, /^HTTP\/1.1 403 /);
  await using client = await connectClient(`${server.url}/v1/realtime`);
  await client.until("session.created");
});

Deno.test("startServer() asks for its key below /v1, on HTTP and on the upgrade", async () => {
  await using server = await startServer({ apiKey: "k" });
  const refused = { status: 401, body: '{"error":"Unauthorized"}' };
  const models = await fetch(`${server.url}/v1/models`);
  assert.deepEqual(
    { status: models.status, body: await models.text() },
    refused,
  );
  assert.deepEqual(await refusedClient(`${server.url}/v1/realtime`), refused);
  const headers = { authorization: "Bearer k" };
  const allowed = await fetch(`${server.url}/v1/models`, { headers });
  await allowed.body?.cancel();
  assert.equal(allowed.status, 200);
  const health = await fetch(`${server.url}/health`);
  await health.body?.cancel();
  assert.equal(health.status, 200);
  await using client = await connectClient(`${server.url}/v1/realtime`, {
    headers,
  });
  await client.until("session.created");
});

Deno.test("startServer() speaks TLS", async () => {
  await using server = await startServer({ tls: testTls, tokenMs: 0 });
  assert.match(server.url, /^https:/);
  using http = Deno.createHttpClient({ caCerts: [testCa] });
  const health = await fetch(`${server.url}/health`, { client: http });
  await health.body?.cancel();
  assert.equal(health.status, 200);
  await using client = await connectClient(`${server.url}/v1/realtime`, {
    ca: testCa,
  });
  for (const event of [update(), start, append(500), final]) {
    client.send(event);
  }
  const events = await client.until("transcription.done");
  assert.equal(events.length, 1 + 17 + 1);
  await assert.rejects(
    connectClient(`${server.url}/v1/realtime`),
    /certificate|UnknownIssuer/i,
  );
});

Deno.test("startServer() serves below a prefix, with any query", async () => {
  await using server = await startServer({ pathPrefix: "/team/a" });
  await using client = await connectClient(
    `${server.url}/team/a/v1/realtime?intent=transcription&model=x`,
  );
  await client.until("session.created");
  const health = await fetch(`${server.url}/team/a/health`);
  await health.body?.cancel();
  assert.equal(health.status, 200);
  assert.equal((await refusedClient(`${server.url}/v1/realtime`)).status, 403);
});

Deno.test("startServer() chooses no subprotocol, and takes permessage-deflate if offered", async () => {
  await using server = await startServer({ tokenMs: 0 });
  const url = `${server.url}/v1/realtime`;
  await using plain = await connectClient(url);
  assert.equal(plain.socket.extensions, "");
  await using client = await connectClient(url, { deflate: true });
  assert.match(client.socket.extensions, /permessage-deflate/);
  for (const event of [update(), start, append(3000), final]) {
    client.send(event);
  }
  const events = await client.until("transcription.done");
  assert.equal(events.length, 1 + 48 + 1);
});

Deno.test("startServer() takes 15 MiB in a frame, and closes a larger one with 1009", async () => {
  await using server = await startServer();
  await using client = await connectClient(`${server.url}/v1/realtime`);
  const ofBytes = (bytes: number) =>
    JSON.stringify({
      type: "input_audio_buffer.append",
      audio: "A".repeat(bytes),
    });
  client.sendText(ofBytes(15_000_000));
  assert.deepEqual(
    (await client.settled()).map(({ type }) => type),
    ["session.created"],
  );
  client.sendText(ofBytes(17_000_000));
  assert.deepEqual(await client.closed, {
    code: 1009,
    reason: "frame exceeds limit of 16777216 bytes",
  });
});

Deno.test("startServer() pings, and closes clients that do not answer with 1011", async () => {
  await using server = await startServer();
  const url = `${server.url}/v1/realtime?pingIntervalMs=20&pongTimeoutMs=60`;
  await using alive = await connectClient(url);
  await using dead = await connectClient(url, { autoPong: false });
  assert.deepEqual(await dead.closed, {
    code: 1011,
    reason: "keepalive ping timeout",
  });
  await alive.settled();
  assert.ok(alive.pings() >= 2);
});

Deno.test("close() ends streams with 1012 and no done", async () => {
  const server = await startServer({ tokenMs: 0 });
  await using client = await connectClient(`${server.url}/v1/realtime`);
  for (const event of [update(), start, append(1000)]) client.send(event);
  await client.settled();
  await server.close();
  assert.deepEqual(await client.closed, { code: 1012, reason: "" });
  assert.ok(
    !client.received.some((event) =>
      (event as TestEvent).type === "transcription.done"
    ),
  );
  await server.close();
});

Deno.test("close() does not wait for clients that do not answer", async () => {
  const server = await startServer();
  const socket = connectTcp(server.port, "127.0.0.1");
  const ended = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  socket.write(
    "GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await new Promise((resolve) => socket.once("data", resolve));
  await server.close();
  socket.destroy();
  await ended;
});

Deno.test("startServer() waits before it accepts and before it greets", async () => {
  await using server = await startServer({
    acceptDelayMs: 30,
    createdDelayMs: 40,
  });
  const beforeMs = wallMs();
  await using client = await connectClient(`${server.url}/v1/realtime`);
  const openMs = wallMs();
  await client.until("session.created");
  assert.ok(openMs - beforeMs >= 29, `${openMs - beforeMs}`);
  const [accepted, created] = server.log();
  assert.ok(created!.atMs - accepted!.atMs >= 39);
});

Deno.test("the log holds every event with its time, and the audio byte for byte", async () => {
  await using server = await startServer({ tokenMs: 0 });
  await using client = await connectClient(`${server.url}/v1/realtime`);
  const [created] = await client.until("session.created");
  const samples = tone(300);
  const beforeMs = wallMs();
  for (
    const event of [
      update(),
      start,
      appendOf(samples.slice(0, 1000)),
      appendOf(samples.slice(1000)),
      final,
    ]
  ) client.send(event);
  const events = await client.until("transcription.done");
  const afterMs = wallMs();
  const log = server.log().filter(({ session }) => session === created!.id);
  assert.deepEqual(
    log.filter(({ direction }) => direction === "in").map(({ type }) => type),
    [
      "session.update",
      "input_audio_buffer.commit",
      "input_audio_buffer.append",
      "input_audio_buffer.append",
      "input_audio_buffer.commit final",
    ],
  );
  const sent = log.filter(({ direction }) => direction === "out");
  assert.deepEqual(
    sent.map(({ type, chars }) => [type, chars]).slice(1),
    events.map(({ type, delta, text }) => [
      type,
      ((delta ?? text) as string).length,
    ]),
  );
  for (const { atMs } of log.slice(2)) {
    assert.ok(atMs >= beforeMs - 1 && atMs <= afterMs + 1);
  }
  const appends = log.filter(({ type }) => type.endsWith("append"));
  assert.deepEqual(appends.map(({ audioMs }) => audioMs), [62.5, 300]);
  assert.deepEqual(appends.map(({ audioHash }) => audioHash), [
    hashAudio(samples.subarray(0, 1000)),
    hashAudio(samples),
  ]);
});

Deno.test("GET /log serves the log as JSON Lines, since a position and of a session; DELETE clears it", async () => {
  await using server = await startServer({ tokenMs: 0, logEntries: 20 });
  await using client = await connectClient(`${server.url}/v1/realtime`);
  const [created] = await client.until("session.created");
  for (const event of [update(), start, append(1000), final]) {
    client.send(event);
  }
  await client.until("transcription.done");
  const read = async (query = "") => {
    const response = await fetch(`${server.url}/log${query}`);
    const lines = (await response.text()).split("\n").filter(Boolean);
    const dropped = response.headers.get("earshot-log-dropped");
    return { dropped, entries: lines.map((line) => JSON.parse(line)) };
  };
  const { dropped, entries } = await read();
  assert.equal(entries.length, 20);
  assert.equal(dropped, String(entries[0].seq));
  assert.deepEqual(entries, server.log());
  assert.equal((await read(`?since=${entries[15].seq}`)).entries.length, 5);
  assert.equal((await read(`?session=${created!.id}`)).entries.length, 20);
  assert.equal((await read("?session=other")).entries.length, 0);
  const cleared = await fetch(`${server.url}/log`, { method: "DELETE" });
  await cleared.body?.cancel();
  assert.equal(cleared.status, 204);
  assert.deepEqual((await read()).entries, []);
});

Deno.test("startServer() reads a session's options from the query and a header", async () => {
  await using server = await startServer({ tokenMs: 100_000 });
  await using client = await connectClient(
    `${server.url}/v1/realtime?promptTokens=33`,
    { headers: { "earshot-options": "tokenMs=0&rightPadTokens=3" } },
  );
  for (const event of [update(), start, append(800), final]) {
    client.send(event);
  }
  const { usage } = (await client.until("transcription.done")).at(-1)!;
  assert.deepEqual(usage, {
    prompt_tokens: 33,
    total_tokens: 45,
    completion_tokens: 12,
    prompt_tokens_details: null,
    completion_tokens_details: null,
  });
  const { status, body } = await refusedClient(
    `${server.url}/v1/realtime?tokenMs=fast`,
  );
  assert.deepEqual([status, body], [
    400,
    "tokenMs must be a number of at least 0, but was fast",
  ]);
  const misspelt = await refusedClient(`${server.url}/v1/realtime`, {
    headers: { "earshot-options": "tokensMs=3" },
  });
  assert.deepEqual([misspelt.status, misspelt.body], [
    400,
    'earshot-options: unknown setting "tokensMs"; did you mean "tokenMs"?',
  ]);
});

Deno.test("startServerThread() runs a server in a thread, on a clock that agrees", async () => {
  await using server = await startServerThread({ tokenMs: 0 });
  await using client = await connectClient(`${server.url}/v1/realtime`);
  await client.until("session.created");
  const beforeMs = wallMs();
  for (const event of [update(), start, append(1000), final]) {
    client.send(event);
  }
  await client.until("transcription.done");
  const afterMs = wallMs();
  const text = await (await fetch(`${server.url}/log`)).text();
  const log = text.trim().split("\n").map((line) => JSON.parse(line)).slice(2);
  assert.equal(log.length, 4 + 23 + 1);
  for (const { atMs } of log) {
    assert.ok(atMs >= beforeMs - 2 && atMs <= afterMs + 2);
  }
});

Deno.test("startServerThread() rejects what the server rejects", async () => {
  await using server = await startServer();
  await assert.rejects(
    startServerThread({ port: server.port }),
    /^Error: cannot listen at 127\.0\.0\.1:\d+: /,
  );
});
