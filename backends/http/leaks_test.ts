import assert from "node:assert/strict";
import { routeTo } from "../connect/dial.ts";
import { type Connection, ConnectionPool } from "./connections.ts";
import type { Http } from "./http.ts";
import { exchange } from "./transport.ts";
import { ask, asked, open, reached } from "../../tests/support/ask.ts";
import { rawServer } from "../../tests/support/raw_server.ts";

const BATCH = 250;
const ROUNDS = 20;

Deno.test("exchange() leaves no socket behind after 10,000 aborts, before headers and in streams", async () => {
  await using server = await rawServer(async (peer) => {
    if (peer.head.includes("/silent")) return;
    await peer.stream();
    await peer.chunk("data: 1\n\n");
  });
  await using http = open();
  const silent = new URL("/silent", server.url);
  const stream = new URL("/stream", server.url);
  let aborted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const url of [silent, stream]) {
      const controller = new AbortController();
      const { signal } = controller;
      const before = server.peers.length;
      const batch = Array.from(
        { length: BATCH },
        () => ask(http, url, { signal }),
      );
      await server.until(() => server.peers.length === before + BATCH);
      const reason = new Error("enough");
      controller.abort(reason);
      await Promise.all(batch.map(({ settled }) => settled));
      aborted += batch.filter(({ error }) => error === reason).length;
      await server.until(() => server.open === 0);
      for (const { late } of batch) assert.deepEqual(late, []);
    }
  }
  assert.equal(aborted, 2 * BATCH * ROUNDS);
  assert.equal(server.accepted, aborted);
  const { events } = await asked(http, stream, { last: () => true });
  assert.equal(events.length, 1);
  assert.equal(server.accepted, aborted + 1);
});

Deno.test("exchange() gives up a connection that is lost behind the last event", async () => {
  await using server = await rawServer(async (peer) => {
    await peer.stream();
    await peer.chunk("data: [DONE]\n\n");
    peer.socket.destroy();
  });
  const { dial, path } = routeTo(server.url, {
    tls: { rejectUnauthorized: true },
    http2: false,
    env: () => undefined,
  });
  const taken = new Set<Connection>();
  const closed = new Set<Connection>();
  class WatchedPool extends ConnectionPool {
    override take() {
      const connection = super.take();
      const { close } = connection;
      taken.add(connection);
      return Object.assign(connection, {
        close() {
          closed.add(connection);
          close();
        },
      });
    }
  }
  await using connections = new WatchedPool(dial, {
    reuse: true,
    retryStale: true,
  });
  const route = { url: server.url, path, headers: [], connections };
  const options = {
    connectTimeoutMs: 10_000,
    retryStale: true,
    clean: (text: string) => text,
  };
  const http: Pick<Http, "exchange"> = {
    exchange: (request, call, reader) =>
      exchange(route, request, { call, reader, options }),
  };
  for (let i = 0; i < 3; i++) {
    assert.equal((await asked(http, server.url)).error, undefined);
  }
  await reached(() => closed.size === 3);
  assert.deepEqual(closed, taken);
});
