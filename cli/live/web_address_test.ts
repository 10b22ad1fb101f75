import assert from "node:assert/strict";
import { isUsageError } from "../../plugins/mod.ts";
import { parseWebAddress } from "./web_address.ts";

Deno.test("parseWebAddress() reads a port, a host, or both; by default this machine alone", () => {
  const read = (value: string | true) => {
    const { hostname, port, isDefault, isLoopback } = parseWebAddress(value);
    return [hostname, port, isDefault, isLoopback];
  };
  assert.deepEqual(read(true), ["127.0.0.1", 8090, true, true]);
  assert.deepEqual(read("0"), ["127.0.0.1", 0, false, true]);
  assert.deepEqual(read("9000"), ["127.0.0.1", 9000, false, true]);
  assert.deepEqual(read("localhost"), ["localhost", 8090, true, true]);
  assert.deepEqual(read("[::1]:9000"), ["::1", 9000, false, true]);
  assert.deepEqual(read("0.0.0.0:9000"), ["0.0.0.0", 9000, false, false]);
  assert.deepEqual(read("[::]"), ["::", 8090, true, false]);
  assert.deepEqual(read("bench.example:80"), [
    "bench.example",
    80,
    false,
    false,
  ]);
});

Deno.test("parseWebAddress() refuses everything else", () => {
  for (
    const value of [
      "",
      ":80",
      "65536",
      "host:",
      "host:x",
      "::1",
      "a/b",
      "http://a",
      "a@b:80",
      "a?b",
      "a b",
    ]
  ) {
    assert.throws(
      () => parseWebAddress(value),
      (error) =>
        isUsageError(error) &&
        error.message ===
          `--ui must be a port, or HOST:PORT, but was ${JSON.stringify(value)}`,
      value,
    );
  }
});
