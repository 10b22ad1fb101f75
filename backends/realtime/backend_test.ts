import assert from "node:assert/strict";
import { RequestError, type Sample, UsageError } from "../../plugins/mod.ts";
import { realtime } from "./backend.ts";
import {
  created,
  delta,
  done,
  finalCommit,
  type Message,
  type Peer,
  type ScriptedServer,
  scriptedServer,
  type ScriptOptions,
} from "./testing/scripted_server.ts";
import {
  openRealtime,
  testAudio,
  testContext,
  transcribe,
  transcribeOnce,
  type TranscribeOptions,
} from "./testing/transcribe_test.ts";
import type { RealtimeOptions } from "./options.ts";

type Body = (
  server: ScriptedServer,
  transport: "native" | "ws",
) => Promise<void>;

/** A test over both transports, against a server that plays a script. */
function test(
  name: string,
  script: (peer: Peer) => void | Promise<void>,
  body: Body,
  options?: ScriptOptions,
): void {
  for (const transport of ["native", "ws"] as const) {
    Deno.test(`realtime() ${name}, over ${transport}`, async () => {
      await using server = await scriptedServer(script, options);
      await body(server, transport);
    });
  }
}

/** The same, of one utterance and what came of it. */
function utterance(
  name: string,
  script: (peer: Peer) => void | Promise<void>,
  check: (sample: Sample, server: ScriptedServer) => void | Promise<void>,
  { options = {}, input = {}, server = {} }: {
    options?: Partial<RealtimeOptions>;
    input?: TranscribeOptions;
    server?: ScriptOptions;
  } = {},
): void {
  test(name, script, async (server, transport) => {
    const given = {
      target: server.url,
      transport,
      chunkMs: 20,
      speed: 4,
      ...options,
    };
    await check(await transcribeOnce(given, input), server);
  }, server);
}

function failureOf({ outcome }: Sample) {
  assert.ok(outcome.status !== "ok", "it went well");
  return outcome.failure;
}

const commits = (peer: Peer) =>
  peer.received.filter(({ type }) => type === "input_audio_buffer.commit").map((
    { final },
  ) => final);
const typesOf = (peer: Peer) =>
  peer.received.map(({ type }) => type.split(".").at(-1));

/** Greets, hears the utterance out and answers. */
async function answer(
  peer: Peer,
  ...messages: (Message | string)[]
): Promise<void> {
  peer.send(created);
  await finalCommit(peer);
  peer.send(...messages);
}

// The numbers are those of guidellm.md §10.1; the rest is what §10.5 says is tested nowhere.

// 1
utterance(
  "streams deltas and done",
  (peer) => answer(peer, delta("hi"), done("hi")),
  (sample, { peers: [peer] }) => {
    assert.deepEqual(sample.outcome, { status: "ok" });
    assert.deepEqual(commits(peer!), [false, true]);
    assert.deepEqual(sample.deltas.map(({ text }) => text), ["hi"]);
    assert.deepEqual(sample.output, {
      text: "hi",
      usage: { inputTokens: 5, outputTokens: 1 },
    });
  },
);

// 2
utterance(
  "takes an empty delta for an event and not for text",
  (peer) => answer(peer, delta(""), done("ok")),
  ({ deltas, output, outcome }) => {
    assert.equal(outcome.status, "ok");
    assert.deepEqual(deltas.map(({ text }) => text), ["", "ok"]);
    assert.equal(output.text, "ok");
  },
  { options: { maxIgnoredEvents: 0 } },
);

// 3
utterance(
  "takes done alone for the first text",
  (peer) => answer(peer, done("only-done", 2, 7)),
  ({ deltas, output, marks }) => {
    assert.deepEqual(output, {
      text: "only-done",
      usage: { inputTokens: 2, outputTokens: 7 },
    });
    assert.deepEqual(deltas, [{
      atMs: marks.final,
      kind: "text",
      text: "only-done",
    }]);
  },
);

// 4
utterance(
  "fails on an error event, its code kept",
  async (peer) => {
    peer.send(created);
    await peer.until("input_audio_buffer.commit");
    peer.send({ type: "error", error: "bad", code: "e1" });
  },
  (sample) =>
    assert.deepEqual(failureOf(sample), {
      class: "server_error",
      code: "e1",
      message: "e1: bad",
    }),
);

// 5
utterance(
  "fails on an error as the first message",
  (peer) => {
    peer.send({ type: "error", error: "auth failed" });
  },
  (sample) =>
    assert.deepEqual(failureOf(sample), {
      class: "server_error",
      message: "auth failed",
    }),
);

