import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from "node:zlib";
import {
  type AnswerOptions,
  rawServer,
} from "../../tests/support/raw_server.ts";
import { checkHealth, firstModel } from "./target.ts";
import { endpointOf } from "./endpoint.ts";
import type { TargetSettings } from "./options.ts";

const ask = {
  headers: {},
  tls: { rejectUnauthorized: true },
  timeoutMs: 10_000,
  signal: new AbortController().signal,
  clean: (text: string) => text.replaceAll("s3cret", "***"),
};

/** A server that gives one answer to all. */
function answering(
  body: string | Uint8Array,
  status: number,
  headers: AnswerOptions["headers"] = [],
) {
  return rawServer((peer) => peer.answer(body, { status, headers }));
}

/** The model found in an answer. */
async function modelOf(
  body: string | Uint8Array,
  status = 200,
  headers: AnswerOptions["headers"] = [],
): Promise<string> {
  await using server = await answering(body, status, headers);
  return await firstModel(endpointOf(server.url.origin, "/v1/x"), ask);
}

/** Asks a server with one answer to all for its health. */
async function healthOf(
  healthPath: TargetSettings["healthPath"],
  status: number,
  body: string | Uint8Array = "",
  headers: AnswerOptions["headers"] = [],
): Promise<string[]> {
  await using server = await answering(body, status, headers);
  const endpoint = endpointOf(server.url.origin, "/v1/x");
  await checkHealth({ healthPath }, endpoint, ask);
  return server.peers.map(({ head }) => head.split(" ")[1]!);
}

const MODELS = JSON.stringify({ data: [{ id: "é" }, { id: "b" }] });

Deno.test("firstModel() is the first one listed", async () => {
  assert.equal(await modelOf(MODELS), "é");
});

for (
  const [encoding, compress] of Object.entries({
    gzip: gzipSync,
    "X-Gzip": gzipSync,
    deflate: deflateSync,
    "deflate ": deflateRawSync,
    br: brotliCompressSync,
    identity: (text: string) => text,
  })
) {
  Deno.test(`firstModel() reads a list that comes as ${encoding}, and the message of a refusal`, async () => {
    const headers = [`content-encoding: ${encoding}`];
    assert.equal(await modelOf(compress(MODELS), 200, headers), "é");
    const error = JSON.stringify({ error: { message: "no s3cret GPU" } });
    await assert.rejects(modelOf(compress(error), 500, headers), {
      class: "connect_error",
      code: "500",
      message:
        "model: the server must list its models at /v1/models, unless model=NAME is given: The server answered HTTP 500: no *** GPU",
    });
  });
}

Deno.test("firstModel() never shows bytes that are not text", async () => {
  const zipped = gzipSync(MODELS);
  const cases: readonly (readonly [
    body: Uint8Array,
    status: number,
    headers: string[],
    message: RegExp,
  ])[] = [
    [zipped, 200, [], /but was bytes that are not text \(1f 8b 08 /],
    [zipped, 200, ["content-encoding: zstd"], /must be gzip, .* zstd$/],
    [zipped, 200, ["content-encoding: br"], /compressed as its content-enc/],
    [zipped, 500, [], /: The server answered HTTP 500$/],
    [zipped, 500, ["content-encoding: br"], /: The server answered HTTP 500$/],
    [zipped, 502, ["content-encoding: zstd"], /The server answered HTTP 502$/],
    [Buffer.alloc(40, 0xff), 503, [], /: The server answered HTTP 503$/],
  ];
  for (const [body, status, headers, message] of cases) {
    await assert.rejects(modelOf(body, status, headers), {
      class: "connect_error",
      message,
    });
  }
});

Deno.test("firstModel() does not unpack more than a response may hold", async () => {
  const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024, " "));
  await assert.rejects(modelOf(bomb, 200, ["content-encoding: gzip"]), {
    message: /must be at most 64 MiB$/,
  });
});

Deno.test("firstModel() says what came in place of a list, and how a model is given", async () => {
  const rule =
    "model: set it with model=NAME, as GET /v1/models answered with ";
  const cases: readonly (readonly [body: string, said: string])[] = [
    ['{"data":[]}', "an empty list"],
    [
      "<html>\n  <p>s3cret</p>",
      "something other than a list of models: <html> <p>***</p>",
    ],
    ['{"id":"a"}', 'something other than a list of models: {"id":"a"}'],
    [
      '{"data":[{"name":"a"}]}',
      'something other than a list of models: {"data":[{"name":"a"}]}',
    ],
    ["null", "something other than a list of models: null"],
    [" ", "something other than a list of models: empty"],
  ];
  for (const [body, said] of cases) {
    await assert.rejects(modelOf(body), {
      name: "UsageError",
      message: rule + said,
    });
  }
});

for (const status of [404, 405, 501]) {
  Deno.test(`firstModel() asks for a model's name where the list is answered with ${status}`, async () => {
    await assert.rejects(modelOf("no such path", status), {
      name: "UsageError",
      message:
        `model: the server does not list its models (GET /v1/models answered HTTP ${status}); set it with model=NAME`,
    });
  });

  Deno.test(`checkHealth() does not need the usual path (${status}), but does need one that is given`, async () => {
    assert.deepEqual(await healthOf(undefined, status), ["/health"]);
    await assert.rejects(healthOf("/health", status), {
      class: "connect_error",
      code: String(status),
      message:
        `healthPath: /health must answer 2xx (healthPath=off skips this check): The server answered HTTP ${status}`,
    });
  });
}

Deno.test("firstModel() says what a server that refuses to list models wants", async () => {
  const long = `${"x".repeat(296)}s3cret`;
  await assert.rejects(modelOf(long, 401), {
    class: "connect_error",
    code: "401",
    message:
      `model: the server must list its models at /v1/models, unless model=NAME is given: The server answered HTTP 401: ${
        "x".repeat(296)
      }*** (a key is required: apiKeyEnv names the variable that holds it)`,
  });
  await assert.rejects(modelOf("", 403), {
    code: "403",
    message: /HTTP 403 \(the key or user is known, but access is denied\)$/,
  });
});

Deno.test("checkHealth() says what the server said, and what it wants", async () => {
  const rule =
    "healthPath: /health must answer 2xx (healthPath=off skips this check): The server answered HTTP ";
  const loading = JSON.stringify({ error: { message: "Loading s3cret" } });
  const cases: readonly (readonly [
    status: number,
    body: string,
    headers: string[],
    said: string,
  ])[] = [
    [500, loading, [], "500: Loading ***"],
    [503, "", ["retry-after: 3"], "503 (Retry-After: 3)"],
    [
      401,
      "",
      [],
      "401 (a key is required: apiKeyEnv names the variable that holds it)",
    ],
    [
      302,
      "",
      ["location: https://h/login?key=k"],
      "302 (redirects to https://h/login; redirects are not followed: set target and path to it)",
    ],
  ];
  for (const [status, body, headers, said] of cases) {
    for (const healthPath of [undefined, "/health"]) {
      await assert.rejects(healthOf(healthPath, status, body, headers), {
        class: "connect_error",
        code: String(status),
        message: rule + said,
      });
    }
  }
});

Deno.test("checkHealth() asks nothing where it is off, and does not mind what a healthy server says", async () => {
  assert.deepEqual(await healthOf("off", 500), []);
  assert.deepEqual(await healthOf(false, 500), []);
  assert.deepEqual(await healthOf("/ping", 200, Buffer.alloc(9, 0xff)), [
    "/ping",
  ]);
});
