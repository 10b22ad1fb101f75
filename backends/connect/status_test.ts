import assert from "node:assert/strict";
import { statusError } from "./status.ts";
import { asked, failureOf, open } from "../../tests/support/ask.ts";
import { rawServer } from "../../tests/support/raw_server.ts";

const url = new URL("http://h:8000/v1/chat/completions?key=k");

function messageOf(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): string {
  const header = (name: string) => new Headers(headers).get(name) ?? undefined;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const error = statusError({ status, header, url }, text);
  assert.deepEqual([error.class, error.code], ["http_error", String(status)]);
  return error.message;
}

const SAID: readonly (readonly [what: string, body: unknown, words: string])[] =
  [
    ["error.message", { error: { message: "no m", code: 1 } }, ": no m"],
    ["error as text", { error: "no" }, ": no"],
    ["message", { object: "error", message: "no" }, ": no"],
    ["detail", { detail: "Not Found" }, ": Not Found"],
    [
      "a list of details",
      { detail: [{ loc: ["body", "n"], msg: "too small" }, { msg: "b" }] },
      ": body.n: too small; b",
    ],
    ["error.detail", { error: { detail: "deep" } }, ": deep"],
    ["other JSON", { ok: false }, ': {"ok":false}'],
    ["no JSON", "<html>Bad", ": <html>Bad"],
    [
      "text that steers a terminal",
      { error: { message: "\x1b]0;pwn\x07 after\x1b[0m\b" } },
      ": \x1b]0;pwn\x07 after\x1b[0m\b",
    ],
    ["binary data", "\x1f\x8b\x08\0\0", ""],
    ["spaces alone", " \n", ""],
    ["nothing", "", ""],
    ["a long text", "x".repeat(400), `: ${"x".repeat(300)}…`],
  ];

for (const [what, body, words] of SAID) {
  Deno.test(`statusError() finds the server's words in ${what}`, () => {
    assert.equal(messageOf(418, body), `The server answered HTTP 418${words}`);
  });
}

const HINTS: readonly (readonly [status: number, aside: string])[] = [
  [401, "a key is required: apiKeyEnv names the variable that holds it"],
  [403, "the key or user is known, but access is denied"],
  [404, "the path or the model does not exist: see target, path and model"],
  [413, "the request is too large"],
  [422, "the server rejects the request's fields: see body"],
  [429, "too many requests"],
  [500, "internal server error"],
  [503, "the server is overloaded or not ready"],
];

for (const [status, aside] of HINTS) {
  Deno.test(`statusError() says what ${status} means`, () => {
    assert.equal(
      messageOf(status, { error: { message: "no" } }),
      `The server answered HTTP ${status}: no (${aside})`,
    );
  });
}

Deno.test("statusError() says when to come again", () => {
  for (const [status, aside] of HINTS.slice(5)) {
    assert.equal(
      messageOf(status, "", { "Retry-After": "7" }),
      `The server answered HTTP ${status} (${aside}; Retry-After: 7)`,
    );
  }
});

const DATE = "Fri, 06 Nov 2026 08:49:37 GMT";

const WAITS: readonly (readonly [
  header: string,
  date: string | undefined,
  ms: number | undefined,
])[] = [
  ["7", undefined, 7000],
  [" 120 ", DATE, 120_000],
  ["0", DATE, 0],
  ["Fri, 06 Nov 2026 08:49:40 GMT", DATE, 3000],
  ["Friday, 06-Nov-26 08:49:40 GMT", DATE, 3000],
  // Passed, or not to be compared.
  ["Fri, 06 Nov 2026 08:49:36 GMT", DATE, undefined],
  ["Fri, 06 Nov 2026 08:49:40 GMT", undefined, undefined],
  ["Fri, 06 Nov 2026 08:49:40 GMT", "now", undefined],
  ["soon", DATE, undefined],
  ["", DATE, undefined],
  ["-5", DATE, undefined],
  ["1.5", undefined, undefined],
  ["9".repeat(400), DATE, undefined],
];

