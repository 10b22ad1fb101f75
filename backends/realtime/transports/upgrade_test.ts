import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { headerOf, openingOf, statusOf, withHeader } from "./upgrade.ts";

const HEAD = "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nX-A:  b \r\n\r\n";

Deno.test("openingOf() finds the end of a whole head, and no other", () => {
  const opening = openingOf(Buffer.from(`${HEAD}abc`));
  assert.equal(opening?.head, HEAD);
  assert.equal(String(opening.rest), "abc");
  for (let length = 0; length < HEAD.length; length++) {
    assert.equal(openingOf(Buffer.from(HEAD.slice(0, length))), undefined);
  }
});

Deno.test("statusOf() reads the status, and returns 0 for other text", () => {
  assert.equal(statusOf(HEAD), 403);
  assert.equal(statusOf("SSH-2.0-OpenSSH\r\n\r\n"), 0);
});

Deno.test("headerOf() finds a header whatever its case", () => {
  assert.equal(headerOf(HEAD, "content-length"), "3");
  assert.equal(headerOf(HEAD, "x-b"), undefined);
});

Deno.test("withHeader() sets a header or takes it out, and takes a $ for a $", () => {
  const head = "GET / HTTP/1.1\r\nhost: a\r\nx-id: 7\r\n\r\n";
  assert.equal(
    withHeader(head, "Host", "$&"),
    "GET / HTTP/1.1\r\nHost: $&\r\nx-id: 7\r\n\r\n",
  );
  assert.equal(
    withHeader(head, "X-Id", undefined),
    "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
  );
});
