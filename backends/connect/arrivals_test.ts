import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { systemClock } from "../../core/clock.ts";
import { random as seeded } from "../../lib/random.ts";
import { arrivalOf, connectTcp } from "./arrivals.ts";
import { receiveTimes } from "./receive_times.ts";

const clock = systemClock();
const nowMs = () => clock.epochMs + clock.now();
const random = seeded(1, "arrivals");

/** A socket, and the server's end of its connection. */
interface Pair extends AsyncDisposable {
  readonly socket: Socket;
  readonly server: Deno.TcpConn;
}

async function connected(host = "127.0.0.1"): Promise<Pair> {
  using listener = Deno.listen({ hostname: host, port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const accepted = listener.accept();
  const socket = connectTcp({ host, port });
  await once(socket, "connect");
  const server = await accepted;
  return {
    socket,
    server,
    async [Symbol.asyncDispose]() {
      const closed = socket.closed || once(socket, "close");
      socket.destroy();
      try {
        server.close();
      } catch {
        // The test has closed it.
      }
      await closed;
    },
  };
}

const HAS_TIMES = receiveTimes() !== undefined;

Deno.test("the system reports when bytes arrive on Linux", {
  ignore: Deno.build.os !== "linux",
}, () => assert.ok(HAS_TIMES));

/** Waits until the system takes times, which begins soon after the first socket has asked for them. */
async function begun({ socket, server }: Pair): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const read = once(socket, "data");
    await server.write(new Uint8Array(2));
    await read;
    if (arrivalOf(socket)!.epochMs !== undefined) return;
    await setTimeout(10);
  }
  assert.fail("the system reports no times");
}

for (const host of ["127.0.0.1", "::1"]) {
  Deno.test(
    `arrivalOf() is when bytes came, not when they were read, from ${host}`,
    {
      ignore: !HAS_TIMES,
    },
    async () => {
      await using pair = await connected(host);
      await begun(pair);
      const { socket, server } = pair;
      for (const size of [2, 100, 40_000]) {
        const read = once(socket, "data");
        const beforeMs = nowMs();
        await server.write(new Uint8Array(size));
        while (nowMs() < beforeMs + 100);
        const [bytes] = await read;
        assert.equal(bytes.length, size);
        const { epochMs, errorMs } = arrivalOf(socket)!;
        assert.ok(errorMs! >= 0 && errorMs! < 50, String(errorMs));
        const afterMs = epochMs! - beforeMs;
        assert.ok(afterMs > -1 && afterMs < 50, `${size} bytes: ${afterMs} ms`);
      }
    },
  );
}

Deno.test("with one socket all others are read that have something", {
  ignore: !HAS_TIMES,
}, async () => {
  const pairs = await Promise.all(
    Array.from({ length: 8 }, () => connected()),
  );
  try {
    for (const pair of pairs) await begun(pair);
    const encoder = new TextEncoder();
    const sendAll = (text: string) =>
      Promise.all(
        pairs.map(({ server }) => server.write(encoder.encode(text))),
      );
    let sentAgain: Promise<unknown> | undefined;
    const read = Promise.all(
      pairs.map(({ socket }) =>
        new Promise<string[]>((resolve) => {
          const texts: string[] = [];
          socket.on("data", (bytes) => {
            sentAgain ??= sendAll("second");
            texts.push(String(bytes));
            if (texts.join("").endsWith("second")) resolve(texts);
          });
        })
      ),
    );
    const sent = sendAll("first");
    const untilMs = nowMs() + 20;
    while (nowMs() < untilMs);
    await sent;
    for (const texts of await read) {
      assert.deepEqual(texts, ["first", "second"]);
    }
    await sentAgain;
  } finally {
    for (const pair of pairs) await pair[Symbol.asyncDispose]();
  }
});

Deno.test(
  "a paused socket is not read with others, nor known to be empty meanwhile",
  {
    ignore: !HAS_TIMES,
  },
  async () => {
    await using paused = await connected();
    await using other = await connected();
    await begun(other);
    const { socket } = paused;
    const sentMs = nowMs();
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes;
      assert.ok(arrivalOf(socket)!.sinceEpochMs < sentMs + 20);
    });
    socket.pause();
    for (const part of ["one", " two", " three"]) {
      await paused.server.write(new TextEncoder().encode(part));
      await setTimeout(20);
      const read = once(other.socket, "data");
      await other.server.write(new Uint8Array(9));
      await read;
      assert.equal(text, "");
    }
    socket.resume();
    await paused.server.closeWrite();
    await once(socket, "end");
    assert.equal(text, "one two three");
  },
);

