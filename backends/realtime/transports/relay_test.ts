import assert from "node:assert/strict";
import { connect } from "node:net";
import { dirname } from "node:path";
import { relay } from "./relay.ts";

const NOWHERE = {
  url: new URL("ws://127.0.0.1:1/"),
  headers: {},
  tls: { rejectUnauthorized: true },
};

Deno.test("relay() listens in a folder of one's own, and leaves nothing behind", async () => {
  const hop = await relay(NOWHERE);
  const folder = dirname(hop.path);
  const { mode } = await Deno.stat(folder);
  assert.equal(mode! & 0o777, 0o700);
  await hop[Symbol.asyncDispose]();
  await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
});

for (
  const [name, request] of [
    ["that it does not expect", "GET / HTTP/1.1\r\nx-earshot-link: 7\r\n\r\n"],
    ["that does not say who it is", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"],
    ["that never ends", "x".repeat(70_000)],
  ] as const
) {
  Deno.test(`relay() hangs up on a connection ${name}`, async () => {
    await using hop = await relay(NOWHERE);
    hop.link(() => {});
    const near = connect(hop.path);
    near.on("error", () => {});
    near.write(request);
    await new Promise((resolve) => near.resume().once("close", resolve));
    assert.ok(near.destroyed);
  });
}

Deno.test("relay() hangs up on a connection that was cut before it came in", async () => {
  await using hop = await relay(NOWHERE);
  const link = hop.link(() => {});
  link.cut();
  const near = connect(hop.path);
  near.write(
    `GET / HTTP/1.1\r\nx-earshot-link: ${
      link.headers["x-earshot-link"]
    }\r\n\r\n`,
  );
  await new Promise((resolve) => near.resume().once("close", resolve));
  assert.equal(link.error, undefined);
});

Deno.test("relay() reports to a link why the server could not be reached", async () => {
  await using hop = await relay(NOWHERE);
  const link = hop.link(() => {});
  const near = connect(hop.path);
  near.write(
    `GET / HTTP/1.1\r\nx-earshot-link: ${
      link.headers["x-earshot-link"]
    }\r\n\r\n`,
  );
  await new Promise((resolve) => near.resume().once("close", resolve));
  assert.equal(
    (link.error as { code?: string } | undefined)?.code,
    "ECONNREFUSED",
  );
});
