import assert from "node:assert/strict";
import { tinyProxy } from "../../tests/support/tiny_proxy.ts";
import { chat } from "./chat/chat.ts";
import { loopback } from "../../tests/support/loopback.ts";

const context = (value: string) => ({
  env: (name: string) => name === "HTTP_PROXY" ? value : undefined,
  signal: new AbortController().signal,
  warn: () => {},
});

Deno.test("openBackend() asks for health and models by the proxy, and names it without its password", async () => {
  await using server = loopback(() => new Response(""));
  await using proxy = await tinyProxy();
  const target = server.target.replace("127.0.0.1", "h.invalid");
  const backend = await chat({ target, model: "m" })
    .open(context(`http://me:s3cret@127.0.0.1:${proxy.port}`));
  assert.match(proxy.heads[0]!, /^GET http:\/\/h\.invalid:\d+\/health HTTP/);
  assert.equal(backend.facts!["proxy"], `http://127.0.0.1:${proxy.port}`);
  assert.ok(!JSON.stringify(backend.facts).includes("s3cret"));
  await backend[Symbol.asyncDispose]!();
});

Deno.test("openBackend() refuses a proxy that is none before anything is asked", async () => {
  const configured = chat({ target: "http://h.invalid", model: "m" });
  await assert.rejects(configured.open(context("socks5://me:s3cret@p")), {
    name: "UsageError",
    message: /^Cannot use HTTP_PROXY as it must be an http or https URL/,
  });
});
