import assert from "node:assert/strict";
import {
  created,
  delta,
  done,
  finalCommit,
} from "../../tests/support/scripted_server.ts";
import {
  answer,
  commits,
  test,
  typesOf,
  utterance,
} from "../../tests/support/realtime_test_case.ts";
import {
  openRealtime,
  testAudio,
  transcribe,
  transcribeOnce,
} from "../../tests/support/transcribe.ts";

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

utterance("receives deltas while it sends", async (peer) => {
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
    "the first is received before the third is sent",
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

test("takes one connection for all utterances if asked to", async (peer) => {
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

utterance(
  "receives a transcript of more than 1 MiB",
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
  "shows its traffic in the trace, audio shortened",
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
