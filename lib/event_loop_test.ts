import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { SocketPoll } from "./event_loop.ts";

Deno.test("SocketPoll waits until the end of a connection that has arrived is read", async () => {
  await using poll = new SocketPoll();
  poll.prepare();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const sockets: Socket[] = [];
  for (let i = 0; i < 20; i++) {
    const socket = connect(listener.addr.port, "127.0.0.1");
    sockets.push(socket);
    let hasEnded = false;
    socket.on("end", () => hasEnded = true).resume();
    const far = await listener.accept();
    await poll.next();
    assert.equal(hasEnded, false);
    far.close();
    await poll.next();
    assert.equal(hasEnded, true);
  }
  listener.close();
  for (const socket of sockets) socket.destroy();
});

Deno.test("SocketPoll serves many callers at a time, and those during a poll by the next one", async () => {
  await using poll = new SocketPoll();
  const order: string[] = [];
  const wait = async (name: string) => {
    await poll.next();
    order.push(name);
  };
  const first = wait("first");
  const others = Array.from({ length: 50 }, () => wait("other"));
  await first;
  const last = wait("last");
  await Promise.all([...others, last]);
  assert.deepEqual(order, ["first", ...Array(50).fill("other"), "last"]);
});

Deno.test("SocketPoll resolves its callers when it is disposed of", async () => {
  const poll = new SocketPoll();
  await poll.next();
  const waiting = poll.next();
  await poll[Symbol.asyncDispose]();
  await waiting;
});

for (const net of [false, ["127.0.0.1:9"], ["example.org"]]) {
  Deno.test({
    name:
      `SocketPoll resolves where the program may not listen, and asks for no permission: ${net}`,
    permissions: { net },
    async fn() {
      const { listen } = Deno;
      let asked = 0;
      Deno.listen = (() => {
        asked++;
        throw new Error("no");
      }) as typeof listen;
      try {
        await using poll = new SocketPoll();
        await poll.next();
      } finally {
        Deno.listen = listen;
      }
      assert.equal(asked, 0);
    },
  });
}
