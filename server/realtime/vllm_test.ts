import assert from "node:assert/strict";
import { startServer } from "../mod.ts";
import {
  append,
  connectClient,
  final,
  start,
  type TestClient,
  type TestEvent,
  update,
} from "../../tests/support/websocket_client.ts";

/** Runs a test on a connection to a server without compute time. */
function onSession(
  name: string,
  task: (client: TestClient) => Promise<void>,
  query = "",
): void {
  Deno.test(`vllmRealtime() ${name}`, async () => {
    await using server = await startServer({ tokenMs: 0 });
    await using client = await connectClient(
      `${server.url}/v1/realtime?${query}`,
    );
    await client.until("session.created");
    await task(client);
  });
}

const deltasOf = (events: readonly TestEvent[]) =>
  events.filter(({ type }) => type === "transcription.delta");
const typesOf = (events: readonly TestEvent[]) =>
  events.map(({ type }) => type);
const errorsOf = (events: readonly TestEvent[]) =>
  events.map(({ type, error, code }) => {
    assert.equal(type, "error");
    return [error, code];
  });
const sendAll = (client: TestClient, events: readonly unknown[]) =>
  events.forEach((event) => client.send(event));

Deno.test("vllmRealtime() greets with an id and the time", async () => {
  await using server = await startServer();
  await using client = await connectClient(`${server.url}/v1/realtime`);
  const [created] = await client.until("session.created");
  assert.deepEqual(Object.keys(created!), ["type", "id", "created"]);
  assert.match(created!.id as string, /^sess-[0-9a-f]{16}$/);
  assert.ok(Number.isInteger(created!.created));
  assert.equal(server.log()[0]!.session, created!.id);
});

onSession(
  "starts nothing at a final commit, only at a plain one",
  async (client) => {
    sendAll(client, [update(), append(500), final]);
    assert.deepEqual(await client.settled(), []);
    client.send(start);
    const events = await client.until("transcription.done");
    assert.equal(deltasOf(events).length, 17);
  },
);

onSession("sends deltas while audio still comes", async (client) => {
  sendAll(client, [update(), start]);
  const counts: number[] = [];
  for (let sent = 0; sent < 10; sent++) {
    client.send(append(100));
    counts.push(deltasOf(await client.settled()).length);
  }
  assert.deepEqual(counts, [0, 0, 0, 0, 0, 1, 1, 1, 2, 1]);
});

for (
  const [ms, deltas] of [
    [10, 11],
    [500, 17],
    [1000, 23],
    [1500, 29],
    [3000, 48],
    [4000, 60],
  ] as const
) {
  onSession(
    `decodes ${deltas} tokens from ${ms} ms of audio`,
    async (client) => {
      sendAll(client, [update(), append(ms), start, final]);
      const events = await client.until("transcription.done");
      const text = deltasOf(events).map(({ delta }) => delta).join("");
      assert.equal(events.length, deltas + 1);
      assert.deepEqual(events.at(-1), {
        type: "transcription.done",
        text,
        usage: {
          prompt_tokens: 39,
          total_tokens: 39 + deltas,
          completion_tokens: deltas,
          prompt_tokens_details: null,
          completion_tokens_details: null,
        },
      });
    },
  );
}

onSession("decodes 17 more tokens after the final commit", async (client) => {
  sendAll(client, [update(), start]);
  for (let i = 0; i < 40; i++) client.send(append(100));
  assert.equal(deltasOf(await client.settled()).length, 43);
  client.send(final);
  const events = await client.until("transcription.done");
  assert.equal(deltasOf(events).length, 17);
});

onSession(
  "sends mostly empty deltas, and a space before each word but the first",
  async (client) => {
    sendAll(client, [update(), start, append(4000), final]);
    const events = deltasOf(await client.until("transcription.done"));
    const words = events.map(({ delta }) => delta as string).filter(Boolean);
    assert.ok(words.length >= 8 && words.length * 3 < events.length);
    assert.ok(words.every((word, i) => word.startsWith(" ") === i > 0));
  },
);

onSession("sends an empty done without audio", async (client) => {
  sendAll(client, [update(), start, final]);
  assert.deepEqual(await client.until("transcription.done"), [{
    type: "transcription.done",
    text: "",
    usage: {
      prompt_tokens: 0,
      total_tokens: 0,
      completion_tokens: 0,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    },
  }]);
});