for (const [wait, date, ms] of WAITS) {
  Deno.test(`statusError() keeps Retry-After: ${wait.slice(0, 40)} of a server whose date is ${date}, as ${ms} ms`, () => {
    const headers: Record<string, string | undefined> = {
      "retry-after": wait,
      date,
    };
    const header = (name: string) => headers[name];
    const error = statusError({ status: 429, header, url }, "");
    assert.equal(error.retryAfterMs, ms);
  });
}

Deno.test("statusError() has no time to wait without Retry-After", () => {
  const header = (name: string) => name === "date" ? DATE : undefined;
  const error = statusError({ status: 503, header, url }, "");
  assert.equal(error.retryAfterMs, undefined);
});

Deno.test("statusError() says where a redirect leads, without what may be secret", () => {
  const redirects = [
    ["https://u:p@other/v1/x?key=s#f", "https://other/v1/x"],
    ["/v2/x", "http://h:8000/v2/x"],
    ["http://", "an invalid URL"],
  ];
  for (const [location, shown] of redirects) {
    assert.equal(
      messageOf(308, "", { location: location! }),
      `The server answered HTTP 308 (redirects to ${shown}; redirects are not followed: set target and path to it)`,
    );
  }
});

Deno.test("exchange() fails with what the server said, secrets taken out, and uses the connection again", async () => {
  await using server = await rawServer((peer) =>
    peer.answer('{"error":{"message":"bad key s3cret"}}', { status: 401 })
  );
  await using http = open();
  for (let i = 0; i < 2; i++) {
    const got = await asked(http, server.url);
    assert.deepEqual(failureOf(got), [
      "http_error",
      "401",
      "The server answered HTTP 401: bad key *** (a key is required: apiKeyEnv names the variable that holds it)",
    ]);
    assert.deepEqual([got.bodies, got.events], [[], []]);
    assert.ok(got.marks.headers !== undefined);
  }
  assert.equal(server.accepted, 1);
});

Deno.test("exchange() follows no redirect", async () => {
  await using server = await rawServer((peer) =>
    peer.answer("", { status: 307, headers: ["location: /v2"] })
  );
  await using http = open();
  const [failure, code, message] = failureOf(await asked(http, server.url));
  assert.deepEqual([failure, code], ["http_error", "307"]);
  assert.match(message!, /redirects to http:\/\/127\.0\.0\.1:\d+\/v2;/);
  assert.equal(server.peers.length, 1);
});

Deno.test("exchange() takes events behind an error's status for words", async () => {
  await using server = await rawServer((peer) =>
    peer.answer("data: [DONE]\n\n", {
      status: 500,
      headers: ["content-type: text/event-stream"],
    })
  );
  await using http = open();
  const got = await asked(http, server.url);
  assert.deepEqual(failureOf(got).slice(0, 2), ["http_error", "500"]);
  assert.match(got.error!.message, /data: \[DONE\]/);
  assert.deepEqual(got.counted, []);
});

Deno.test("exchange() keeps the status where the words are cut short, or have no end", async () => {
  await using server = await rawServer(async (peer) => {
    const isFlood = server.peers.length > 1;
    await peer.send("HTTP/1.1 503 No\r\nretry-after: 9\r\n");
    await peer.send("transfer-encoding: chunked\r\n\r\n2\r\nno\r\n");
    if (!isFlood) peer.socket.end();
    while (isFlood && !peer.socket.destroyed) {
      await peer.chunk("x".repeat(10_000));
    }
  });
  await using http = open();
  for (let i = 0; i < 2; i++) {
    const got = await asked(http, server.url);
    assert.deepEqual(failureOf(got).slice(0, 2), ["http_error", "503"]);
    assert.match(got.error!.message, /HTTP 503: no.*Retry-After: 9\)$/);
    await server.until(() => server.open === 0);
  }
});
