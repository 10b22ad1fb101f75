import assert from "node:assert/strict";
import { systemClock } from "../../core/clock.ts";
import { UsageError } from "../../plugins/mod.ts";
import { created, delta, done } from "../../tests/support/scripted_server.ts";
import {
  answer,
  commits,
  failureOf,
  first,
  test,
  utterance,
} from "../../tests/support/realtime_test_case.ts";
import {
  openRealtime,
  testAudio,
  transcribe,
} from "../../tests/support/transcribe.ts";
import { abortedBy } from "../../plugins/testing/backend.ts";

// What GuideLLM tests of its realtime backend (tests/unit/backends/openai/test_realtime_ws.py), numbered as there,
// and what we make of each. 16 and 18 to 22 are about options: options_test.ts has them.

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
      // The session's id names the utterance in the server's logs.
      responseId: "sess-1",
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
      responseId: "sess-1",
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
    const history = [{
      turn: { columns: { text: "before" } },
      prepared,
      output: { text: "said" },
    }];
    const clock = systemClock();
    await backend.send({
      id: 1,
      turn,
      prepared,
      session: { id: "s", turn: 1, history },
    }, {
      ...abortedBy(signal),
      clock,
      read: () => clock.now(),
      output: () => {},
      buffered: () => {},
      event: () => {},
      ended: () => {},
      retried: () => {},
      sendWaited: () => {},
      arrived() {},
      waitingSince: () => 0,
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
    /without audio/,
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
  "fails on JSON that is not an object",
  (peer) => peer.send(created, "[]"),
  (sample) => {
    assert.equal(failureOf(sample).class, "protocol_error");
    assert.match(
      failureOf(sample).message,
      /JSON objects, but was \[\]/,
    );
  },
);

// 13
utterance("fails on too many unknown events", (peer) => {
  peer.send(created, ...Array(10).fill({ type: "noise.event" }));
}, (sample) => {
  assert.equal(failureOf(sample).class, "protocol_error");
  assert.match(
    failureOf(sample).message,
    /3 events .* last of type noise\.event/,
  );
}, { options: { maxIgnoredEvents: 2 } });

// 14
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
          /^model: .*with model=NAME/.test(error.message),
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
