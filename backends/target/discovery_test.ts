import assert from "node:assert/strict";
import { rawServer } from "../http/testing/raw_server.ts";
import { checkHealth, firstModel } from "./discovery.ts";
import { endpointOf } from "./endpoint.ts";

const ask = {
  headers: {},
  tls: { rejectUnauthorized: true },
  timeoutMs: 10_000,
  signal: new AbortController().signal,
};

/** A server that gives one answer to all. */
function answering(body: string, status: number) {
  return rawServer((peer) =>
    peer.answer(body, { status, headers: ["connection: close"] })
  );
}

/** What is made of an answer to the question for models. */
async function modelOf(body: string, status = 200): Promise<string> {
  await using server = await answering(body, status);
  const endpoint = endpointOf(server.url.origin, "/v1/x");
  return await firstModel(
    endpoint,
    ask,
    (text) => text.replaceAll("s3cret", "***"),
  );
}

Deno.test("firstModel() is the first one listed", async () => {
  const data = [{ id: "a" }, { id: "b" }];
  assert.equal(await modelOf(JSON.stringify({ data })), "a");
});

Deno.test("firstModel() says what came in place of a list, and tells it from an empty one", async () => {
  const rule =
    "Cannot choose a model as none is configured and the server must list one: GET /v1/models answered ";
  const cases:
    readonly (readonly [body: string, status: number, said: string])[] = [
      ['{"data":[]}', 200, "200 with a list that is empty"],
      [
        "<html>\n  <p>s3cret</p>",
        200,
        "200, which is no list of models: <html> <p>***</p>",
      ],
      ['{"id":"a"}', 200, '200, which is no list of models: {"id":"a"}'],
      [
        '{"data":[{"name":"a"}]}',
        200,
        '200, which is no list of models: {"data":[{"name":"a"}]}',
      ],
      ["null", 200, "200, which is no list of models: null"],
      [" ", 200, "200, which is no list of models: empty"],
      ["no such path", 404, "404"],
    ];
  for (const [body, status, said] of cases) {
    await assert.rejects(modelOf(body, status), {
      name: "UsageError",
      message: rule + said,
    });
  }
});

Deno.test("firstModel() says what a server that refuses to list models wants", async () => {
  const long = `${"x".repeat(296)}s3cret`;
  await assert.rejects(modelOf(long, 401), {
    class: "connect_error",
    code: "401",
    message: `Cannot list models: HTTP 401 ${
      "x".repeat(296)
    }*** (wants a key: apiKeyEnv names the variable that holds it)`,
  });
  await assert.rejects(modelOf("", 403), {
    code: "403",
    message:
      "Cannot list models: HTTP 403 (knows who asks, and does not allow it)",
  });
});

Deno.test("checkHealth() says what was answered, and what the server wants", async () => {
  const cases: readonly (readonly [status: number, said: string])[] = [
    [503, "503"],
    [401, "401 (wants a key: apiKeyEnv names the variable that holds it)"],
  ];
  for (const [status, said] of cases) {
    await using server = await answering("", status);
    const endpoint = endpointOf(server.url.origin, "/v1/x");
    await assert.rejects(
      checkHealth({ healthPath: "/health" }, endpoint, ask),
      {
        class: "connect_error",
        code: String(status),
        message:
          `Cannot start as /health must answer 2xx (healthPath=off does without): current answer is ${said}`,
      },
    );
    await checkHealth({ healthPath: "off" }, endpoint, ask);
    assert.equal(server.peers.length, 1);
  }
});
