import assert from "node:assert/strict";
import { loopback } from "../../tests/support/loopback.ts";
import { warnOnce } from "../../lib/warn_once.ts";
import type { JsonObject } from "../../lib/json.ts";
import { Tokenize } from "./token_counts.ts";

/** Starts a server with an answer for each question, the last one for all further questions. */
function serve(...answers: readonly (() => Response | Promise<Response>)[]) {
  return serveFor(10_000, ...answers);
}

/** The same with a timeout. */
function serveFor(
  timeoutMs: number,
  ...answers: readonly (() => Response | Promise<Response>)[]
) {
  let atOnce = 0, most = 0;
  const server = loopback(async () => {
    most = Math.max(most, ++atOnce);
    const at = Math.min(server.got.length, answers.length) - 1;
    const response = await answers[at]!();
    atOnce--;
    return response;
  });
  const unknown: string[] = [];
  const { signal } = new AbortController();
  const warn = warnOnce((answer) => unknown.push(answer));
  const tokenize = new Tokenize({
    url: new URL("/tokenize", server.target),
    model: "m",
    ask: {
      headers: { authorization: "Bearer key" },
      tls: { rejectUnauthorized: true },
      timeoutMs,
      signal,
      clean: (text) => text,
    },
  }, (answer) => warn("tokenize", answer));
  return {
    got: server.got,
    unknown,
    most: () => most,
    count: (question: JsonObject = { prompt: "a" }, own = signal) =>
      tokenize.count(question, own),
    crash: () => server[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      tokenize[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const counted = (count: number) => () =>
  Response.json({ count, max_model_len: 8, tokens: [] });
const status = (status: number) => () =>
  Response.json({ error: { message: "no" } }, { status });
const PROMPT = { prompt: "a" };
const CHAT = { messages: [{ role: "user", content: "a" }] };

Deno.test("Tokenize sends the headers of the run and reads the count", async () => {
  await using server = serve(
    counted(7),
    counted(0),
    () => Response.json({ tokens: [1, 2, 3] }),
  );
  assert.deepEqual(
    [await server.count(), await server.count(CHAT), await server.count()],
    [7, 0, 3],
  );
  assert.deepEqual(server.got.map(({ body }) => body), [
    { model: "m", ...PROMPT },
    { model: "m", ...CHAT },
    { model: "m", ...PROMPT },
  ]);
  const { headers } = server.got[0]!;
  assert.equal(headers.get("authorization"), "Bearer key");
  assert.equal(headers.get("content-type"), "application/json");
  assert.deepEqual(server.unknown, []);
});

for (const code of [404, 405, 501]) {
  Deno.test(`Tokenize sends one question to a server that answers ${code}`, async () => {
    await using server = serve(status(code));
    const all = [PROMPT, CHAT, PROMPT].map((each) => server.count(each));
    assert.deepEqual(await Promise.all(all), [undefined, undefined, undefined]);
    assert.equal(await server.count(), undefined);
    assert.equal(server.got.length, 1);
    assert.deepEqual(server.unknown, [`is answered with ${code}`]);
  });
}

Deno.test("Tokenize sends no more questions after an answer without a count", async () => {
  const answers = ["", "<html>", "[]", "{}", '{"tokens":[]}', '{"count":"7"}'];
  for (const answer of answers) {
    await using server = serve(() => new Response(answer));
    assert.equal(await server.count(), undefined);
    assert.equal(await server.count(), undefined);
    assert.equal(server.got.length, 1, answer);
    assert.deepEqual(server.unknown, ["is not answered with a count"]);
  }
});

Deno.test("Tokenize gives up one kind of question if the server supports the other", async () => {
  await using server = serve(counted(4), status(400), counted(5));
  assert.equal(await server.count(PROMPT), 4);
  assert.equal(await server.count(CHAT), undefined);
  assert.equal(await server.count(CHAT), undefined);
  assert.equal(await server.count(PROMPT), 5);
  assert.equal(server.got.length, 3);
  assert.deepEqual(server.unknown, [
    "fails: The server answered HTTP 400: no",
  ]);
});

for (const code of [408, 429, 500, 503]) {
  Deno.test(`Tokenize sends further questions after ${code}`, async () => {
    await using server = serve(status(code), counted(4));
    assert.equal(await server.count(), undefined);
    assert.equal(await server.count(), 4);
    assert.deepEqual(
      server.unknown,
      code === 500 ? ["fails: The server answered HTTP 500: no"] : [],
    );
  });
}

Deno.test("Tokenize sends one question at a time until one is answered", async () => {
  let open = () => {};
  const gate = new Promise<void>((resolve) => open = resolve);
  let waiting = 0;
  const atGate = async () => {
    if (++waiting === 3) open();
    await gate;
    return counted(2)();
  };
  await using server = serve(status(503), counted(1), atGate);
  const all = await Promise.all(
    Array.from({ length: 5 }, () => server.count()),
  );
  assert.deepEqual(all, [undefined, 1, 2, 2, 2]);
  assert.equal(server.most(), 3);
});

Deno.test("Tokenize returns undefined if the server is gone or the run has ended", async () => {
  await using server = serve(counted(1));
  const over = AbortSignal.abort(new Error("over"));
  assert.equal(await server.count(PROMPT, over), undefined);
  await server.crash();
  assert.equal(await server.count(), undefined);
  assert.deepEqual(server.unknown, []);
});

Deno.test("Tokenize sends no more questions to a silent server, which would delay the run", async () => {
  const late = Promise.withResolvers<Response>();
  await using server = serveFor(50, () => late.promise);
  assert.equal(await server.count(), undefined);
  assert.equal(await server.count(CHAT), undefined);
  assert.equal(server.got.length, 1);
  assert.deepEqual(server.unknown, ["is not answered within 50 ms"]);
  late.resolve(counted(1)());
});
