import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { attempt } from "../../core/attempt.ts";
import { systemClock } from "../../core/clock.ts";
import { MemoryBudget } from "../../core/memory.ts";
import type { Failure, Sample } from "../../plugins/mod.ts";
import type { Http } from "./http.ts";
import { open } from "../../tests/support/ask.ts";
import { rawServer } from "../../tests/support/raw_server.ts";

const clock = systemClock();

/** Sends a request and records each event as a piece of text. */
function send(
  http: Http,
  url: URL,
  memory: MemoryBudget,
  signal = new AbortController().signal,
): Promise<Sample> {
  return attempt(
    {
      needs: [],
      async send(_request, call) {
        await http.exchange(
          { url, contentType: "application/json", body: "{}" },
          call,
          {
            event({ data }, atMs) {
              call.output(atMs, { kind: "text", text: data });
              return false;
            },
            body() {},
          },
        );
        return {};
      },
    },
    {
      id: 0,
      turn: { columns: {} },
      prepared: undefined,
      session: { id: "s", turn: 0, history: [] },
    },
    { stage: 0, phase: "measure", scheduledMs: 0, clock, signal, memory },
  );
}

function failureOf({ outcome }: Sample): Failure | undefined {
  return outcome.status === "ok" ? undefined : outcome.failure;
}

const MIB = 1024 * 1024;

Deno.test("events without an end fail as too_large, each request with what came, and no socket stays open", async () => {
  const flood = "data: x\n\n".repeat(1000);
  await using server = await rawServer(async (peer) => {
    await peer.stream();
    while (!peer.socket.destroyed) await peer.chunk(flood);
  });
  await using http = open();
  const memory = new MemoryBudget({ requestBytes: MIB, totalBytes: 100 * MIB });
  const samples = await Promise.all(
    Array.from({ length: 8 }, () => send(http, server.url, memory)),
  );
  for (const sample of samples) {
    assert.equal(failureOf(sample)?.class, "too_large");
    assert.equal(failureOf(sample)?.code, undefined);
    assert.ok(sample.deltas.length > 5000, `${sample.deltas.length} pieces`);
    assert.ok(sample.deltas.length < 15_000, `${sample.deltas.length} pieces`);
    assert.equal(sample.output.text, "x".repeat(sample.deltas.length));
  }
  await server.until(() => server.open === 0);
});

for (
  const [what, headers, piece] of [
    ["a body", "content-type: application/json", "x"],
    ["an event", "content-type: text/event-stream", "data: x"],
  ] as const
) {
  Deno.test(`${what} without an end counts as it comes`, async () => {
    await using server = await rawServer(async (peer) => {
      await peer.stream(`${headers}\r\n`);
      const flood = piece + "x".repeat(64 * 1024);
      while (!peer.socket.destroyed) await peer.chunk(flood);
    });
    await using http = open();
    const memory = new MemoryBudget({
      requestBytes: MIB,
      totalBytes: 100 * MIB,
    });
    const sample = await send(http, server.url, memory);
    assert.equal(failureOf(sample)?.class, "too_large");
    assert.ok(sample.reads.bytes < 3 * MIB, `${sample.reads.bytes} bytes`);
    await server.until(() => server.open === 0);
  });
}

Deno.test("a compressed body counts by what comes out of it", async () => {
  await using server = await rawServer((peer) =>
    peer.answer(gzipSync(new Uint8Array(32 * MIB)), {
      headers: ["content-encoding: gzip"],
    })
  );
  await using http = open();
  const memory = new MemoryBudget({ requestBytes: MIB, totalBytes: 100 * MIB });
  const sample = await send(http, server.url, memory);
  assert.equal(failureOf(sample)?.class, "too_large");
  assert.ok(sample.reads.bytes < MIB);
});

Deno.test("many bodies at once fall under the limit of all, the largest first, and the others are answered", async () => {
  const sizes = [3, 1, 2, 1];
  await using server = await rawServer(async (peer) => {
    await peer.stream("content-type: text/plain\r\n");
    for (let i = 0; i < sizes[peer.connection]! * 4; i++) {
      await peer.chunk("x".repeat(MIB / 4));
    }
    // Nobody is answered before one was given up.
    await server.until(() => server.open < sizes.length);
    await peer.end();
  });
  await using http = open();
  const memory = new MemoryBudget({
    requestBytes: 10 * MIB,
    totalBytes: 6 * MIB,
  });
  const samples = await Promise.all(
    sizes.map(() => send(http, server.url, memory)),
  );
  const failed = samples.map(failureOf).filter((failure) => failure);
  assert.deepEqual(
    failed.map((failure) => [failure?.class, failure?.code]),
    [["too_large", "client_memory"]],
  );
});

Deno.test("an answer of 100,000 events takes a fraction of what one request may hold", async () => {
  const event = `data: ${"x".repeat(300)}\n\n`;
  await using server = await rawServer(async (peer) => {
    await peer.stream();
    for (let i = 0; i < 100; i++) await peer.chunk(event.repeat(1000));
    await peer.end();
  });
  await using http = open();
  const memory = new MemoryBudget({
    requestBytes: 80 * MIB,
    totalBytes: 80 * MIB,
  });
  const sample = await send(http, server.url, memory);
  assert.equal(sample.outcome.status, "ok");
  assert.equal(sample.deltas.length, 100_000);
});
