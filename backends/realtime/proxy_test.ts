import assert from "node:assert/strict";
import type { Peer } from "../../tests/support/scripted_server.ts";
import { scriptedServer } from "../../tests/support/scripted_server.ts";
import { testCa, testTls } from "../../tests/support/certificate.ts";
import { answer, failureOf } from "../../tests/support/realtime_test_case.ts";
import { tinyProxy } from "../../tests/support/tiny_proxy.ts";
import { openRealtime, transcribe } from "../../tests/support/transcribe.ts";

const script = (peer: Peer) =>
  answer(peer, { type: "transcription.done", text: "hello" });

for (const transport of ["native", "ws"] as const) {
  for (const scheme of ["ws", "wss"] as const) {
    Deno.test(`realtime() tunnels ${scheme} through a proxy, over ${transport}`, async () => {
      const tls = scheme === "wss" ? { tls: testTls } : {};
      await using server = await scriptedServer(script, tls);
      await using proxy = await tinyProxy();
      const variable = scheme === "wss" ? "HTTPS_PROXY" : "HTTP_PROXY";
      const value = `http://me:s3cret@127.0.0.1:${proxy.port}`;
      // Only the proxy knows the name of the server.
      const target = `${scheme}://h.invalid:${server.port}`;
      const backend = await openRealtime(
        { target, transport, speed: 0, insecure: true, apiKeyEnv: "KEY" },
        { env: (name) => ({ [variable]: value, KEY: "hidden" })[name] },
      );
      try {
        const { outcome, output } = await transcribe(backend);
        assert.equal(outcome.status, "ok");
        assert.equal(output.text, "hello");
        assert.equal(
          backend.facts?.proxy,
          `http://127.0.0.1:${proxy.port}`,
        );
      } finally {
        await backend[Symbol.asyncDispose]?.();
      }
      const [head, ...others] = proxy.heads;
      assert.deepEqual(others, []);
      assert.match(head!, new RegExp(`^CONNECT h\\.invalid:${server.port} `));
      const basic = `proxy-authorization: Basic ${btoa("me:s3cret")}`;
      assert.match(head!, new RegExp(basic, "i"));
      assert.ok(!head!.includes("hidden"), "the key is for the server only");
      const { headers } = server.peers[0]!.request;
      assert.equal(headers.authorization, "Bearer hidden");
      assert.equal(headers["proxy-authorization"], undefined);
    });
  }

  Deno.test(`realtime() verifies the server behind a proxy, over ${transport}`, async () => {
    await using server = await scriptedServer(script, { tls: testTls });
    await using proxy = await tinyProxy();
    const folder = await Deno.makeTempDir();
    const caCert = `${folder}/ca.pem`;
    await Deno.writeTextFile(caCert, testCa);
    const backend = await openRealtime(
      { target: `wss://h.invalid:${server.port}`, transport, speed: 0, caCert },
      { env: () => `http://127.0.0.1:${proxy.port}` },
    );
    try {
      const { class: kind, message } = failureOf(await transcribe(backend));
      assert.equal(kind, "connect_error");
      assert.match(message, /certificate is for localhost.*not for h\.invalid/);
    } finally {
      await backend[Symbol.asyncDispose]?.();
      await Deno.remove(folder, { recursive: true });
    }
  });

  Deno.test(`realtime() reports a proxy that refuses a tunnel, over ${transport}`, async () => {
    await using proxy = await tinyProxy(407);
    const backend = await openRealtime(
      { target: "ws://h.invalid:9", transport, speed: 0 },
      {
        env: (name) =>
          name === "HTTP_PROXY"
            ? `http://me:s3cret@127.0.0.1:${proxy.port}`
            : undefined,
      },
    );
    try {
      const { class: kind, code, message } = failureOf(
        await transcribe(backend),
      );
      assert.deepEqual([kind, code], ["connect_error", "407"]);
      assert.match(message, /refused a tunnel to the server: HTTP 407/);
      assert.ok(!message.includes("s3cret"), message);
      assert.equal(proxy.heads.length, 1);
    } finally {
      await backend[Symbol.asyncDispose]?.();
    }
  });
}
