import assert from "node:assert/strict";
import { asked, failureOf, open } from "../../tests/support/ask.ts";
import { rawServer } from "../../tests/support/raw_server.ts";
import { tinyProxy } from "../../tests/support/tiny_proxy.ts";
import { pem } from "../../tests/support/certificate.ts";

const env = (given: Record<string, string>) => (name: string) => given[name];

/** The same place by a name that only the proxy knows: it is not asked for one of this machine. */
function elsewhere({ url }: { readonly url: URL }): URL {
  const other = new URL(url);
  other.hostname = "h.invalid";
  return other;
}

Deno.test("exchange() asks a proxy for the whole address over http", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  await using proxy = await tinyProxy();
  const value = `http://me:s3cret@127.0.0.1:${proxy.port}`;
  await using http = open({ env: env({ http_proxy: value }) });
  const url = elsewhere(server);
  for (let i = 0; i < 2; i++) {
    const { error, bodies } = await asked(http, url);
    assert.equal(error, undefined);
    assert.equal(bodies.length, 1);
  }
  assert.equal(proxy.heads.length, 1);
  const [first, ...lines] = proxy.heads[0]!.split("\r\n");
  assert.equal(first, `POST ${url.href} HTTP/1.1`);
  assert.ok(lines.includes(`host: ${url.host}`));
  assert.ok(lines.includes(`proxy-authorization: Basic ${btoa("me:s3cret")}`));
});

Deno.test("exchange() tunnels through a proxy to https, and no header of the request is shown to it", async () => {
  const tls = { cert: pem("server.pem"), key: pem("server.key") };
  await using server = await rawServer((peer) => peer.answer("{}"), { tls });
  await using proxy = await tinyProxy();
  await using http = open({
    env: env({ HTTPS_PROXY: `http://me:s3cret@127.0.0.1:${proxy.port}` }),
    tls: { rejectUnauthorized: false },
    headers: { authorization: "Bearer hidden" },
  });
  const url = elsewhere(server);
  for (let i = 0; i < 2; i++) {
    const { error, bodies, marks } = await asked(http, url);
    assert.equal(error, undefined);
    assert.equal(bodies.length, 1);
    assert.equal(marks.connected !== undefined, i === 0);
  }
  assert.equal(proxy.heads.length, 1);
  const [first, ...lines] = proxy.heads[0]!.split("\r\n");
  assert.equal(first, `CONNECT ${url.host} HTTP/1.1`);
  assert.ok(lines.includes(`proxy-authorization: Basic ${btoa("me:s3cret")}`));
  assert.ok(!proxy.heads[0]!.includes("hidden"));
  const { head } = server.peers[0]!;
  assert.ok(!head.includes("proxy-"));
});

Deno.test("exchange() has a server behind a tunnel show a certificate of its name", async () => {
  const tls = { cert: pem("server.pem"), key: pem("server.key") };
  await using server = await rawServer((peer) => peer.answer("{}"), { tls });
  await using proxy = await tinyProxy();
  await using http = open({
    env: env({ HTTPS_PROXY: `127.0.0.1:${proxy.port}` }),
    tls: { ca: pem("ca.pem"), rejectUnauthorized: true },
  });
  const [failure, code, message] = failureOf(
    await asked(http, elsewhere(server)),
  );
  assert.deepEqual([failure, code], [
    "connect_error",
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ]);
  assert.match(
    message!,
    /is for localhost, 127\.0\.0\.1, not for h\.invalid \(target must/,
  );
  assert.equal(server.peers.length, 0);
});

Deno.test("exchange() goes straight to this machine, whatever proxy there is", async () => {
  await using server = await rawServer((peer) => peer.answer("{}"));
  const nowhere = "http://127.0.0.1:1";
  await using http = open({ env: () => nowhere });
  const local = new URL(server.url);
  local.hostname = "localhost";
  for (const url of [server.url, local]) {
    assert.equal((await asked(http, url)).error, undefined);
  }
  assert.equal(server.peers.length, 2);
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
      `The proxy 127.0.0.1:${proxy.port} refused a tunnel to the server: HTTP 407 (it requires a user and a password in its URL)`,
    ],
  );
  assert.deepEqual(
    failureOf(await asked(http, new URL("http://h.invalid:1/"))),
    [
      "http_error",
      "407",
      "The server answered HTTP 407 (the proxy requires a user and a password in its URL)",
    ],
  );
});

Deno.test("exchange() names the proxy that cannot be reached, without its password", async () => {
  const value = "http://me:s3cret@127.0.0.1:1";
  await using http = open({
    env: env({ HTTP_PROXY: value, https_proxy: value }),
  });
  for (
    const [scheme, name] of [["http", "HTTP_PROXY"], ["https", "https_proxy"]]
  ) {
    assert.deepEqual(
      failureOf(await asked(http, new URL(`${scheme}://h.invalid/`))),
      [
        "connect_error",
        "ECONNREFUSED",
        `Cannot connect through the proxy 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1 (see ${name}; NO_PROXY lists hosts to connect to directly)`,
      ],
    );
  }
});

Deno.test("exchange() names the variable whose proxy is not valid", async () => {
  await using http = open({ env: env({ HTTP_PROXY: "junk.invalid" }) });
  const [failure, code, message] = failureOf(
    await asked(http, new URL("http://h.invalid/")),
  );
  assert.deepEqual([failure, code], ["connect_error", "ENOTFOUND"]);
  assert.match(message!, /the proxy junk\.invalid: .*\(see HTTP_PROXY;/);
});
