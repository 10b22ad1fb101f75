import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { FAULTS, parseFault } from "../faults.ts";
import type { ServerOptions } from "../settings.ts";
import {
  post,
  postRaw,
  quickServer,
  type RawAnswer,
} from "../../tests/support/quick_server.ts";

Deno.test("parseFault() reads faults of requests", () => {
  assert.deepEqual(
    parseFault('status=429;retry-after: 2;x-a:b,{"a":"b@c"}@accept~0.5'),
    {
      do: "status",
      status: 429,
      headers: { "retry-after": "2", "x-a": "b" },
      body: '{"a":"b@c"}',
      at: "accept",
      share: 0.5,
    },
  );
  assert.deepEqual(parseFault("status=307;location: http://x/y?z=1@accept"), {
    do: "status",
    status: 307,
    headers: { location: "http://x/y?z=1" },
    body: "",
    at: "accept",
  });
  assert.deepEqual(parseFault("cut@bytes:12"), { do: "cut", at: "bytes:12" });
  assert.deepEqual(parseFault("error=503,full@events:5"), {
    do: "error",
    code: "503",
    message: "full",
    at: "events:5",
  });
});

Deno.test("parseFault() rejects faults that no request can have", () => {
  for (
    const text of [
      "status=429@events:1",
      "status=99@accept",
      "status=429;nonsense,x@accept",
      "cut@accept",
      "cut@events:0",
      "cut@deltas:2",
      "json@headers",
      "pause=5@events:2",
      "no-deltas@headers",
      "garbage=x@headers",
      "constructor@accept",
    ]
  ) {
    assert.throws(() => parseFault(text), /^TypeError: fault "/);
  }
});

Deno.test("parseFault() reads each action at each of its points", () => {
  const args: Record<string, string> = {
    status: "=503,no",
  };
  const count = fc.integer({ min: 1, max: 1e6 });
  const point = fc.oneof(
    fc.constantFrom("accept", "headers", "done"),
    fc.tuple(fc.constantFrom("events", "bytes"), count).map((p) => p.join(":")),
  );
  const verb = fc.constantFrom(...Object.keys(FAULTS));
  const share = fc.double({
    min: 0,
    max: 1,
    noNaN: true,
    noDefaultInfinity: true,
  })
    .map((share) => share.toFixed(3));
  fc.assert(fc.property(verb, point, share, (verb, point, share) => {
    const text = `${verb}${args[verb] ?? ""}@${point}~${share}`;
    const { request = [] } = FAULTS[verb as keyof typeof FAULTS];
    if (!request.includes(point.replace(/\d+/, "N"))) return;
    const fault = parseFault(text);
    assert.equal(fault.at, point);
    assert.equal(fault.share, Number(share));
  }));
});

const CHAT = { messages: [{ role: "user", content: "one twé" }], stream: true };

/** Streams "one twé" with a fault: the opening chunk, two with text, `[DONE]`. */
async function struck(
  fault: string,
  { options, body = CHAT, until }: {
    options?: ServerOptions;
    body?: unknown;
    until?: string;
  } = {},
): Promise<RawAnswer> {
  await using server = await quickServer({ echo: true, ...options });
  return await postRaw(server, "/v1/chat/completions", {
    body,
    query: String(new URLSearchParams({ fault })),
    ...(until !== undefined && { until }),
  });
}

const eventsIn = ({ body }: RawAnswer) => body.split("\n\n").slice(0, -1);

for (
  const [fault, events, isWhole, holds] of [
    ["drop@headers", 0, false, ""],
    ["drop@events:2", 2, false, '"one"'],
    ["cut@events:2", 2, true, '"one"'],
    ["cut@done", 3, true, '"finish_reason":"stop"'],
    ["cut@headers", 0, true, ""],
    ["half@events:1", 1, true, '{"id"'],
    [
      "error=503,full@events:2",
      4,
      true,
      '{"error":{"message":"full","type":"ServiceUnavailableError","param":null,"code":503}}',
    ],
    ["error=overloaded,no@done", 5, true, '"type":"overloaded"'],
    ["frame=hello@events:1", 5, true, "data: hello\n\n"],
    ["noise=2@events:1", 6, true, '"object":"reference.noise"'],
    ["big=3000@events:1", 5, true, "x".repeat(2900)],
    ["duplicate@events:2", 5, true, '"one"'],
    ["stall=30@events:1", 4, true, '"one"'],
  ] as const
) {
  Deno.test(`the fault ${fault} leaves ${events} events`, async () => {
    const answer = await struck(fault);
    assert.match(answer.head, /^HTTP\/1.1 200 OK\r\n/);
    const whole = eventsIn(answer);
    assert.equal(whole.length, events);
    assert.equal(answer.isWhole, isWhole);
    assert.ok(answer.body.includes(holds), answer.body);
  });
}

Deno.test("faults at bytes:N strike after exactly N bytes, inside an event", async () => {
  for (const fault of ["cut@bytes:300", "drop@bytes:300"]) {
    const answer = await struck(fault);
    assert.equal(answer.body.length, 300);
    assert.equal(answer.isWhole, fault.startsWith("cut"));
  }
  const json = await struck("cut@bytes:30", {
    body: { ...CHAT, stream: false },
  });
  assert.equal(json.body.length, 30);
  assert.equal(json.isWhole, false);
  const garbage = await struck("garbage=5@bytes:10");
  const bytes = [...garbage.body.slice(10, 15)].map((c) => c.charCodeAt(0));
  assert.ok(bytes.every((byte) => byte >= 128), `${bytes}`);
});

Deno.test("faults at accept change the answer", async () => {
  await using server = await quickServer();
  const ask = (fault: string) =>
    post(server, "/v1/chat/completions", {
      body: CHAT,
      query: String(new URLSearchParams({ fault })),
    });
  const limited = await ask("status=429;retry-after: 2,slow down@accept");
  assert.deepEqual(
    [limited.status, limited.headers.get("retry-after"), limited.text],
    [429, "2", "slow down"],
  );
  const refused = await ask('status=503,{"a":1}@accept');
  assert.deepEqual([refused.status, refused.text], [503, '{"a":1}']);
  const moved = await ask("status=307;location: /elsewhere@accept");
  assert.deepEqual(
    [moved.status, moved.headers.get("location")],
    [307, "/elsewhere"],
  );
  const failed = await ask("error=500,broken@accept");
  assert.deepEqual([failed.status, failed.text], [
    500,
    '{"error":{"message":"broken","type":"InternalServerError","param":null,"code":500}}',
  ]);
  const page = await ask("status=200;content-type: text/html,<html>@accept");
  assert.deepEqual([page.status, page.type], [200, "text/html"]);
  assert.equal(page.text, "<html>");
  const whole = await ask("json@accept");
  assert.equal(whole.type, "application/json");
  assert.equal(JSON.parse(whole.text).object, "chat.completion");
  const bad = await ask("frame={@accept");
  assert.deepEqual([bad.status, bad.text], [200, "{"]);
  await assert.rejects(ask("drop@accept"));
  await assert.rejects(ask("bad-gzip@accept"));
});

Deno.test("the fault stall without a time sends nothing more", async () => {
  const answer = await struck("stall@events:1", { until: "\n\n" });
  assert.equal(eventsIn(answer).length, 1);
});

Deno.test("a stall inside a character loses no byte", async () => {
  const plain = await struck("frame=@events:1");
  const inside = plain.body.indexOf("\u{a9}") - "data: \n\n".length;
  const answer = await struck(`stall=20@bytes:${inside}`);
  const text = new TextDecoder().decode(
    Uint8Array.from(answer.body, (character) => character.charCodeAt(0)),
  );
  assert.match(text, /"content":" twé"/);
  assert.equal(eventsIn(answer).length, 4);
});

Deno.test("an error in a response is sent as response.failed", async () => {
  await using server = await quickServer();
  const { text } = await post(server, "/v1/responses", {
    body: { input: "x", stream: true },
    query: "fault=error%3Dserver_error,broken@events:4",
  });
  const events = text.split("\n\n").filter(Boolean);
  assert.equal(events.length, 5);
  const [name, data] = events[4]!.split("\n");
  assert.equal(name, "event: response.failed");
  const { response, sequence_number } = JSON.parse(data!.slice(6));
  assert.deepEqual(
    [response.status, response.error, sequence_number],
    ["failed", { code: "server_error", message: "broken" }, 4],
  );
});

Deno.test("a fault strikes its share of the requests, by seed", async () => {
  const statuses = async (seed: number) => {
    await using server = await quickServer({
      seed,
      outputTokens: 1,
      faults: [parseFault("status=503,@accept~0.3")],
    });
    const found: number[] = [];
    for (let i = 0; i < 60; i++) {
      const { status } = await post(server, "/v1/chat/completions", {
        body: CHAT,
      });
      found.push(status);
    }
    return found;
  };
  const first = await statuses(1);
  const struck = first.filter((status) => status === 503).length;
  assert.ok(struck > 5 && struck < 35, `${struck}`);
  assert.deepEqual(await statuses(1), first);
});

Deno.test("answers are compressed if the client accepts gzip, and streams arrive event by event", async () => {
  await using server = await quickServer({ gzip: true, echo: true });
  const query = { fault: "stall@events:2" };
  const plain = await postRaw(server, "/v1/chat/completions", { body: CHAT });
  assert.doesNotMatch(plain.head, /content-encoding/);
  const { text, headers } = await post(server, "/v1/chat/completions", {
    body: CHAT,
    headers: { "accept-encoding": "gzip" },
  });
  assert.match(text, /\[DONE\]/);
  assert.ok(!headers.has("content-length"));
  const response = await fetch(
    `${server.url}/v1/chat/completions?${new URLSearchParams(query)}`,
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(CHAT),
    },
  );
  let read = "";
  const decoder = new TextDecoder();
  for await (const piece of response.body!) {
    read += decoder.decode(piece, { stream: true });
    if (read.includes('"one"')) break;
  }
  assert.match(read, /"one"/);
});

Deno.test("bad-gzip compresses the body and damages it", async () => {
  const { head, body } = await struck("bad-gzip@accept");
  assert.match(head, /content-encoding: gzip/);
  const bytes = Uint8Array.from(body, (character) => character.charCodeAt(0));
  assert.throws(() => gunzipSync(bytes));
});
