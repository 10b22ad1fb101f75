import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { rawServer } from "../../../tests/support/raw_server.ts";
import { failureOf } from "../../../tests/support/realtime_test_case.ts";
import { transcribeOnce } from "../../../tests/support/transcribe.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** An answer that agrees to an upgrade, with another line in its head. */
const upgraded = (line: string) => (request: string) => {
  const [, key = ""] = /^sec-websocket-key: (\S+)/im.exec(request) ?? [];
  const accept = createHash("sha1").update(key + GUID).digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${line}\r\n\r\n`;
};

const INVALID: Readonly<Record<string, (request: string) => string>> = {
  "a NUL in a header": upgraded("x-a: b\0c"),
  "a control character in a header": upgraded("x-a: b\x01c"),
  "a blank in a header's name": upgraded("x a: b"),
  "a line that is not a header": upgraded("x"),
  "a NUL in a header of a refusal": () =>
    "HTTP/1.1 403 No\r\nx-a: b\0c\r\ncontent-length: 2\r\n\r\nno",
  "a status of two digits": () => "HTTP/1.1 20 OK\r\n\r\n",
  "another protocol": () => "SSH-2.0-OpenSSH_9.2\r\n\r\n",
  "another protocol, and then silence": () => "SSH-2.0-OpenSSH_9.2\r\n",
  "a first byte that is not HTTP's, and then silence": () => "S",
  "a line that is not a header, and then silence": () =>
    "HTTP/1.1 101 OK\r\nx\r\n",
  "a head without an end": () => `HTTP/1.1 101 OK\r\nx: ${"y".repeat(70_000)}`,
  "no Upgrade": (request) =>
    upgraded("x: y")(request).replace("Upgrade: websocket\r\n", ""),
};

for (const transport of ["native", "ws"] as const) {
  const fails = async (answer: (request: string) => string | Uint8Array) => {
    await using server = await rawServer((peer) =>
      void peer.socket.write(Buffer.from(answer(peer.head) as string, "latin1"))
    );
    const target = server.url.origin;
    return failureOf(await transcribeOnce({ target, transport }));
  };

  for (const [what, answer] of Object.entries(INVALID)) {
    Deno.test(`${transport} transport blames the server for an upgrade with ${what}`, async () => {
      const { class: kind, message } = await fails(answer);
      assert.equal(kind, "protocol_error", message);
      assert.match(
        message,
        /^The server's answer to the upgrade is not valid: /,
      );
    });
  }

  Deno.test(`${transport} transport takes any byte in a header that HTTP allows`, async () => {
    await using server = await rawServer((peer) => {
      const head = upgraded("x-a: \xe9\t~")(peer.head);
      peer.socket.end(Buffer.from(head, "latin1"));
    });
    const target = server.url.origin;
    const failure = failureOf(await transcribeOnce({ target, transport }));
    assert.equal(failure.class, "closed");
  });

  Deno.test(`${transport} transport shows a refusal's message decompressed, and no bytes that are not text`, async () => {
    const body = gzipSync(JSON.stringify({ error: { message: "no seat" } }));
    const answer = (encoding: string) => () =>
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 503 No\r\ncontent-length: ${body.length}\r\n${encoding}\r\n`,
        ),
        body,
      ]);
    const known = await fails(answer("content-encoding: gzip\r\n"));
    assert.match(known.message, /HTTP 503: no seat$/);
    for (const encoding of ["", "content-encoding: zstd\r\n"]) {
      const unknown = await fails(answer(encoding));
      assert.deepEqual([unknown.class, unknown.code], ["connect_error", "503"]);
      assert.match(unknown.message, /HTTP 503$/);
    }
  });
}