// 6
utterance("fails if the first message is not session.created", (peer) => {
  peer.send({ type: "unexpected.ping" });
}, (sample) => {
  assert.equal(failureOf(sample).class, "protocol_error");
  assert.match(failureOf(sample).message, /session\.created.*unexpected\.ping/);
});

// 7
utterance("fails on bad JSON", (peer) => peer.send("{not-json"), (sample) => {
  assert.equal(failureOf(sample).class, "protocol_error");
  assert.match(failureOf(sample).message, /\{not-json/);
});

// 8
test("sends nothing once it is closed", () => {}, async (server, transport) => {
  const backend = await openRealtime({ target: server.url, transport });
  await backend[Symbol.asyncDispose]!();
  const { class: failure, message } = failureOf(await transcribe(backend));
  assert.equal(failure, "backend_error");
  assert.match(message, /closed/);
  assert.equal(server.peers.length, 0);
});

// 9: where GuideLLM refuses a history, each turn of a session is an utterance of its own.
test(
  "sends a later turn as an utterance of its own",
  (peer) => answer(peer, done("x")),
  async (server, transport) => {
    const backend = await openRealtime({
      target: server.url,
      transport,
      speed: 0,
    });
    const turn = {
      columns: {
        audio: testAudio(40),
        text: "secret prompt",
        reference: "secret",
      },
    };
    const signal = new AbortController().signal;
    const prepared = await backend.prepare!(turn, signal);
    const history = [{ turn: { columns: { text: "before" } }, answer: "said" }];
    const { systemClock } = await import("../../core/clock.ts");
    const clock = systemClock();
    await backend.send({
      id: 1,
      turn,
      prepared,
      session: { id: "s", turn: 1, history },
    }, {
      signal,
      clock,
      read: () => clock.now(),
      output: () => {},
      mark: () => {},
      audioSent: () => {},
    });
    await backend[Symbol.asyncDispose]!();
    const wire = JSON.stringify(server.peers[0]!.received);
    for (const word of ["before", "said", "secret"]) {
      assert.ok(
        !wire.includes(word),
      );
    }
  },
);

// 10
Deno.test("realtime() needs audio, and refuses a turn without", async () => {
  const backend = await openRealtime({ target: "http://127.0.0.1:1" });
  assert.deepEqual(backend.needs, ["audio"]);
  const { signal } = new AbortController();
  await assert.rejects(
    async () => await backend.prepare!({ columns: {} }, signal),
    /must have audio/,
  );
  await backend[Symbol.asyncDispose]!();
});

// 11
test(
  "keeps a partial transcript when it is cancelled, and lets the socket go",
  (peer) => {
    peer.send(created, delta("too early"));
  },
  async (server, transport) => {
    const abort = new AbortController();
    const backend = await openRealtime({ target: server.url, transport });
    const sent = transcribe(backend, {
      audio: testAudio(60_000),
      signal: abort.signal,
    });
    const peer = await first(server);
    await peer.until("input_audio_buffer.append");
    peer.send(delta("partial"));
    await peer.ping();
    await peer.until("input_audio_buffer.append");
    abort.abort(new Error("stop"));
    const sample = await sent;
    assert.equal(sample.outcome.status, "cancelled");
    assert.equal(sample.output.text, "too earlypartial");
    assert.equal((await peer.ended).code, 1000);
    await backend[Symbol.asyncDispose]!();
  },
);

// 12
utterance(
  "fails on JSON that is no object",
  (peer) => peer.send(created, "[]"),
  (sample) => {
    assert.equal(failureOf(sample).class, "protocol_error");
    assert.match(
      failureOf(sample).message,
      /JSON object: current value is \[\]/,
    );
  },
);

// 13
utterance("fails on too many unknown events", (peer) => {
  peer.send(created, ...Array(10).fill({ type: "noise.event" }));
}, (sample) => {
  assert.equal(failureOf(sample).class, "protocol_error");
  assert.match(failureOf(sample).message, /3 \(last type noise\.event\)/);
}, { options: { maxIgnoredEvents: 2 } });

// 14, and the way it should go, of §10.5
utterance(
  "takes the first model listed, behind a prefix and with query and key",
  (peer) => answer(peer, done("x")),
  ({ outcome }, { peers: [peer], requests }) => {
    assert.equal(outcome.status, "ok");
    assert.deepEqual(peer!.received[0], { type: "session.update", model: "a" });
    assert.deepEqual(requests.map(({ url }) => url), ["/v1/models"]);
  },
  {
    options: { model: undefined! },
    server: {
      http: () => ({ status: 200, body: '{"data":[{"id":"a"},{"id":"b"}]}' }),
    },
  },
);

// 15
for (
  const [body, status] of [['{"data":[]}', 200], ["", 404], [
    "no json",
    200,
  ]] as const
) {
  test(
    `refuses to go on with no model configured and none listed (${status} ${body})`,
    () => {},
    async (server, transport) => {
      await assert.rejects(
        openRealtime({ target: server.url, transport, model: undefined! }),
        (error) =>
          error instanceof UsageError &&
          /none is configured/.test(error.message),
      );
    },
    { http: () => ({ status, body }) },
  );
}

// 17
utterance(
  "fails on an error that is an object",
  (peer) => {
    peer.send({ type: "error", error: { message: "who?", code: "401" } });
  },
  (sample) =>
    assert.deepEqual(failureOf(sample), {
      class: "server_error",
      code: "401",
      message: "401: who?",
    }),
);

// 16 and 18 to 22 are in options_test.ts.

utterance(
  "keeps prefix and query, sends key, headers and extras",
  (peer) => answer(peer, done("x")),
  ({ outcome }, { peers: [peer] }) => {
    assert.equal(outcome.status, "ok");
    assert.equal(peer!.request.url, "/v1/realtime");
    assert.equal(peer!.request.headers["x-team"], "blue");
    assert.deepEqual(peer!.received[0], {
      type: "session.update",
      model: "m",
      language: "en",
      more: { a: [1] },
    });
  },
  {
    options: {
      headers: { "x-team": "blue" },
      session: { language: "en", more: { a: [1] } },
    },
  },
);

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
    const told = JSON.stringify([sample, backend.facts, seen]);
    assert.doesNotMatch(
      told,
      /sk-123456|query-secret|pass-word/,
    );
    assert.equal(
      backend.facts!.url,
      `ws://127.0.0.1:${server.port}/pre/fix/v1/realtime`,
    );
  },
  { http: () => ({ status: 200, body: '{"data":[{"id":"m"}]}' }) },
);

