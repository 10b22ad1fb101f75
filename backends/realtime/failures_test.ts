import assert from "node:assert/strict";
import {
  created,
  delta,
  done,
  frame,
} from "../../tests/support/scripted_server.ts";
import {
  answer,
  failureOf,
  utterance,
} from "../../tests/support/realtime_test_case.ts";
import { testAudio } from "../../tests/support/transcribe.ts";

utterance(
  "reports a refused upgrade by status and body",
  () => {},
  (sample) => {
    assert.deepEqual(failureOf(sample), {
      class: "connect_error",
      code: "401",
      message: "Cannot open a WebSocket: the server answered HTTP 401: no key",
    });
  },
  { server: { refuse: () => ({ status: 401, body: "no key" }) } },
);

utterance(
  "keeps how long a refused upgrade asks to wait",
  () => {},
  (sample) => {
    const { code, retryAfterMs } = failureOf(sample);
    assert.deepEqual([code, retryAfterMs], ["429", 2000]);
  },
  { server: { refuse: () => ({ status: 429, retryAfter: "2" }) } },
);

utterance("explains a 403", () => {}, (sample) => {
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
  utterance(`reports a close with ${code}`, async (peer) => {
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

utterance("reports a dropped socket as 1006", async (peer) => {
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
  "blames a server that breaks the protocol, and keeps what came before",
  async (peer) => {
    peer.send(created, delta("part"));
    await peer.until("input_audio_buffer.append");
    await peer.raw(frame(0x81, Uint8Array.of(0xff)));
  },
  (sample) => {
    assert.deepEqual(failureOf(sample), {
      class: "protocol_error",
      message:
        "The server broke the WebSocket protocol: text must be valid UTF-8",
    });
    assert.equal(sample.output.text, "part");
  },
  { input: { audio: testAudio(5000) } },
);

utterance(
  "gives up a message without end, and keeps what came before",
  async (peer) => {
    peer.send(created, delta("part"));
    await peer.until("input_audio_buffer.append");
    const piece = new Uint8Array(256 * 1024).fill(0x61);
    await peer.raw(frame(0x01, piece));
    for (let i = 0; i < 400; i++) await peer.raw(frame(0x00, piece));
  },
  (sample) => {
    const { class: failure, message } = failureOf(sample);
    assert.equal(failure, "too_large");
    assert.match(message, /more than 4 MiB/);
    assert.equal(sample.output.text, "part");
    assert.ok(sample.reads.bytes < 1000, String(sample.reads.bytes));
  },
  { input: { audio: testAudio(5000) } },
);
