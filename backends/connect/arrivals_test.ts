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

Deno.test(
  "what arrived at several times has them, if other sockets were read meanwhile",
  {
    ignore: !HAS_TIMES,
  },
  async () => {
    await using waiting = await connected();
    await using other = await connected();
    await begun(other);
    const pieces: { text: string; epochMs: number; sinceMs: number }[] = [];
    const { socket } = waiting;
    socket.on("data", (bytes) => {
      const { epochMs, sinceEpochMs } = arrivalOf(socket)!;
      pieces.push({
        text: String(bytes),
        epochMs: epochMs!,
        sinceMs: sinceEpochMs,
      });
    });
    socket.pause();
    const sentMs: number[] = [];
    for (const text of ["one", " two", " three"]) {
      sentMs.push(nowMs());
      await waiting.server.write(new TextEncoder().encode(text));
      await setTimeout(20);
      const read = once(other.socket, "data");
      await other.server.write(new Uint8Array(9));
      await read;
    }
    socket.resume();
    await waiting.server.closeWrite();
    await once(socket, "end");
    assert.deepEqual(pieces.map(({ text }) => text), ["one", " two", " three"]);
    pieces.forEach(({ epochMs, sinceMs }, i) => {
      assert.ok(
        sinceMs <= epochMs,
        `${i}: not before ${sinceMs}, at ${epochMs}`,
      );
      assert.ok(
        epochMs > sentMs[i]! - 1 && epochMs < sentMs[i]! + 20,
        String(i),
      );
      if (i > 0) assert.ok(sinceMs > sentMs[i - 1]!, String(i));
    });
  },
);

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
