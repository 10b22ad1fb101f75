import assert from "node:assert/strict";
import { hostOf, isLoopback, portOf } from "./host.ts";

Deno.test("isLoopback() recognizes the names and addresses of this machine", () => {
  const at = (host: string) => isLoopback(new URL(`http://${host}/`));
  for (
    const host of [
      "localhost",
      "LOCALHOST.",
      "a.localhost",
      "127.3.2.1:9",
      "[::1]",
    ]
  ) assert.ok(at(host), host);
  for (
    const host of [
      "localhost.com",
      "alocalhost",
      "128.0.0.1",
      "[::2]",
      "127.a.b",
    ]
  ) assert.ok(!at(host), host);
});

Deno.test("hostOf() removes brackets, portOf() fills in the default of the scheme", () => {
  const parts = (url: string) => [hostOf(new URL(url)), portOf(new URL(url))];
  assert.deepEqual(parts("http://[::1]/"), ["::1", 80]);
  assert.deepEqual(parts("https://a.b/"), ["a.b", 443]);
  assert.deepEqual(parts("wss://a.b/"), ["a.b", 443]);
  assert.deepEqual(parts("ws://a.b:81/"), ["a.b", 81]);
});
