import assert from "node:assert/strict";
import { tinyProxy } from "../../tests/support/tiny_proxy.ts";
import { rawServer } from "../../tests/support/raw_server.ts";
import { probe, probeConnections, type ProbeOptions } from "./probe.ts";

function pem(name: string): string {
  return Deno.readTextFileSync(new URL(`testdata/${name}`, import.meta.url));
}

const ASK: ProbeOptions = {
  headers: { authorization: "Bearer hidden" },
  tls: { ca: pem("ca.pem"), rejectUnauthorized: true },
  timeoutMs: 10_000,
  signal: new AbortController().signal,
  clean: (text) => text.replaceAll("s3cret", "***"),
};
/** The same place by a name that only the proxy knows: it is not asked for one of this machine. */
function elsewhere({ url }: { readonly url: URL }): URL {
  const other = new URL(url);
  other.hostname = "h.invalid";
  return other;
}

const TLS = { cert: pem("server.pem"), key: pem("server.key") };

for (
  const [what, tls, first] of [
    [
      "asks a proxy for the whole address over http",
      undefined,
      /^GET http:\/\/h\.invalid:\d+\/v1\/x\?a=b HTTP/,
    ],
    ["tunnels through a proxy to https", TLS, /^CONNECT h\.invalid:\d+ HTTP/],
  ] as const
) {
  Deno.test(`probe() ${what}`, async () => {
    await using server = await rawServer(
      (peer) => peer.answer("well", { headers: ["connection: close"] }),
      tls ? { tls } : {},
    );
    await using proxy = await tinyProxy();
    const value = `http://me:s3cret@127.0.0.1:${proxy.port}`;
    const env = (name: string) =>
      /^https?_proxy$/.test(name) ? value : undefined;
    const url = elsewhere(server);
    const any = { rejectUnauthorized: false };
    assert.equal(await probe(url, { ...ASK, env, tls: any }), "well");
    assert.equal(proxy.heads.length, 1);
    assert.match(proxy.heads[0]!, first);
    assert.match(
      proxy.heads[0]!,
      new RegExp(`proxy-authorization: Basic ${btoa("me:s3cret")}`, "i"),
    );
    assert.equal(proxy.heads[0]!.includes("hidden"), tls === undefined);
    assert.match(server.peers[0]!.head, /authorization: Bearer hidden/i);
    assert.match(
      server.peers[0]!.head,
      new RegExp(`host: ${url.host}`, "i"),
    );
  });
}

Deno.test("probe() goes straight where no environment is given, and names a proxy that nobody answers for", async () => {
  await using server = await rawServer((peer) => peer.answer("well"));
  assert.equal(await probe(server.url, ASK), "well");
  const env = (name: string) =>
    name === "HTTP_PROXY" ? "http://me:s3cret@127.0.0.1:1" : undefined;
  assert.equal(await probe(server.url, { ...ASK, env }), "well");
  await assert.rejects(probe(new URL("http://h.invalid/x"), { ...ASK, env }), {
    class: "connect_error",
    code: "ECONNREFUSED",
    message:
      "Cannot reach http://h.invalid/x through the proxy 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1 (see HTTP_PROXY; NO_PROXY lists hosts to connect to directly)",
  });
  await using refusing = await tinyProxy(407);
  await assert.rejects(
    probe(new URL("https://h.invalid/x"), {
      ...ASK,
      env: (name) =>
        name === "HTTPS_PROXY" ? `127.0.0.1:${refusing.port}` : undefined,
    }),
    { class: "connect_error", code: "407" },
  );
});

