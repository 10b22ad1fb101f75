import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { random } from "../../lib/random.ts";
import { createSeats, type ServerHost } from "../context.ts";
import { createExchange } from "./exchange.ts";
import { generate } from "../openai/generation.ts";
import type { LogEntry, RunningServer } from "../mod.ts";
import { DEFAULTS, type ServerOptions } from "../settings.ts";
import { testCa, testTls } from "../../tests/support/certificate.ts";
import {
  eventsOf,
  post,
  postRaw,
  quickServer,
} from "../../tests/support/quick_server.ts";

const PATH = "/v1/chat/completions";
const CHAT = {
  messages: [{ role: "user", content: "Hi" }],
  stream: true,
  max_tokens: 5,
  ignore_eos: true,
};

/** The log of one chat. */
async function logOf(
  options: ServerOptions,
  body: object = CHAT,
): Promise<readonly LogEntry[]> {
  await using server = await quickServer(options);
  await post(server, PATH, { body });
  return await finished(server, 1);
}

/** The log, once `count` requests are over. */
async function finished(
  server: RunningServer,
  count: number,
): Promise<readonly LogEntry[]> {
  for (;;) {
    const log = server.log();
    const over = log.filter(({ type }) =>
      type === "finished" || type === "closed early"
    );
    if (over.length >= count) return log;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const chunksIn = (log: readonly LogEntry[]) =>
  log.filter(({ type }) => type === "chat.completion.chunk");

Deno.test("the log holds a request from its connection to its end, under the response's id", async () => {
  await using server = await quickServer({ outputTokens: 2 });
  const { text, headers } = await post(server, PATH, { body: CHAT });
  const [, id] = /"id":"([^"]+)"/.exec(text)!;
  assert.equal(headers.get("x-request-id"), id);
  const log = await finished(server, 1);
  assert.ok(log.every(({ session }) => session === id));
  assert.deepEqual(
    log.map(({ direction, type, chars }) => [direction, type, chars]),
    [
      ["note", "connected", undefined],
      ["in", `POST ${PATH}`, undefined],
      ["in", "body", undefined],
      ["out", "headers 200", undefined],
      ["out", "chat.completion.chunk", 0],
      ...eventsOf(text).slice(1).map(({ choices }) => [
        "out",
        "chat.completion.chunk",
        choices[0].delta.content.length,
      ]),
      ["out", "[DONE]", undefined],
      ["note", "finished", undefined],
    ],
  );
  const sent = log.filter(({ direction, type }) =>
    direction === "out" && !type.startsWith("headers")
  );
  const bytes = sent.reduce((sum, entry) => sum + entry.bytes, 0);
  assert.equal(bytes, new TextEncoder().encode(text).length);
  const body = log.find(({ type }) => type === "body");
  assert.equal(body!.bytes, JSON.stringify(CHAT).length);
});

Deno.test("an answer's id ends in the request's own id, as vLLM's", async () => {
  await using server = await quickServer();
  const { text } = await post(server, PATH, {
    body: CHAT,
    headers: { "x-request-id": "mine" },
  });
  assert.match(text, /"id":"chatcmpl-mine"/);
});

Deno.test("tokens are sent when they are due, counted from the request's last byte", async () => {
  const log = await logOf({ ttftMs: 30, itlMs: 8, prefillMsPerToken: 2 });
  const body = log.find(({ type }) => type === "body")!;
  const [opening, ...chunks] = chunksIn(log);
  const promptTokens = 5;
  const firstMs = body.atMs + 30 + 2 * promptTokens;
  assert.ok(opening!.atMs >= firstMs);
  assert.equal(chunks.length, 5);
  for (const [i, { atMs }] of chunks.entries()) {
    assert.ok(atMs >= firstMs + 8 * i, `${i}: ${atMs - firstMs}`);
  }
});

