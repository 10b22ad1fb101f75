import assert from "node:assert/strict";
import { warnOnce } from "../../lib/warn_once.ts";
import type { Output } from "../../plugins/mod.ts";
import { loopback, talk } from "../../tests/support/loopback.ts";
import { tinyProxy } from "../../tests/support/tiny_proxy.ts";
import { checkLength, observe, traceRequest } from "./backend.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import { responses } from "./responses.ts";

const context = (value: string) => ({
  env: (name: string) => name === "HTTP_PROXY" ? value : undefined,
  signal: new AbortController().signal,
  warn: () => {},
});

Deno.test("openBackend() checks health and models through the proxy and reports it without its password", async () => {
  await using server = loopback(() => new Response(""));
  await using proxy = await tinyProxy();
  const target = server.target.replace("127.0.0.1", "h.invalid");
  const backend = await chat({ target, model: "m" })
    .open(context(`http://me:s3cret@127.0.0.1:${proxy.port}`));
  assert.match(proxy.heads[0]!, /^GET http:\/\/h\.invalid:\d+\/health HTTP/);
  assert.equal(backend.facts!["proxy"], `http://127.0.0.1:${proxy.port}`);
  assert.ok(!JSON.stringify(backend.facts).includes("s3cret"));
  await backend[Symbol.asyncDispose]!();
});

Deno.test("openBackend() rejects an invalid proxy before it sends anything", async () => {
  const configured = chat({ target: "http://h.invalid", model: "m" });
  await assert.rejects(configured.open(context("socks5://me:s3cret@p")), {
    name: "UsageError",
    message: /^HTTP_PROXY must be an http or https URL/,
  });
});

const HINT = "; the server may not support ignore_eos or min_tokens";

/** Returns the warnings for answers, one after another. */
function warningsOf(
  maxOutputTokens: number | undefined,
  ...answers: readonly Output[]
) {
  const asked = maxOutputTokens === undefined
    ? {}
    : { maxOutputTokens, isExactLength: true as const };
  const warnings: string[] = [];
  const warn = warnOnce((message) => warnings.push(message));
  for (const answer of answers) checkLength(warn, answer, asked);
  return warnings;
}

Deno.test("checkLength() warns once of an answer with fewer tokens than requested", () => {
  const short = { usage: { outputTokens: 12 }, finishReason: "stop" };
  assert.deepEqual(warningsOf(128, short, short), [
    `exactly 128 output tokens were requested, but the server counted 12${HINT}`,
  ]);
  assert.deepEqual(warningsOf(128, { finishReason: "stop" }), [
    `exactly 128 output tokens were requested, but finish_reason is stop${HINT}`,
  ]);
});

Deno.test("checkLength() accepts complete answers and answers of unknown length", () => {
  const { length } = warningsOf(
    128,
    { usage: { outputTokens: 128 }, finishReason: "length" },
    { usage: { outputTokens: 128 }, finishReason: "stop" },
    { usage: { outputTokens: 0 }, finishReason: "length" },
    { finishReason: "length" },
    {},
  );
  assert.equal(length, 0);
  assert.deepEqual(warningsOf(undefined, { usage: { outputTokens: 1 } }), []);
});

/** Answers as a server that stops after five tokens of each answer. */
function answerOf({ path, body }: { path: string; body: { n?: unknown } }) {
  const n = Number(body.n ?? 1);
  const usage = { prompt_tokens: 3, completion_tokens: 5 * n };
  const output = [{ content: [{ type: "output_text", text: "four" }] }];
  const choices = Array.from({ length: n }, (_, index) => ({
    index,
    message: { content: "four" },
    text: "four",
    finish_reason: "stop",
  }));
  return Response.json(
    path.endsWith("responses")
      ? { status: "completed", output, usage }
      : { choices, usage },
  );
}

Deno.test("openBackend() checks the length that each endpoint requests, by option, body or data", async () => {
  await using server = loopback(answerOf);
  const { target } = server;
  const text = { columns: { text: "a" } };
  const common = { target, model: "m", stream: false, ignoreEos: true };
  const cases = [
    [chat({ ...common, maxOutputTokens: 6 }), text, 6],
    [chat({ ...common, maxOutputTokens: 5 }), text, undefined],
    [chat({ ...common, maxOutputTokens: 6, ignoreEos: false }), text],
    [chat({ ...common, body: { max_tokens: 7 } }), text, 7],
    [chat(common), { ...text, maxOutputTokens: 8 }, 8],
    [chat({ ...common, maxOutputTokens: 6, body: { n: 2 } }), text, 12],
    [completions({ ...common, maxOutputTokens: 9 }), text, 9],
    [
      chat({
        ...common,
        ignoreEos: false,
        maxOutputTokens: 9,
        body: { min_tokens: 9 },
      }),
      text,
      9,
    ],
    [
      chat({
        ...common,
        ignoreEos: false,
        maxOutputTokens: 9,
        body: { min_tokens: 5 },
      }),
      text,
    ],
    [responses({ ...common, maxOutputTokens: 10 }), text, 10],
  ] as const;
  for (const [backend, turn, asked] of cases) {
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    const [sample] = await talk(backend, [turn], { warn });
    assert.equal(sample?.outcome.status, "ok");
    if (asked !== undefined) {
      assert.deepEqual(sample?.input, {
        maxOutputTokens: asked,
        isExactLength: true,
      });
    }
    const got = asked === 12 ? 10 : 5;
    assert.deepEqual(
      warnings,
      asked === undefined ? [] : [
        `exactly ${asked} output tokens were requested, but the server counted ${got}${HINT}`,
      ],
    );
  }
});

function tracing() {
  const seen: string[] = [];
  const trace = {
    sent: (text: string) => void seen.push(`sent ${text}`),
    received: (text: string) => void seen.push(`received ${text}`),
    note: (text: string) => void seen.push(`note ${text}`),
  };
  return { trace, seen };
}

const url = new URL("http://a/v1/x?key=s3cret%2F");

Deno.test("traceRequest() shows JSON, the size of any other body, and no query", () => {
  const { trace, seen } = tracing();
  const contentType = "application/json";
  traceRequest(trace, { url, contentType, body: '{"a":"é"}' });
  const body = new TextEncoder().encode('{"b":"é"}');
  traceRequest(trace, { url, contentType, body });
  const form = "multipart/form-data; boundary=b";
  traceRequest(trace, { url, contentType: form, body });
  assert.deepEqual(seen, [
    "note POST /v1/x: 10 bytes of application/json",
    'sent {"a":"é"}',
    "note POST /v1/x: 10 bytes of application/json",
    'sent {"b":"é"}',
    "note POST /v1/x: 10 bytes of multipart/form-data",
  ]);
});

Deno.test("observe() shows each event with its type and whole answers, and changes nothing", () => {
  const { trace, seen } = tracing();
  const read: unknown[] = [];
  const reader = observe(
    {
      event: (event, atMs) => read.push([event.data, atMs]) > 1,
      body: (text, atMs) => void read.push([text, atMs]),
      result: () => ({ text: "t" }),
    },
    trace,
    undefined,
  );
  assert.equal(reader.event({ data: "a" }, 1), false);
  assert.equal(reader.event({ type: "error", data: "b" }, 2), true);
  reader.body("c", 3);
  assert.deepEqual(reader.result(), { text: "t" });
  assert.deepEqual(read, [["a", 1], ["b", 2], ["c", 3]]);
  assert.deepEqual(seen, ["received a", "received error: b", "received c"]);
});
