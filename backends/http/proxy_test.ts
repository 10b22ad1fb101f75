import assert from "node:assert/strict";
import { asked, failureOf, open } from "./testing/ask_test.ts";
import { rawServer } from "./testing/raw_server.ts";
import { tinyProxy } from "./testing/tiny_proxy.ts";

const env = (given: Record<string, string>) => (name: string) => given[name];

function pem(name: string): string {
  const url = new URL(`../target/testdata/${name}`, import.meta.url);
  return Deno.readTextFileSync(url);
}

Deno.test("exchange() asks a proxy for the whole address over http", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using proxy = await tinyProxy();
  const value = `http://me:s3cret@127.0.0.1:${proxy.port}`;
  await using http = open({ env: env({ http_proxy: value }) });
  for (let i = 0; i < 2; i++) {
    const { error, bodies } = await asked(http, server.url);
    assert.equal(error, undefined);
    assert.equal(bodies.length, 1);
  }
  assert.equal(proxy.heads.length, 1);
  const [first, ...lines] = proxy.heads[0]!.split("\r\n");
  assert.equal(first, `POST ${server.url.href} HTTP/1.1`);
  assert.ok(lines.includes(`host: ${server.url.host}`));
  assert.ok(lines.includes(`proxy-authorization: Basic ${btoa("me:s3cret")}`));
});

Deno.test("exchange() tunnels through a proxy to https, and no header of the request is shown to it", async () => {
  const tls = { cert: pem("server.pem"), key: pem("server.key") };
  await using server = await rawServer((peer) => peer.answer("{}"), { tls });
  await using proxy = await tinyProxy();
  await using http = open({
    env: env({ HTTPS_PROXY: `http://me:s3cret@127.0.0.1:${proxy.port}` }),
    tls: { ca: pem("ca.pem"), rejectUnauthorized: true },
    headers: { authorization: "Bearer hidden" },
  });
  for (let i = 0; i < 2; i++) {
    const { error, bodies, marks } = await asked(http, server.url);
    assert.equal(error, undefined);
    assert.equal(bodies.length, 1);
    assert.equal(marks.connected !== undefined, i === 0);
  }
  assert.equal(proxy.heads.length, 1);
  const [first, ...lines] = proxy.heads[0]!.split("\r\n");
  assert.equal(first, `CONNECT ${server.url.host} HTTP/1.1`);
  assert.ok(lines.includes(`proxy-authorization: Basic ${btoa("me:s3cret")}`));
  assert.ok(!proxy.heads[0]!.includes("hidden"));
  const { head } = server.peers[0]!;
  assert.ok(!head.includes("proxy-"));
});

Deno.test("exchange() says so where the proxy does not let it through", async () => {
  await using proxy = await tinyProxy(407);
  const value = `http://me:s3cret@127.0.0.1:${proxy.port}`;
  await using http = open({
    env: env({ https_proxy: value, http_proxy: value }),
  });
  assert.deepEqual(
    failureOf(await asked(http, new URL("https://h.invalid/"))),
    [
      "connect_error",
      "407",
      `Cannot connect as the proxy 127.0.0.1:${proxy.port} must let through to the server: its answer is HTTP 407 (it wants a user and a password in its URL)`,
    ],
  );
  assert.deepEqual(
    failureOf(await asked(http, new URL("http://h.invalid:1/"))),
    [
      "http_error",
      "407",
      "The server answered HTTP 407 (the proxy wants a user and a password in its URL)",
    ],
  );
});

Deno.test("exchange() says so where there is no proxy", async () => {
  const given = env({ HTTP_PROXY: "http://me:s3cret@127.0.0.1:1" });
  await using http = open({ env: given });
  const got = await asked(http, new URL("http://h.invalid/"));
  assert.deepEqual(failureOf(got).slice(0, 2), [
    "connect_error",
    "ECONNREFUSED",
  ]);
  assert.ok(!got.error!.message.includes("s3cret"));
});
