// Sessions that are set up before the utterances that use them.

import assert from "node:assert/strict";
import { clock, reached } from "../../tests/support/ask.ts";
import { test } from "../../tests/support/realtime_test_case.ts";
import {
  created,
  done,
  finalCommit,
  type Peer,
} from "../../tests/support/scripted_server.ts";
import { openRealtime, transcribe } from "../../tests/support/transcribe.ts";

/** Answers each utterance of a session. */
async function answerAll(peer: Peer): Promise<void> {
  peer.send(created);
  for (let i = 0;; i++) {
    await finalCommit(peer);
    peer.send(done(String(i)));
  }
}

const never = () => ({ clock, signal: new AbortController().signal });
const updates = ({ received }: Peer) =>
  received.filter(({ type }) => type === "session.update").length;

test(
  "opens connections ahead and sets up their sessions",
  answerAll,
  async (server, transport) => {
    const backend = await openRealtime({
      target: server.url,
      transport,
      speed: 0,
      reuse: true,
    });
    const times = await backend.connect!(40, never());
    assert.equal(times.length, 40);
    assert.ok(times.every((ms) => ms > 0 && ms < 10_000));
    assert.deepEqual(await backend.connect!(40, never()), []);
    const samples = await Promise.all(
      Array.from({ length: 40 }, () => transcribe(backend)),
    );
    for (const { outcome, marks, output } of samples) {
      assert.deepEqual(outcome, { status: "ok" });
      assert.deepEqual([marks.connected, marks.ready], [undefined, undefined]);
      assert.equal(output.responseId, created.id);
    }
    assert.deepEqual(server.peers.map(updates), Array<number>(40).fill(1));
    assert.equal((await backend.connect!(41, never())).length, 1);
    await backend[Symbol.asyncDispose]!();
    const ends = await Promise.all(server.peers.map(({ ended }) => ended));
    assert.deepEqual(new Set(ends.map(({ code }) => code)), new Set([1000]));
    assert.deepEqual(await backend.connect!(1, never()), []);
  },
);

test(
  "opens none ahead unless connections are reused",
  answerAll,
  async (server, transport) => {
    const backend = await openRealtime({ target: server.url, transport });
    assert.deepEqual(await backend.connect!(3, never()), []);
    assert.equal(server.peers.length, 0);
    await backend[Symbol.asyncDispose]!();
  },
);

test(
  "replaces a connection that closes before its first utterance",
  answerAll,
  async (server, transport) => {
    const backend = await openRealtime({
      target: server.url,
      transport,
      speed: 0,
      reuse: true,
    });
    await backend.connect!(2, never());
    for (const peer of server.peers) peer.close(1001);
    await Promise.all(server.peers.map(({ ended }) => ended));
    while ((await backend.connect!(2, never())).length === 0) {
      await clock.sleepUntil(clock.now() + 1);
    }
    const { outcome } = await transcribe(backend);
    assert.deepEqual(outcome, { status: "ok" });
    await backend[Symbol.asyncDispose]!();
  },
);

for (
  const [what, script, options] of [
    ["refuses", () => {}, { refuse: () => ({ status: 503 }) }],
    [
      "answers with an error",
      (peer: Peer) => peer.send({ type: "error", error: "no" }),
      {},
    ],
    ["closes", (peer: Peer) => peer.close(1011), {}],
    ["sends what is not JSON", (peer: Peer) => peer.send("{"), {}],
    ["never answers", () => {}, {}],
    ["never answers the upgrade", () => {}, { ignoreUpgrades: true }],
  ] as const
) {
  test(
    `leaves out a connection ahead when the server ${what}`,
    script,
    async (server, transport) => {
      const backend = await openRealtime({
        target: server.url,
        transport,
        reuse: true,
        connectTimeoutMs: 500,
      });
      assert.deepEqual(await backend.connect!(2, never()), []);
      await Promise.all(server.peers.map(({ ended }) => ended));
      await backend[Symbol.asyncDispose]!();
    },
    options,
  );
}

test(
  "closes the connections that are being opened when the run is aborted",
  () => {},
  async (server, transport) => {
    const backend = await openRealtime({
      target: server.url,
      transport,
      reuse: true,
    });
    const stop = new AbortController();
    const opening = backend.connect!(100, { clock, signal: stop.signal });
    await reached(() => server.peers.length === 32);
    stop.abort();
    assert.deepEqual(await opening, []);
    await Promise.all(server.peers.map(({ ended }) => ended));
    assert.equal(server.peers.length, 32);
    await backend[Symbol.asyncDispose]!();
  },
);
