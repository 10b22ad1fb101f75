import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { loopTurns } from "./event_loop.ts";

Deno.test("loopTurns() waits until a closing that has arrived was read", async () => {
  await using turns = loopTurns();
  turns.prepare();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const sockets: Socket[] = [];
  for (let i = 0; i < 20; i++) {
    const socket = connect(listener.addr.port, "127.0.0.1");
    sockets.push(socket);
    let hasEnded = false;
    socket.on("end", () => hasEnded = true).resume();
    const far = await listener.accept();
    await turns.next();
    assert.equal(hasEnded, false);
    far.close();
    await turns.next();
    assert.equal(hasEnded, true);
  }
  listener.close();
  for (const socket of sockets) socket.destroy();
});

Deno.test("loopTurns() serves many at a time, and whoever comes in between by another turn", async () => {
  await using turns = loopTurns();
  const order: string[] = [];
  const wait = async (name: string) => {
    await turns.next();
    order.push(name);
  };
  const first = wait("first");
  const others = Array.from({ length: 50 }, () => wait("other"));
  await first;
  const last = wait("last");
  await Promise.all([...others, last]);
  assert.deepEqual(order, ["first", ...Array(50).fill("other"), "last"]);
});

Deno.test("loopTurns() lets go of everybody when it is disposed of", async () => {
  const turns = loopTurns();
  await turns.next();
  const waiting = turns.next();
  await turns[Symbol.asyncDispose]();
  await waiting;
});

for (const net of [false, ["127.0.0.1:9"], ["example.org"]]) {
  Deno.test({
    name:
      `loopTurns() does without where the program may not listen, and asks nobody: ${net}`,
    permissions: { net },
    async fn() {
      const { listen } = Deno;
      let asked = 0;
      Deno.listen = (() => {
        asked++;
        throw new Error("no");
      }) as typeof listen;
      try {
        await using turns = loopTurns();
        await turns.next();
      } finally {
        Deno.listen = listen;
      }
      assert.equal(asked, 0);
    },
  });
}
