import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createDeflate,
  createDeflateRaw,
  createGzip,
  gzipSync,
} from "node:zlib";
import { encodingOf } from "../connect/content.ts";
import {
  ask,
  asked,
  failureOf,
  open,
  reached,
} from "../../tests/support/ask.ts";
import { rawServer } from "../../tests/support/raw_server.ts";

const gzip = () => createGzip({ flush: constants.Z_SYNC_FLUSH });
const ENCODERS = {
  gzip,
  "X-Gzip": gzip,
  deflate: () => createDeflate({ flush: constants.Z_SYNC_FLUSH }),
  "deflate ": () => createDeflateRaw({ flush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliCompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
};

for (const [name, encoder] of Object.entries(ENCODERS)) {
  Deno.test(`exchange() decompresses events of "${name}" as they come, with the times of their reads`, async () => {
    await using server = await rawServer(async (peer) => {
      const stream = encoder();
      const pieces: Uint8Array[] = [];
      stream.on("data", (piece) => pieces.push(piece));
      await peer.stream(
        `content-type: text/event-stream\r\ncontent-encoding: ${name}\r\n`,
      );
      for (let i = 1; i <= 3; i++) {
        await new Promise((resolve) =>
          stream.write(`data: ${i}\n\ndata: é${i}\n\n`, resolve)
        );
        await reached(() => pieces.length > 0);
        await peer.chunk(...pieces.splice(0));
        await reached(() => pending.events.length === 2 * i);
      }
      const ended = new Promise((resolve) => stream.on("end", resolve));
      stream.end();
      await ended;
      await peer.chunk(...pieces);
      await peer.end();
    });
    await using http = open();
    const pending = ask(http, server.url);
    await pending.settled;
    assert.equal(pending.error, undefined);
    const { events, reads, counted } = pending;
    assert.deepEqual(
      events.map(({ data }) => data),
      ["1", "é1", "2", "é2", "3", "é3"],
    );
    const [a, b, c] = reads.map(({ atMs }) => atMs);
    assert.deepEqual(events.map(({ atMs }) => atMs), [a, a, b, b, c, c]);
    assert.deepEqual(counted, [a, a, b, b, c, c]);
    assert.equal(reads.length, 4);
  });
}

Deno.test("exchange() decompresses a body, however it is cut", async () => {
  const text = JSON.stringify({ words: "é→日".repeat(50_000) });
  const bytes = gzipSync(text);
  await using server = await rawServer(async (peer) => {
    await peer.stream("content-encoding: gzip\r\n");
    for (let at = 0; at < bytes.length; at += 97) {
      await peer.chunk(bytes.subarray(at, at + 97));
    }
    await peer.end();
  });
  await using http = open();
  const { bodies, reads, error } = await asked(http, server.url);
  assert.equal(error, undefined);
  assert.equal(bodies.length, 1);
  assert.ok(bodies[0]!.text === text);
  assert.equal(bodies[0]!.atMs, reads.at(-1)!.atMs);
});

Deno.test("exchange() reads a compressed refusal", async () => {
  await using server = await rawServer((peer) =>
    peer.answer(brotliCompressSync('{"error":"no"}'), {
      status: 429,
      headers: ["content-encoding: br"],
    })
  );
  await using http = open();
  const got = await asked(http, server.url);
  assert.match(got.error!.message, /^The server answered HTTP 429: no \(/);
});

Deno.test("exchange() takes an empty body for one, whatever its encoding", async () => {
  await using server = await rawServer((peer) =>
    peer.answer("", { headers: ["content-encoding: gzip"] })
  );
  await using http = open();
  const { bodies, error } = await asked(http, server.url);
  assert.deepEqual([bodies.map(({ text }) => text), error], [[""], undefined]);
});

for (
  const [what, bytes] of [
    ["is not compressed", Buffer.from("{}")],
    ["is damaged", gzipSync("x".repeat(1000)).fill(9, 12)],
    ["is cut", gzipSync("x".repeat(1000)).subarray(0, 20)],
  ] as const
) {
  Deno.test(`exchange() fails as protocol_error where what should be gzip ${what}`, async () => {
    await using server = await rawServer((peer) =>
      peer.answer(bytes, { headers: ["content-encoding: gzip"] })
    );
    await using http = open();
    const got = await asked(http, server.url);
    assert.equal(failureOf(got)[0], "protocol_error", got.error?.message);
    assert.match(got.error!.message, /as its content-encoding says/);
    assert.deepEqual(got.bodies, []);
  });
}

for (const name of ["zip", "gzip, br", "constructor"]) {
  Deno.test(`exchange() names an encoding that it does not know: "${name}"`, async () => {
    await using server = await rawServer((peer) =>
      peer.answer("x", { headers: [`content-encoding: ${name}`] })
    );
    await using http = open();
    const [failure, , message] = failureOf(await asked(http, server.url));
    assert.equal(failure, "protocol_error");
    const rule = "must be gzip, deflate or br, but was ";
    assert.ok(message!.endsWith(rule + name), message);
  });
}

Deno.test("exchange() keeps the status of a refusal whose words cannot be read", async () => {
  const words = gzipSync(JSON.stringify({ error: "all seats are taken" }));
  const bodies = [
    ["zip", words],
    ["gzip", Buffer.from("no gzip")],
    ["gzip", words.subarray(0, 20)],
  ] as const;
  for (const isLost of [false, true]) {
    for (const [encoding, bytes] of bodies) {
      await using server = await rawServer(async (peer) => {
        const length = bytes.length + (isLost ? 1 : 0);
        await peer.send(
          `HTTP/1.1 429 No\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${length}\r\n\r\n`,
          bytes,
        );
        if (isLost) peer.socket.end();
      });
      await using http = open();
      const [failure, code, message] = failureOf(await asked(http, server.url));
      assert.deepEqual([failure, code], ["http_error", "429"]);
      assert.match(message!, /^The server answered HTTP 429.*\(too many/);
    }
  }
});

Deno.test("exchange() refuses a small body that would fill the memory", async () => {
  await using server = await rawServer((peer) =>
    peer.answer(gzipSync(new Uint8Array(80 * 1024 * 1024), { level: 1 }), {
      headers: ["content-encoding: gzip"],
    })
  );
  await using http = open();
  const got = await asked(http, server.url);
  assert.equal(failureOf(got)[0], "too_large");
  assert.match(got.error!.message, /at most 64 MiB/);
});

Deno.test("encodingOf() returns undefined if there is no encoding", () => {
  const given = [undefined, "", "identity", " GZIP ", "x-gzip", "br"];
  assert.deepEqual(
    given.map(encodingOf),
    [undefined, undefined, undefined, "gzip", "gzip", "br"],
  );
});