utterance(
  "sends the audio in order, byte for byte, committing first",
  (peer) => answer(peer, done("x")),
  ({ audioSent }, { peers: [peer] }) => {
    assert.deepEqual(typesOf(peer!), [
      "update",
      "commit",
      ...Array(6).fill("append"),
      "commit",
    ]);
    const sent = peer!.received.flatMap(({ audio }) =>
      audio ? [...Uint8Array.fromBase64(audio as string)] : []
    );
    const samples = [...new Int16Array(new Uint8Array(sent).buffer)];
    assert.deepEqual(samples, Array.from({ length: 1680 }, (_, i) => i));
    assert.deepEqual(audioSent.map(({ endMs }) => endMs), [
      20,
      40,
      60,
      80,
      100,
      105,
    ]);
  },
  { input: { audio: testAudio(105) } },
);

utterance(
  "sends a batch in GuideLLM's order",
  (peer) => answer(peer, done("x")),
  ({ outcome }, { peers: [peer] }) => {
    assert.equal(outcome.status, "ok");
    assert.deepEqual(typesOf(peer!), [
      "update",
      ...Array(6).fill("append"),
      "commit",
      "commit",
    ]);
    assert.deepEqual(commits(peer!), [false, true]);
  },
  {
    options: { mode: "batch", speed: undefined! },
    input: { audio: testAudio(105) },
  },
);

utterance("hears deltas while it speaks", async (peer) => {
  peer.send(created);
  for (let i = 0; i < 5; i++) {
    await peer.until("input_audio_buffer.append");
    peer.send(delta(String(i)));
  }
  await finalCommit(peer);
  peer.send(done("01234"));
}, ({ deltas, audioSent, marks, outcome }) => {
  assert.equal(outcome.status, "ok");
  assert.ok(
    deltas[0]!.atMs < audioSent[2]!.atMs,
    "the first is heard before the third is said",
  );
  assert.ok(marks.endSent! > deltas[1]!.atMs);
}, { input: { audio: testAudio(200) } });

utterance(
  "paces its chunks as a microphone",
  (peer) => answer(peer, done("x")),
  ({ audioSent, marks }) => {
    assert.equal(audioSent.length, 15);
    audioSent.forEach(({ dueMs, atMs, endMs }) => {
      assert.ok(Math.abs(dueMs! - marks.streamStart! - endMs) < 1e-6);
      assert.ok(
        atMs >= dueMs! && atMs - dueMs! < 50,
        `${atMs - dueMs!} ms late`,
      );
    });
    assert.ok(marks.endSent! - audioSent.at(-1)!.atMs < 5);
  },
  { options: { speed: 1 }, input: { audio: testAudio(300) } },
);