Deno.test("an event of several tokens is sent when its last token is due", async () => {
  const log = await logOf({ ttftMs: 10, itlMs: 8, tokensPerEvent: 3 });
  const body = log.find(({ type }) => type === "body")!;
  const [, first, second] = chunksIn(log);
  assert.ok(first!.atMs >= body.atMs + 10 + 16);
  assert.ok(second!.atMs >= body.atMs + 10 + 32);
});

Deno.test("requests beyond the seats wait", async () => {
  await using server = await quickServer({ maxNumSeqs: 1, itlMs: 5 });
  await Promise.all(
    Array.from({ length: 3 }, () => post(server, PATH, { body: CHAT })),
  );
  const log = await finished(server, 3);
  const spans = [...Map.groupBy(chunksIn(log), ({ session }) => session)]
    .map(([, entries]) => [entries[0]!.atMs, entries.at(-1)!.atMs] as const)
    .sort(([a], [b]) => a - b);
  assert.equal(spans.length, 3);
  for (let i = 1; i < spans.length; i++) {
    assert.ok(spans[i]![0] >= spans[i - 1]![1]);
  }
});

Deno.test("a client that leaves frees its seat, and the log says that it left", async () => {
  await using server = await quickServer({ maxNumSeqs: 1, itlMs: 5 });
  await postRaw(server, PATH, {
    body: { ...CHAT, max_tokens: 10_000 },
    until: '"content":""',
  });
  const { status } = await post(server, PATH, { body: CHAT });
  assert.equal(status, 200);
  const log = await finished(server, 2);
  const ends = log.filter(({ type }) => /^(finished|closed early)$/.test(type));
  assert.deepEqual(ends.map(({ type }) => type), ["closed early", "finished"]);
});

/** An exchange over a response and a clock of a test. */
function exchangeOver(
  response: EventEmitter,
  at: (atMs: number, task: () => void) => () => void,
) {
  return createExchange({
    host: { seats: createSeats(1) } as ServerHost,
    id: "x",
    message: { headers: {} } as IncomingMessage,
    response: response as unknown as ServerResponse,
    options: DEFAULTS,
    faults: [],
    receivedMs: 0,
    clock: { now: () => 0, at },
    record() {},
    random: (purpose) => random(1, purpose),
  });
}

Deno.test("createExchange() lets what a task wrote leave before the next task", () => {
  const calls: string[] = [];
  const socket = { uncork: () => calls.push("uncork") };
  const response = Object.assign(new EventEmitter(), { socket });
  const due: (() => void)[] = [];
  const exchange = exchangeOver(response, (_, task) => {
    due.push(task);
    return () => {};
  });
  exchange.at(0, () => calls.push("first"));
  exchange.at(0, () => calls.push("second"));
  for (const task of due) task();
  assert.deepEqual(calls, ["first", "uncork", "second", "uncork"]);
});

Deno.test("createExchange() starts nothing for a client that has left, and frees its seat", () => {
  const response = Object.assign(new EventEmitter(), {
    writableFinished: false,
  });
  let armed = 0;
  const exchange = exchangeOver(response, () => {
    armed++;
    return () => {};
  });
  response.emit("close");
  const answers = [{
    pieces: [{ kind: "text", text: "a", tokens: 1 } as const],
    finishReason: "stop" as const,
  }];
  generate(exchange, { answers, promptTokens: 1 }, { done() {} });
  assert.equal(armed, 0);
  let seated = false;
  exchange.host.seats.take(() => void (seated = true));
  assert.ok(seated);
});

Deno.test("requests beyond maxConcurrentRequests are refused, those after failAfterRequests fail", async () => {
  await using server = await quickServer();
  const ask = async (query: string) =>
    (await post(server, PATH, { body: CHAT, query })).status;
  const abort = new AbortController();
  await fetch(`${server.url}${PATH}?fault=stall@headers`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(CHAT),
    signal: abort.signal,
  });
  assert.equal(await ask("maxConcurrentRequests=1"), 503);
  assert.equal(await ask("maxConcurrentRequests=2"), 200);
  abort.abort();
  assert.equal(await ask("failAfterRequests=4"), 200);
  assert.equal(await ask("failAfterRequests=4"), 500);
});