Deno.test("many sockets that end at once give all of their bytes before", async () => {
  const pairs = await Promise.all(
    Array.from({ length: 200 }, () => connected()),
  );
  try {
    const texts = pairs.map(async ({ socket }) => {
      let text = "";
      socket.on("data", (bytes) => text += bytes);
      await once(socket, "end");
      return text;
    });
    const sent = pairs.map(async ({ server }, i) => {
      await server.write(new TextEncoder().encode(`for ${i}`));
      await server.closeWrite();
    });
    const untilMs = nowMs() + 20;
    while (nowMs() < untilMs);
    await Promise.all(sent);
    assert.deepEqual(
      await Promise.all(texts),
      pairs.map((_, i) => `for ${i}`),
    );
  } finally {
    for (const pair of pairs) await pair[Symbol.asyncDispose]();
  }
});

Deno.test("arrivalOf() is not known for a single byte, which Deno has read", {
  ignore: !HAS_TIMES,
}, async () => {
  await using pair = await connected();
  const { socket, server } = pair;
  const read = once(socket, "data");
  await server.write(Uint8Array.of(7));
  assert.deepEqual([...(await read)[0]], [7]);
  assert.equal(arrivalOf(socket)!.epochMs, undefined);
});

Deno.test("connectTcp() gives every byte once, whatever their number, also behind pauses", async () => {
  await using pair = await connected();
  const { socket, server } = pair;
  const sent = randomBytes(5_000_000);
  const received = createHash("sha256");
  let bytes = 0;
  socket.on("data", (piece) => {
    received.update(piece);
    bytes += piece.length;
    if (random() > 0.1) return;
    socket.pause();
    void setTimeout(1).then(() => socket.resume());
  });
  const ended = once(socket, "end");
  for (let at = 0; at < sent.length;) {
    const size = 1 + Math.floor(random() ** 4 * 200_000);
    at += await server.write(sent.subarray(at, at + size));
  }
  await server.closeWrite();
  await ended;
  assert.equal(bytes, sent.length);
  assert.equal(
    received.digest("hex"),
    createHash("sha256").update(sent).digest("hex"),
  );
});

Deno.test("connectTcp() reads nothing more of a socket that was destroyed within a read", async () => {
  await using pair = await connected();
  const { socket, server } = pair;
  let reads = 0;
  const closed = once(socket, "close");
  socket.on("data", () => {
    reads++;
    socket.destroy();
  });
  const flood = new Uint8Array(1_000_000);
  await assert.rejects(async () => {
    while (true) await server.write(flood);
  });
  await closed;
  assert.equal(reads, 1);
});

Deno.test("connectTcp() distinguishes connections to several servers that may have the same port here", async () => {
  const pairs = await Promise.all(
    Array.from({ length: 64 }, (_, i) => connected(`127.0.0.${1 + i % 8}`)),
  );
  try {
    const texts = await Promise.all(pairs.map(async ({ socket, server }, i) => {
      const read = once(socket, "data");
      await server.write(new TextEncoder().encode(`for ${i}`));
      return String((await read)[0]);
    }));
    assert.deepEqual(texts, pairs.map((_, i) => `for ${i}`));
  } finally {
    for (const pair of pairs) await pair[Symbol.asyncDispose]();
  }
});

Deno.test("connectTcp() opens an ordinary socket without the permission", async () => {
  const module = new URL("arrivals.ts", import.meta.url);
  const code = `
    import { once } from "node:events";
    import { arrivalOf, connectTcp } from "${module}";
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const socket = connectTcp({ host: "127.0.0.1", port: listener.addr.port });
    const peer = await listener.accept();
    await peer.write(new TextEncoder().encode("hello"));
    const [bytes] = await once(socket, "data");
    console.log(String(bytes), arrivalOf(socket));
    Deno.exit();`;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--deny-ffi", "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(code));
  await writer.close();
  const { stdout, stderr } = await process.output();
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.equal(new TextDecoder().decode(stdout), "hello undefined\n");
});
