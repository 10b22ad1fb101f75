import assert from "node:assert/strict";
import { nativeTransport } from "../backends/realtime/transports/native.ts";
import type { SocketEnd } from "../backends/realtime/transports/transport.ts";
import { serve } from "./support/serve.ts";

/** More than the default backlog of a listener. */
const SOCKETS = 1000;

Deno.test(`nativeTransport() opens ${SOCKETS} sockets in one iteration of the event loop`, async () => {
  await using server = await serve();
  await using transport = await nativeTransport({
    url: new URL(`${server.wsUrl}/v1/realtime`),
    headers: {},
    tls: { rejectUnauthorized: true },
  });
  const ends: SocketEnd[] = [];
  const greeted = Array.from({ length: SOCKETS }, () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    transport.connect({
      opened() {},
      message: () => resolve(true),
      closed(end) {
        ends.push(end);
        resolve(false);
      },
    });
    return promise;
  });
  const count = (await Promise.all(greeted)).filter(Boolean).length;
  assert.deepEqual(ends.map(({ error }) => error?.message), []);
  assert.equal(count, SOCKETS);
});