Deno.test("events are written together as by a proxy, each with its own entry", async () => {
  await using server = await quickServer({ eventsPerWrite: 3 });
  const { body, chunks } = await postRaw(server, PATH, { body: CHAT });
  assert.equal(body.split("\n\n").filter(Boolean).length, 7);
  assert.equal(chunks, 3);
  const sent = (await finished(server, 1)).filter(({ direction, type }) =>
    direction === "out" && !type.startsWith("headers")
  );
  assert.equal(sent.length, 7);
});

Deno.test("comments keep a silent stream alive", async () => {
  await using server = await quickServer({ ttftMs: 60, keepAliveMs: 10 });
  const { text } = await post(server, PATH, { body: CHAT });
  assert.ok(text.startsWith(": ping\n\n"));
  const comments = text.split("\n\n").filter((event) => event === ": ping");
  const log = await finished(server, 1);
  assert.equal(
    log.filter(({ type }) => type === "(comment)").length,
    comments.length,
  );
});

Deno.test("options come from the query and from a header, and wrong values are refused", async () => {
  await using server = await quickServer();
  const ask = (query: string, header = "") =>
    post(server, PATH, {
      body: { messages: CHAT.messages },
      query,
      headers: { "earshot-options": header },
    });
  const tokens = async (query: string, header = "") =>
    JSON.parse((await ask(query, header)).text).usage.completion_tokens;
  assert.equal(await tokens("outputTokens=3"), 3);
  assert.equal(await tokens("outputTokens=3", "outputTokens=4"), 4);
  assert.equal(await tokens("unknown=3&outputTokens=2"), 2);
  for (
    const [query, problem] of [
      [
        "ttftMs=soon",
        "ttftMs must be a number of at least 0, but was soon",
      ],
      [
        "done=no",
        "done must be true or false, but was no",
      ],
      [
        "dialect=x",
        "dialect must be vllm or openai, but was x",
      ],
      [
        "usageStyle=evry",
        'usageStyle must be asked, final, finish, every or none, but was evry; did you mean "every"?',
      ],
      [
        "wordErrorRate=2",
        "wordErrorRate must be a number between 0 and 1, but was 2",
      ],
    ] as const
  ) {
    const { status, text } = await ask(query);
    assert.deepEqual([status, text], [400, problem]);
  }
});

Deno.test("a query does not change the settings of the whole server", async () => {
  await using server = await quickServer({ seed: 3, logEntries: 50 });
  const { status } = await post(server, PATH, {
    body: CHAT,
    query: "seed=x&logEntries=y&model=z&port=w&constructor=1",
  });
  assert.equal(status, 200);
});

Deno.test("times vary in the shape that is set, and are never negative", async () => {
  for (const shape of ["even", "normal", "exponential"] as const) {
    const log = await logOf({
      ttftMs: 5,
      itlMs: 1,
      itlJitterMs: 3,
      ttftJitterMs: 5,
      jitterShape: shape,
    });
    const times = chunksIn(log).map(({ atMs }) => atMs);
    assert.deepEqual(times, times.toSorted((a, b) => a - b));
  }
});

Deno.test("the log has a client that leaves in the middle of its request", async () => {
  await using server = await quickServer();
  const socket = connect(server.port, "127.0.0.1");
  socket.write(
    `POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"messages`,
  );
  while (!server.log().some(({ type }) => type.startsWith("POST"))) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  socket.destroy();
  const log = await finished(server, 1);
  assert.deepEqual(log.map(({ type }) => type), [
    "connected",
    `POST ${PATH}`,
    "closed early",
  ]);
});

Deno.test("chats are answered over TLS, with the connection in the log", async () => {
  await using server = await quickServer({ tls: testTls });
  using client = Deno.createHttpClient({ caCerts: [testCa] });
  const response = await fetch(server.url + PATH, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(CHAT),
    client,
  });
  assert.match(await response.text(), /\[DONE\]\n\n$/);
  const [first] = await finished(server, 1);
  assert.equal(first!.type, "connected");
});