test(
  "waits for a server that does not read, and sends all of it in the end",
  async (peer) => {
    peer.send(created);
    peer.pause();
    await new Promise((resolve) => setTimeout(resolve, 200));
    peer.resume();
    await finalCommit(peer);
    peer.send(done("x"));
  },
  async (server, transport) => {
    const minute = testAudio(300_000);
    const sample = await transcribeOnce({
      target: server.url,
      transport,
      chunkMs: 1000,
      speed: 0,
    }, { audio: minute });
    assert.equal(sample.outcome.status, "ok");
    assert.equal(sample.audioSent.length, 300);
    assert.equal(server.peers[0]!.received.length, 303);
    const spreadMs = sample.audioSent.at(-1)!.atMs - sample.audioSent[0]!.atMs;
    assert.ok(spreadMs > 50, `all was handed over within ${spreadMs} ms`);
  },
);

test("serves many streams at once", async (peer) => {
  peer.send(created);
  const { audio } = await peer.until("input_audio_buffer.append");
  await finalCommit(peer);
  peer.send(done((audio as string).slice(0, 8)));
}, async (server, transport) => {
  const backend = await openRealtime({ target: server.url, transport });
  const samples = await Promise.all(
    Array.from(
      { length: 40 },
      () => transcribe(backend, { audio: testAudio(200) }),
    ),
  );
  await backend[Symbol.asyncDispose]!();
  assert.deepEqual(
    samples.map(({ outcome }) => outcome.status),
    Array(40).fill("ok"),
  );
  assert.equal(server.peers.length, 40);
  assert.deepEqual(
    new Set(server.peers.map(({ received }) => received.length)),
    new Set([5]),
  );
});

test("takes one connection for all utterances when told to", async (peer) => {
  peer.send(created);
  for (let i = 0;; i++) {
    await finalCommit(peer);
    peer.send(done(String(i)), done("again"));
  }
}, async (server, transport) => {
  const backend = await openRealtime({
    target: server.url,
    transport,
    speed: 0,
    reuse: true,
  });
  const texts = [];
  for (let i = 0; i < 3; i++) {
    texts.push((await transcribe(backend)).output.text);
  }
  assert.deepEqual(texts, ["0", "1", "2"]);
  assert.equal(server.peers.length, 1);
  assert.equal(
    server.peers[0]!.received.filter(({ type }) => type === "session.update")
      .length,
    1,
  );
  await backend[Symbol.asyncDispose]!();
  assert.equal((await server.peers[0]!.ended).code, 1000);
});

utterance(
  "closes with 1000 and takes a new connection each time",
  (peer) => answer(peer, done("x"), done("x")),
  async ({ outcome }, { peers: [peer] }) => {
    assert.equal(outcome.status, "ok");
    assert.equal((await peer!.ended).code, 1000);
  },
);

utterance("tells a refused upgrade by status and body", () => {}, (sample) => {
  assert.deepEqual(failureOf(sample), {
    class: "connect_error",
    code: "401",
    message:
      "Cannot open a WebSocket as the server must switch protocols: answer is HTTP 401: no key",
  });
}, { server: { refuse: () => ({ status: 401, body: "no key" }) } });

