import assert from "node:assert/strict";
import { manualClock } from "../../plugins/testing/manual_clock.ts";
import { clock } from "../../tests/support/ask.ts";
import { rawServer } from "../../tests/support/raw_server.ts";
import { roundTripMs } from "./rtt.ts";

const signal = new AbortController().signal;

Deno.test("roundTripMs() opens one connection, sends nothing and closes it", async () => {
  await using server = await rawServer(() => {});
  const startMs = clock.now();
  const ms = await roundTripMs(server.url, { clock, signal });
  assert.ok(ms > 0 && ms <= clock.now() - startMs, `${ms} ms`);
  await server.until(() => server.accepted === 1 && server.open === 0);
  assert.equal(server.sockets[0]!.bytesRead, 0);
  assert.deepEqual(server.peers, []);
});

Deno.test("roundTripMs() takes the port of the scheme, and does not count the look-up of a name", async () => {
  await using server = await rawServer(() => {});
  const url = new URL(`http://localhost:${server.port}/v1`);
  const times = [0, 40, 41.5];
  const late = { ...manualClock(), now: () => times.shift() ?? 41.5 };
  assert.equal(await roundTripMs(url, { clock: late, signal }), 1.5);
});

Deno.test("roundTripMs() fails where nobody listens, with the reason", async () => {
  const port = await closedPort();
  await assert.rejects(
    roundTripMs(new URL(`http://127.0.0.1:${port}/`), { clock, signal }),
    (error: Error & { class?: string }) => {
      assert.equal(error.class, "connect_error");
      assert.equal(
        error.message,
        `cannot measure the round trip to 127.0.0.1:${port}`,
      );
      assert.match(String(error.cause), /ECONNREFUSED/);
      return true;
    },
  );
});

Deno.test("roundTripMs() fails at once where the run was interrupted", async () => {
  await using server = await rawServer(() => {});
  await assert.rejects(
    roundTripMs(server.url, { clock, signal: AbortSignal.abort() }),
    { class: "connect_error" },
  );
  assert.equal(server.peers.length, 0);
});

/** A port of this machine that nobody listens on. */
async function closedPort(): Promise<number> {
  await using server = await rawServer(() => {});
  return server.port;
}