onSession("does not acknowledge valid events", async (client) => {
  sendAll(client, [
    update(),
    update(""),
    { ...update(), language: "en", x: 1 },
    append(100),
    start,
    start,
  ]);
  assert.deepEqual(await client.settled(), []);
});

onSession(
  "loses an utterance that is sent before the first is done",
  async (client) => {
    sendAll(client, [update(), start, append(1000), final]);
    sendAll(client, [start, append(1000), final]);
    const events = await client.until("transcription.done");
    assert.equal(deltasOf(events).length, 23);
    assert.deepEqual(await client.settled(), []);
    sendAll(client, [start, append(500), final]);
    const next = await client.until("transcription.done");
    assert.equal(deltasOf(next).length, 17, "the queue was drained");
  },
  "tokenMs=1",
);

onSession(
  "takes another utterance after done, and keeps audio sent between",
  async (client) => {
    sendAll(client, [update(), start, append(500), final]);
    await client.until("transcription.done");
    client.send(append(1000));
    assert.deepEqual(await client.settled(), []);
    sendAll(client, [start, final]);
    const events = await client.until("transcription.done");
    assert.equal(deltasOf(events).length, 23);
  },
);

onSession("remembers a stale final commit", async (client) => {
  sendAll(client, [update(), final, append(500), start, final]);
  const [done, ...more] = await client.settled();
  assert.equal(done!.text, "");
  assert.deepEqual(more, []);
});

onSession(
  "keeps audio from before session.update, and checks the model at commits",
  async (client) => {
    sendAll(client, [append(1000), start, final]);
    const error = [
      "Model not validated. Make sure to validate the model by sending a session.update event.",
      "model_not_validated",
    ];
    assert.deepEqual(errorsOf(await client.settled()), [error, error]);
    sendAll(client, [update(), start, final]);
    const events = await client.until("transcription.done");
    assert.equal(deltasOf(events).length, 23);
  },
);

onSession("refuses models that it does not have", async (client) => {
  sendAll(client, [
    update("no-such-model"),
    { type: "session.update" },
    { type: "session.update", session: { model: "earshot-reference" } },
    { type: "session.update", model: 5 },
  ]);
  const missing = ["Missing required field: model", "invalid_event"];
  assert.deepEqual(errorsOf(await client.settled()), [
    ["The model `no-such-model` does not exist.", "model_not_found"],
    missing,
    missing,
    ["The model `5` does not exist.", "model_not_found"],
  ]);
});

onSession(
  "goes on after a session.update to an unknown model",
  async (client) => {
    sendAll(client, [update(), start, append(1000), update("nope"), final]);
    const events = await client.until("transcription.done");
    assert.equal(deltasOf(events).length, 23);
    assert.equal(events.filter(({ type }) => type === "error").length, 1);
  },
);

onSession("refuses bad audio", async (client) => {
  const of = (audio: unknown) => ({ type: "input_audio_buffer.append", audio });
  sendAll(client, ["***not base64***", "AAA", "YWJj", ""].map(of));
  sendAll(client, [{ type: "input_audio_buffer.append" }, of(3), of(null)]);
  const invalid = ["Invalid audio data", "invalid_audio"];
  const pydantic = (what: string, kind: string) => [
    `1 validation error for InputAudioBufferAppend\naudio\n  ${what}\n    For further information visit https://errors.pydantic.dev/2.14/v/${kind}`,
    "processing_error",
  ];
  assert.deepEqual(errorsOf(await client.settled()), [
    invalid,
    invalid,
    invalid,
    invalid,
    pydantic(
      "Field required [type=missing, input_value={'type': 'input_audio_buffer.append'}, input_type=dict]",
      "missing",
    ),
    pydantic(
      "Input should be a valid string [type=string_type, input_value=3, input_type=int]",
      "string_type",
    ),
    pydantic(
      "Input should be a valid string [type=string_type, input_value=None, input_type=NoneType]",
      "string_type",
    ),
  ]);
});

onSession("reads final as pydantic does", async (client) => {
  const of = (final: unknown) => ({ type: "input_audio_buffer.commit", final });
  sendAll(client, [update(), start, of("yes")]);
  assert.deepEqual(typesOf(await client.settled()), ["transcription.done"]);
  sendAll(client, [of("banana"), of(7), of(null)]);
  const pydantic = (what: string, kind: string) => [
    `1 validation error for InputAudioBufferCommit\nfinal\n  Input should be a valid boolean${what}\n    For further information visit https://errors.pydantic.dev/2.14/v/${kind}`,
    "processing_error",
  ];
  assert.deepEqual(errorsOf(await client.settled()), [
    pydantic(
      ", unable to interpret input [type=bool_parsing, input_value='banana', input_type=str]",
      "bool_parsing",
    ),
    pydantic(
      ", unable to interpret input [type=bool_parsing, input_value=7, input_type=int]",
      "bool_parsing",
    ),
    pydantic(
      " [type=bool_type, input_value=None, input_type=NoneType]",
      "bool_type",
    ),
  ]);
});