utterance("tells what a 403 may mean", () => {}, (sample) => {
  assert.equal(failureOf(sample).code, "403");
  assert.match(failureOf(sample).message, /HTTP 403 \(.*not for realtime/);
}, { server: { refuse: () => ({ status: 403 }) } });

utterance(
  "gives up a socket that does not open in time",
  () => {},
  ({ outcome, marks }) => {
    assert.equal(
      outcome.status === "timeout" && outcome.failure.class,
      "connect_timeout",
    );
    assert.deepEqual(marks, {});
  },
  { options: { connectTimeoutMs: 40 }, server: { ignoreUpgrades: true } },
);

utterance(
  "gives up a session that is not ready in time",
  () => {},
  ({ outcome }) => {
    assert.equal(
      outcome.status === "timeout" && outcome.failure.class,
      "ready_timeout",
    );
  },
  { options: { readyTimeoutMs: 40 } },
);

utterance(
  "gives up a server that falls silent",
  (peer) => peer.send(created),
  ({ outcome }) => {
    assert.equal(
      outcome.status === "timeout" && outcome.failure.class,
      "receive_timeout",
    );
  },
  { options: { receiveTimeoutMs: 40 }, input: { audio: testAudio(5000) } },
);

utterance(
  "gives up a transcript that does not come",
  (peer) => answer(peer, delta("part")),
  ({ outcome, output }) => {
    assert.equal(
      outcome.status === "timeout" && outcome.failure.class,
      "final_timeout",
    );
    assert.equal(output.text, "part");
  },
  { options: { finalTimeoutMs: 40 } },
);

utterance(
  "keeps the text of a server that ends before the audio does",
  async (peer) => {
    peer.send(created);
    await peer.until("input_audio_buffer.append");
    peer.send(done("so far"));
  },
  ({ outcome, output, marks }) => {
    assert.equal(
      outcome.status === "error" && outcome.failure.class,
      "ended_early",
    );
    assert.equal(output.text, "so far");
    assert.equal(marks.final, undefined);
  },
  { input: { audio: testAudio(5000) } },
);

for (const code of [1000, 1001, 1008, 1009, 1011, 1012]) {
  utterance(`tells that it was closed with ${code}`, async (peer) => {
    peer.send(created, delta("part"));
    await peer.until("input_audio_buffer.append");
    peer.close(code, "because");
  }, (sample) => {
    assert.deepEqual(failureOf(sample), {
      class: "closed",
      code: String(code),
      message: `The connection was closed with ${code}: because`,
    });
    assert.equal(sample.output.text, "part");
  }, { input: { audio: testAudio(5000) } });
}

utterance("tells a dropped socket by 1006", async (peer) => {
  peer.send(created, delta("part"));
  await peer.until("input_audio_buffer.append");
  peer.drop();
}, (sample) => {
  const { class: failure, code } = failureOf(sample);
  assert.deepEqual([failure, code, sample.output.text], [
    "closed",
    "1006",
    "part",
  ]);
}, { input: { audio: testAudio(5000) } });

utterance(
  "fails on a binary frame",
  (peer) => peer.send(created, new Uint8Array(3)),
  (sample) => {
    assert.equal(failureOf(sample).class, "protocol_error");
  },
);

utterance(
  "hears a transcript of more than 1 MiB",
  (peer) => answer(peer, done("é".repeat(1024 * 1024))),
  ({ output, reads }) => {
    assert.equal(output.text?.length, 1024 * 1024);
    assert.ok(reads.bytes > 2 * 1024 * 1024);
  },
);

utterance(
  "sends frames of more than 1 MiB",
  (peer) => answer(peer, done("x")),
  ({ outcome }, { peers: [peer] }) => {
    assert.equal(outcome.status, "ok");
    assert.ok((peer!.received[2]!.audio as string).length > 1024 * 1024);
  },
  {
    options: { chunkMs: 60_000, speed: 0 },
    input: { audio: testAudio(61_000) },
  },
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
      target: `https://localhost:${server.port}`,
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

test(
  "shows its traffic to whoever asks, audio shortened",
  (peer) => answer(peer, done("x")),
  async (server, transport) => {
    const seen: string[] = [];
    const backend = await openRealtime({
      target: server.url,
      transport,
      speed: 0,
    }, {
      trace: (direction, message) => void seen.push(`${direction} ${message}`),
    });
    await transcribe(backend, { audio: testAudio(100) });
    await backend[Symbol.asyncDispose]!();
    assert.deepEqual(seen.slice(0, 7), [
      "note connected",
      `received ${JSON.stringify(created)}`,
      'sent {"type":"session.update","model":"m"}',
      'sent {"type":"input_audio_buffer.commit","final":false}',
      'sent {"type":"input_audio_buffer.append","audio":"AAAB…(4268 base64 chars)"}',
      'sent {"type":"input_audio_buffer.commit","final":true}',
      `received ${JSON.stringify(done("x"))}`,
    ]);
    assert.equal(seen.length, 8);
    assert.match(seen[7]!, /note closed with 1000/);
  },
);

Deno.test("realtime() tells the report what it did, and how far to spread its streams", async () => {
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
  assert.equal(paced.spreadMs, 100);
  const batch = await openRealtime({ target, mode: "batch" });
  assert.deepEqual([batch.facts!.mode, batch.facts!.speed, batch.spreadMs], [
    "batch",
    0,
    undefined,
  ]);
  for (const backend of [paced, batch]) await backend[Symbol.asyncDispose]!();
});

/** The first client of a server, once it is there. */
async function first(server: ScriptedServer): Promise<Peer> {
  while (!server.peers[0]) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return server.peers[0];
}

function fileOf(name: string): string {
  return new URL(`./testdata/${name}`, import.meta.url).pathname;
}