Deno.test("probe() says what may be the matter where TLS meets none, or a certificate is not trusted", async () => {
  await using secure = await rawServer((peer) => peer.answer(""), { tls: TLS });
  await using plain = await rawServer(() => {});
  const usual = { ...ASK, tls: { rejectUnauthorized: true } };
  const at = (scheme: string, port: number) =>
    new URL(`${scheme}://127.0.0.1:${port}/`);
  const cases: readonly (readonly [url: URL, message: RegExp])[] = [
    [at("http", secure.port), /may speak https, not http: see target\)$/],
    [at("https", secure.port), /caCert names .* insecure=true accepts any\)$/],
    [at("http", 1), /\(is the server running, and the port right\?\)$/],
  ];
  for (const [url, message] of cases) {
    await assert.rejects(probe(url, usual), { message });
  }
  const asked = probe(at("https", plain.port), usual);
  await plain.until(() => plain.accepted === 1);
  plain.sockets[0]!.end("HTTP/1.1 400 No\r\n\r\n");
  await assert.rejects(asked, {
    class: "connect_error",
    message: /may speak http, not https: see target\)$/,
  });
});

for (const way of ["straight", "by a proxy"]) {
  Deno.test(`probe() ends with the reason of an abort, and says that it waited too long, ${way}`, async () => {
    await using server = await rawServer(() => {});
    const env = (name: string) =>
      way === "by a proxy" && name === "HTTP_PROXY"
        ? server.url.origin
        : undefined;
    const controller = new AbortController();
    const { signal } = controller;
    const url = way === "straight" ? server.url : elsewhere(server);
    const asked = probe(url, { ...ASK, env, signal });
    await server.until(() => server.peers.length === 1);
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(asked, reason);
    await assert.rejects(probe(url, { ...ASK, env, signal }), reason);
    await assert.rejects(probe(url, { ...ASK, env, timeoutMs: 20 }), {
      class: "connect_timeout",
      message: way === "straight"
        ? `Cannot reach ${url.origin}/v1/x: waited 20 ms`
        : `Cannot reach ${url.origin}/v1/x through the proxy ${server.url.host}: waited 20 ms`,
    });
    await server.until(() => server.open === 0);
  });
}

Deno.test("probe() says why there is no whole answer, and asks once", async () => {
  const cases: readonly (readonly [sent: string, failure: string, RegExp])[] = [
    ["", "closed", /: The connection closed before the response: /],
    [
      "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
      "closed",
      /: The connection closed in the middle of the response: /,
    ],
    ["HTTP/1.1 200 OK\r\nx-a: b\0c\r\n\r\n", "protocol_error", /speak HTTP/],
    ["SSH-2.0-OpenSSH_9.2\r\n", "protocol_error", /must speak HTTP/],
  ];
  for (const [sent, failure, message] of cases) {
    await using server = await rawServer(({ socket }) => void socket.end(sent));
    await assert.rejects(probe(server.url, ASK), {
      class: failure,
      message: new RegExp(
        `^Cannot reach ${server.url.origin}/v1/x${message.source}`.replace(
          /(speak|must)/,
          ".*$1",
        ),
      ),
    });
    assert.equal(server.accepted, 1);
  }
});

Deno.test("probeConnections() are kept, and no more than there may be", async () => {
  await using server = await rawServer((peer) => peer.answer("well"));
  const connections = probeConnections(server.url, ASK, 2);
  const options = { ...ASK, connections, body: "{}" };
  const all = await Promise.all(
    Array.from({ length: 6 }, () => probe(server.url, options)),
  );
  assert.deepEqual(new Set(all), new Set(["well"]));
  assert.equal(await probe(server.url, options), "well");
  assert.equal(server.accepted, 2);
  assert.match(server.peers[0]!.head, /^POST .*accept-encoding: identity/is);
  // A question that is given up leaves the others alone.
  const gone = AbortSignal.abort(new Error("gone"));
  await assert.rejects(probe(server.url, { ...options, signal: gone }), {
    message: "gone",
  });
  assert.equal(await probe(server.url, options), "well");
  connections.destroy();
  await server.until(() => server.open === 0);
});

Deno.test("probe() blames a server that switches to another protocol", async () => {
  await using server = await rawServer((peer) =>
    peer.send("HTTP/1.1 101 Switching Protocols\r\n\r\n")
  );
  for (const statusOnly of [false, true]) {
    await assert.rejects(probe(server.url, { ...ASK, statusOnly }), {
      class: "protocol_error",
      message: /HTTP 101: it switches to another protocol/,
    });
  }
});