onSession(
  "answers malformed events with an error, and stays open",
  async (client) => {
    for (const text of ["{not json", "[1,2]", '"str"', "{}"]) {
      client.sendText(text);
    }
    sendAll(client, [
      { type: "foo.bar" },
      { type: null },
      { type: "input_audio_buffer.clear" },
    ]);
    const none = ["Unknown event type: None", "unknown_event"];
    assert.deepEqual(errorsOf(await client.settled()), [
      ["Invalid JSON", "invalid_json"],
      ["'list' object has no attribute 'get'", "processing_error"],
      ["'str' object has no attribute 'get'", "processing_error"],
      none,
      ["Unknown event type: foo.bar", "unknown_event"],
      none,
      ["Unknown event type: input_audio_buffer.clear", "unknown_event"],
    ]);
  },
);

onSession("drops the connection at a binary frame", async (client) => {
  client.sendBinary(new TextEncoder().encode('{"type":"session.update"}'));
  assert.deepEqual(await client.closed, { code: 1006, reason: "" });
});

onSession(
  "ends at the model's length before the final commit, and sends nothing more",
  async (client) => {
    sendAll(client, [update(), start, append(7700)]);
    const events = await client.until("transcription.done");
    assert.equal(deltasOf(events).length, 89);
    assert.deepEqual(events.at(-1)!.usage, {
      prompt_tokens: 39,
      total_tokens: 128,
      completion_tokens: 89,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    });
    sendAll(client, [append(1000), final]);
    assert.deepEqual(await client.settled(), []);
  },
  "maxModelLen=128",
);

onSession(
  "ends at the model's length with an ordinary done",
  async (client) => {
    sendAll(client, [update(), start, append(20_000), final]);
    const events = await client.until("transcription.done");
    assert.equal(deltasOf(events).length, 89);
  },
  "maxModelLen=128",
);

onSession(
  "sends bursts in mode segments, and nothing between",
  async (client) => {
    sendAll(client, [update(), start, append(4900)]);
    assert.deepEqual(await client.settled(), []);
    client.send(append(100));
    const burst = await client.settled();
    assert.ok(burst.length >= 8, `${burst.length}`);
    assert.deepEqual(new Set(typesOf(burst)), new Set(["transcription.delta"]));
    sendAll(client, [append(4000)]);
    assert.deepEqual(await client.settled(), []);
    client.send(final);
    const last = await client.until("transcription.done");
    const deltas = deltasOf(last).length + burst.length;
    assert.deepEqual(last.at(-1)!.usage, {
      prompt_tokens: 75,
      total_tokens: 75 + deltas * 3,
      completion_tokens: deltas * 3,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    });
  },
  "mode=segments&tokensPerDelta=3",
);

onSession(
  "sends an error instead of done in mode segments for too little audio",
  async (client) => {
    sendAll(client, [update(), start, append(10), final]);
    const [error, ...more] = await client.settled();
    assert.equal(error!.code, "processing_error");
    assert.deepEqual(more, []);
  },
  "mode=segments",
);

Deno.test("vllmRealtime() makes sessions beyond the seats wait silently", async () => {
  await using server = await startServer({ tokenMs: 0, maxNumSeqs: 2 });
  const clients = await Promise.all(
    Array.from(
      { length: 4 },
      () => connectClient(`${server.url}/v1/realtime`),
    ),
  );
  for (const client of clients) {
    await client.until("session.created");
    sendAll(client, [update(), start, append(1000)]);
    await client.settled();
  }
  const counts = () =>
    clients.map(({ received }) => deltasOf(received as TestEvent[]).length);
  assert.deepEqual(counts(), [6, 6, 0, 0]);
  clients[1]!.send(final);
  await clients[1]!.until("transcription.done");
  await clients[2]!.settled();
  assert.deepEqual(counts(), [6, 23, 6, 0]);
  clients[0]!.close();
  await clients[0]!.closed;
  clients[3]!.send(final);
  await clients[3]!.until("transcription.done");
  assert.deepEqual(counts(), [6, 23, 6, 23]);
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
});
