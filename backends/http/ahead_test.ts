// Connections that are opened before the requests that use them.

import assert from "node:assert/strict";
import { asked, clock, open, reached } from "../../tests/support/ask.ts";
import { rawServer } from "../../tests/support/raw_server.ts";

function pem(name: string): string {
  const url = new URL(`../connect/testdata/${name}`, import.meta.url);
  return Deno.readTextFileSync(url);
}

const CERTIFICATE = { cert: pem("server.pem"), key: pem("server.key") };
const never = () => ({ clock, signal: new AbortController().signal });

for (const tls of [undefined, CERTIFICATE]) {
  const name = tls ? "https" : "http";
  Deno.test(`openAhead() opens connections that ${name} requests use`, async () => {
    await using server = await rawServer((peer) => peer.answer("{}"), {
      ...(tls && { tls }),
    });
    await using http = open({ tls: { rejectUnauthorized: false } });
    const times = await http.openAhead(server.url, 5, never());
    assert.equal(times.length, 5);
    assert.ok(times.every((ms) => ms > 0 && ms < 10_000));
    await server.until(() => server.accepted === 5);
    const all = await Promise.all(
      Array.from({ length: 5 }, () => asked(http, server.url)),
    );
    for (const { error, marks, retried } of all) {
      assert.deepEqual([error, marks.connected, retried], [
        undefined,
        undefined,
        0,
      ]);
    }
    assert.equal(server.accepted, 5);
    assert.deepEqual(await http.openAhead(server.url, 5, never()), []);
  });
}

Deno.test("openAhead() opens nothing where each request has a connection of its own", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open({ reuse: false });
  assert.deepEqual(await http.openAhead(server.url, 5, never()), []);
  assert.equal(server.accepted, 0);
});

Deno.test("a connection that closes before its first request is replaced", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using http = open();
  await http.openAhead(server.url, 2, never());
  await server.until(() => server.accepted === 2);
  for (const socket of server.sockets) socket.end();
  await reached(() => server.open === 0);
  const { error, marks, retried } = await asked(http, server.url);
  assert.equal(error, undefined);
  assert.ok(marks.connected !== undefined);
  assert.equal(retried, 0);
  assert.equal((await http.openAhead(server.url, 2, never())).length, 1);
});

Deno.test("openAhead() leaves out what cannot be opened, and ends in time", async () => {
  const { url } = await (async () => {
    await using server = await rawServer((peer) => peer.answer("{}"));
    return server;
  })();
  await using http = open();
  assert.deepEqual(await http.openAhead(url, 3, never()), []);
  const aborted = { clock, signal: AbortSignal.abort() };
  assert.deepEqual(await http.openAhead(url, 3, aborted), []);
});
