import assert from "node:assert/strict";
import { tinyProxy } from "../http/testing/tiny_proxy.ts";
import { rawServer } from "../http/testing/raw_server.ts";
import { probe, type ProbeOptions } from "./probe.ts";

function pem(name: string): string {
  return Deno.readTextFileSync(new URL(`testdata/${name}`, import.meta.url));
}

const ASK: ProbeOptions = {
  headers: { authorization: "Bearer hidden" },
  tls: { ca: pem("ca.pem"), rejectUnauthorized: true },
  timeoutMs: 10_000,
  signal: new AbortController().signal,
};
const TLS = { cert: pem("server.pem"), key: pem("server.key") };

for (
  const [what, tls, first] of [
    [
      "asks a proxy for the whole address over http",
      undefined,
      /^GET http:\/\/127.0.0.1:\d+\/v1\/x\?a=b HTTP/,
    ],
    ["tunnels through a proxy to https", TLS, /^CONNECT 127.0.0.1:\d+ HTTP/],
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
    const { status, body } = await probe(server.url, { ...ASK, env });
    assert.deepEqual([status, body], [200, "well"]);
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
      new RegExp(`host: ${server.url.host}`, "i"),
    );
  });
}

Deno.test("probe() goes straight where no environment is given, and says so where nobody answers", async () => {
  await using server = await rawServer((peer) => peer.answer("well"));
  assert.deepEqual(await probe(server.url, ASK), { status: 200, body: "well" });
  const env = (name: string) =>
    name === "HTTP_PROXY" ? "http://me:s3cret@127.0.0.1:1" : undefined;
  await assert.rejects(probe(server.url, { ...ASK, env }), {
    class: "connect_error",
    code: "ECONNREFUSED",
    message: `Cannot reach http://127.0.0.1:${server.port}/v1/x`,
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
    const asked = probe(server.url, { ...ASK, env, signal });
    await server.until(() => server.peers.length === 1);
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(asked, reason);
    await assert.rejects(probe(server.url, { ...ASK, env, signal }), reason);
    await assert.rejects(probe(server.url, { ...ASK, env, timeoutMs: 20 }), {
      class: "connect_timeout",
      message:
        `Cannot reach http://127.0.0.1:${server.port}/v1/x: waited 20 ms`,
    });
    await server.until(() => server.open === 0);
  });
}
