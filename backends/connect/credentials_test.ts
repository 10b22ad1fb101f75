import assert from "node:assert/strict";
import { headersOf } from "./credentials.ts";
import { tlsOf } from "./tls.ts";
import { endpointOf } from "./endpoint.ts";
import type { TargetSettings } from "./options.ts";
import { cleaner, snippet } from "./server_text.ts";
import { type OpenContext, UsageError } from "../../plugins/mod.ts";
import { testCa, testTls } from "../../tests/support/certificate.ts";

function headersFor(
  headers: Record<string, string>,
  { key, target = "http://a" }: { key?: string; target?: string } = {},
): Record<string, string> {
  const context: OpenContext = {
    env: () => key,
    signal: new AbortController().signal,
    warn: () => {},
  };
  const apiKeyEnv = key === undefined ? undefined : "KEY";
  return headersOf({ headers, apiKeyEnv }, endpointOf(target, "/x"), context);
}

Deno.test("headersOf() puts a key, or what the target's URL has, beside the headers", () => {
  const headers = { "x-a.b": "Zürich \t!" };
  assert.deepEqual(headersFor(headers), headers);
  assert.deepEqual(headersFor(headers, { key: "s3cret" }), {
    ...headers,
    Authorization: "Bearer s3cret",
  });
  assert.deepEqual(headersFor({}, { target: "http://u:p@a" }), {
    authorization: "Basic dTpw",
  });
});

Deno.test("headersOf() rejects an invalid header, and shows no value", () => {
  const refused: readonly [string, string][] = [
    ["x", "s3cret\r\ny: 1"],
    ["x", "s3cret\u0000"],
    ["x", "s3cret\u0100"],
    ["x\r\ny", "s3cret"],
    ["x y", "s3cret"],
    ["", "s3cret"],
  ];
  for (const [name, value] of refused) {
    assert.throws(() => headersFor({ [name]: value }), {
      name: "UsageError",
      message: `headers: ${
        JSON.stringify(name)
      } must be a valid HTTP name and value`,
    });
  }
});

Deno.test("headersOf() rejects headers that belong to the connection", () => {
  for (
    const name of ["Connection", "content-length", "TE", "Sec-WebSocket-Key"]
  ) {
    assert.throws(() => headersFor({ [name]: "1" }), {
      name: "UsageError",
      message:
        `headers: ${name} must not be given, as it belongs to the connection`,
    });
  }
});

Deno.test("headersOf() rejects a content type, which depends on the request", () => {
  assert.throws(() => headersFor({ "Content-Type": "x" }), {
    name: "UsageError",
    message:
      "headers: Content-Type must not be given, as it depends on the request",
  });
});

Deno.test("headersOf() refuses a key that has a line end, as files leave one", () => {
  assert.throws(() => headersFor({}, { key: "s3cret\n" }), {
    name: "UsageError",
    message: "apiKeyEnv: the key in KEY must be one line of text",
  });
});

Deno.test("headersOf() names a variable that is not set, unless it may be the key itself", () => {
  const context: OpenContext = {
    env: () => undefined,
    signal: new AbortController().signal,
    warn: () => {},
  };
  const said = (apiKeyEnv: string) => {
    const endpoint = endpointOf("http://a", "/x");
    try {
      headersOf({ headers: {}, apiKeyEnv }, endpoint, context);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("nothing was refused");
  };
  const rule = "apiKeyEnv: the environment variable must be set: ";
  for (const name of ["OPENAI_API_KEY_2_FOR_TESTS", "KEY2"]) {
    assert.equal(said(name), rule + name);
  }
  for (const key of ["hf_aBcDeFgHiJkLmNoPq", "key2", "LITSECRETabc"]) {
    assert.equal(
      said(key),
      `${rule}not shown, as it may be a key; give the name of a variable`,
    );
  }
});

Deno.test("cleaner() takes every secret out, the longest first", () => {
  const clean = cleaner(["sk-abc", "sk-abc-123", ""]);
  assert.equal(clean("bad key sk-abc-123, not sk-abc"), "bad key ***, not ***");
});

Deno.test("cleaner() takes out the beginning of a secret that was cut", () => {
  const clean = cleaner(["sk-abc-123-long", "other secret"]);
  for (let length = 295 - 15; length < 300; length++) {
    const text = snippet(`${"x".repeat(length)}sk-abc-123-long and more`);
    assert.ok(!clean(text).includes("sk-abc"), text);
    assert.ok(clean(text).endsWith("…"));
  }
  assert.equal(clean("a other se…, sk-abc-1… b"), "a ***…, ***… b");
  assert.equal(clean("words… and sk-ab…"), "words… and sk-ab…");
});

Deno.test("cleaner() leaves alone what is too short to be a secret", () => {
  assert.equal(cleaner(["a", "json", "1"])("a json 1"), "a json 1");
});

Deno.test("tlsOf() takes what is a certificate or a key, and nothing that only looks like one", async () => {
  const files: Record<string, string> = {
    "ca.pem":
      `-----BEGIN CERTIFICATE-----\nnope\n-----END CERTIFICATE-----\n${testCa}`,
    "key.pem": testTls.key,
    "none.pem":
      "-----BEGIN CERTIFICATE-----\nnope\n-----END CERTIFICATE-----\n",
  };
  const folder = await Deno.makeTempDir();
  try {
    const at = (name: string) => `${folder}/${name}`;
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(at(name), text);
    }
    const settings = { insecure: false } as TargetSettings;
    const read = await tlsOf({
      ...settings,
      caCert: at("ca.pem"),
      clientCert: at("ca.pem"),
      clientKey: at("key.pem"),
    });
    assert.deepEqual(read, {
      ca: files["ca.pem"],
      cert: files["ca.pem"],
      key: files["key.pem"],
      rejectUnauthorized: true,
    });
    for (
      const [option, name, what] of [
        ["caCert", "none.pem", "certificate"],
        ["caCert", "key.pem", "certificate"],
        ["clientCert", "none.pem", "certificate"],
        ["clientKey", "ca.pem", "private key"],
        ["clientKey", "gone.pem", "private key"],
      ] as const
    ) {
      await assert.rejects(
        tlsOf({ ...settings, [option]: at(name) }),
        (error) =>
          error instanceof UsageError &&
          error.message.startsWith(
            `${option} must be a PEM file with a ${what}, but was ${at(name)}`,
          ),
        `${option} ${name}`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
