import assert from "node:assert/strict";
import { attempt } from "../../../core/attempt.ts";
import { systemClock } from "../../../core/clock.ts";
import { encodeWav } from "../../../audio/mod.ts";
import {
  type Audio,
  metrics,
  metricsOf,
  type Sample,
} from "../../../plugins/mod.ts";
import { testBackend } from "../../../plugins/testing/mod.ts";
import {
  type SpeechToTextOptions,
  transcriptions,
  translations,
} from "./transcriptions.ts";
import { checksOf } from "../../../tests/support/checks.ts";

const PATHS = {
  transcriptions: "/v1/audio/transcriptions",
  translations: "/v1/audio/translations",
};

/** One second of silence. */
const audio: Audio = {
  id: "silence",
  durationMs: 1000,
  file: () =>
    Promise.resolve({
      bytes: encodeWav(new Int16Array(16_000), 16_000),
      mediaType: "audio/wav",
      name: "silence.wav",
    }),
  pcm16: (rateHz) => Promise.resolve(new Int16Array(rateHz)),
};
const turn = { columns: { audio, reference: "one two" } };

interface Received {
  readonly path: string;
  readonly headers: Headers;
  readonly form: FormData;
}

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly received: Received[];
}

/** Starts a server that accepts forms and sends the given answer. */
function serverOf(answer: () => Response): Server {
  const received: Received[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { pathname: path } = new URL(request.url);
      if (path === "/health") return new Response("");
      const form = await request.formData();
      received.push({ path, headers: request.headers, form });
      return answer();
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    received,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Returns server-sent events, each in a write of its own. */
function eventsOf(events: readonly string[]): Response {
  const rest = [...events];
  const body = new ReadableStream<string>({
    pull(controller) {
      const event = rest.shift();
      if (event === undefined) controller.close();
      else controller.enqueue(`data: ${event}\n\n`);
    },
  }).pipeThrough(new TextEncoderStream());
  return new Response(body, {
    headers: { "content-type": "text/event-stream; charset=utf-8" },
  });
}

const CHUNKS = [
  '{"id":"t-1","choices":[{"delta":{"content":"one"}}]}',
  '{"id":"t-1","choices":[{"delta":{"content":" two"},"finish_reason":"stop"}]}',
  '{"id":"t-1","choices":[],"usage":{"prompt_tokens":50,"completion_tokens":2,"total_tokens":52}}',
  "[DONE]",
];

/** Sends the turn a number of times and returns the samples and the warnings. */
async function send(
  options: SpeechToTextOptions,
  { plugin = transcriptions, times = 1 }: {
    plugin?: typeof transcriptions | typeof translations;
    times?: number;
  } = {},
) {
  const warnings: string[] = [];
  const { signal } = new AbortController();
  const backend = await plugin({ model: "m", ...options }).open({
    env: (name) => name === "KEY" ? "sk-123456" : undefined,
    signal,
    warn: (message) => void warnings.push(message),
  });
  try {
    const samples: Sample[] = [];
    const clock = systemClock();
    for (let id = 0; id < times; id++) {
      const prepared = await backend.prepare!(turn, signal);
      const session = { id: `s${id}`, turn: 0, history: [] };
      const request = { id, turn, prepared, session };
      const scheduledMs = clock.now();
      const how = { stage: 0, phase: "measure", scheduledMs, clock } as const;
      samples.push(await attempt(backend, request, { ...how, signal }));
    }
    return { samples, sample: samples[0]!, warnings, facts: backend.facts };
  } finally {
    await backend[Symbol.asyncDispose]!();
  }
}

for (const plugin of [transcriptions, translations]) {
  const { name } = plugin.definition;
  const path = PATHS[name as keyof typeof PATHS];

  Deno.test(`${name}() uploads audio, reads a stream and records what the metrics need`, async () => {
    await using server = serverOf(() => eventsOf(CHUNKS));
    const { sample, warnings, facts } = await send({
      target: `${server.url}/team`,
      healthPath: "off",
      apiKeyEnv: "KEY",
    }, { plugin });
    assert.deepEqual(sample.outcome, { status: "ok" });
    assert.deepEqual(warnings, []);
    const [{ path: asked, headers, form }] = server.received as [Received];
    assert.equal(asked, `/team${path}`);
    assert.equal(headers.get("authorization"), "Bearer sk-123456");
    assert.match(headers.get("content-type")!, /^multipart\/form-data; /);
    const file = form.get("file") as File;
    assert.deepEqual([file.name, file.size], ["silence.wav", 32_044]);
    assert.equal(headers.get("content-length") === null, false);
    assert.equal(form.get("stream"), "true");
    assert.deepEqual(sample.output, {
      text: "one two",
      finishReason: "stop",
      responseId: "t-1",
      usage: { inputTokens: 50, outputTokens: 2 },
    });
    assert.deepEqual(sample.deltas.map(({ text }) => text), ["one", " two"]);
    const { latency, ttft, rtfxRequest, audioSeconds, finalization } =
      metricsOf(sample);
    const { dispatchedMs, deltas: [first, second], endedMs } = sample;
    assert.equal(ttft, first!.atMs - dispatchedMs);
    const itl = metrics.find(({ name }) => name === "itl")!;
    assert.deepEqual(itl.of(sample), [second!.atMs - first!.atMs]);
    assert.equal(latency, endedMs - dispatchedMs);
    assert.equal(audioSeconds, 1);
    assert.equal(rtfxRequest, 1000 / (latency as number));
    assert.equal(finalization, undefined);
    assert.deepEqual(facts, {
      stream: true,
      responseFormat: "json",
      audioFormat: "as-is",
      model: "m",
      url: `${server.url}/team${path}`,
    });
  });

  Deno.test(`${name}() reads whole answers to streamed requests and warns once`, async () => {
    await using server = serverOf(() => Response.json({ text: "one two" }));
    const given = { target: server.url, healthPath: "off" as const };
    const { samples, warnings } = await send(given, { plugin, times: 3 });
    for (const sample of samples) {
      assert.deepEqual(sample.outcome, { status: "ok" });
      assert.deepEqual(sample.output, { text: "one two" });
      assert.deepEqual(sample.deltas, []);
      assert.equal(metricsOf(sample).ttft, undefined);
    }
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /does not stream/);
    const asked = { ...given, stream: false };
    assert.deepEqual((await send(asked, { plugin })).warnings, []);
  });

  Deno.test(`${name}() fulfils the backend contract`, async (t) => {
    await using server = serverOf(() => eventsOf(CHUNKS));
    const configured = plugin({ target: server.url, model: "m" });
    for (const { name, run } of checksOf(testBackend, configured, { turn })) {
      await t.step(name, run);
    }
  });
}

const REFUSALS: readonly [number, string, RegExp][] = [
  [
    400,
    '{"error":{"message":"verbose_json format doesn\'t support streaming case","type":"BadRequestError","param":null,"code":400}}',
    /verbose_json format doesn't support streaming case/,
  ],
  [413, "Maximum file size exceeded", /Maximum file size exceeded/],
  [415, "", /415/],
  [422, '{"detail":[{"msg":"Field required"}]}', /Field required/],
];

for (const [status, body, message] of REFUSALS) {
  Deno.test(`transcriptions() reports HTTP ${status} with the server's message`, async () => {
    await using server = serverOf(() => new Response(body, { status }));
    const { sample, warnings } = await send({ target: server.url });
    assert.ok("failure" in sample.outcome);
    const { class: kind, code, message: reported } = sample.outcome.failure;
    assert.deepEqual([kind, code], ["http_error", String(status)]);
    assert.match(reported, message);
    assert.deepEqual(warnings, []);
  });
}

Deno.test("transcriptions() keeps output before an error in a stream and shows no secret", async () => {
  const broken = [
    CHUNKS[0]!,
    '{"error":{"message":"bad key sk-123456","code":401}}',
    "[DONE]",
  ];
  await using server = serverOf(() => eventsOf(broken));
  const { sample } = await send({ target: server.url, apiKeyEnv: "KEY" });
  assert.ok("failure" in sample.outcome);
  const { class: kind, code, message } = sample.outcome.failure;
  assert.deepEqual([kind, code], ["server_error", "401"]);
  assert.match(message, /^bad key /);
  assert.doesNotMatch(JSON.stringify(sample), /sk-123456/);
  assert.equal(sample.output.text, "one");
});

Deno.test("transcriptions() fails a stream that stops without an end", async () => {
  await using server = serverOf(() => eventsOf([CHUNKS[0]!]));
  const { sample } = await send({ target: server.url });
  assert.ok("failure" in sample.outcome);
  assert.equal(sample.outcome.failure.class, "truncated");
  assert.equal(sample.output.text, "one");
});

Deno.test("transcriptions() writes the fields of its form to the trace, without media", async () => {
  await using server = serverOf(() => eventsOf(CHUNKS));
  const shown: string[] = [];
  const { signal } = new AbortController();
  const backend = await transcriptions({ target: server.url, model: "m" })
    .open({
      env: () => undefined,
      signal,
      warn: () => {},
      trace: (direction, message) => void shown.push(`${direction} ${message}`),
    });
  const prepared = await backend.prepare!(turn, signal);
  const session = { id: "s", turn: 0, history: [] };
  await attempt(backend, { id: 0, turn, prepared, session }, {
    stage: 0,
    phase: "measure",
    scheduledMs: 0,
    clock: systemClock(),
    signal,
  });
  await backend[Symbol.asyncDispose]!();
  assert.match(
    shown[0]!,
    /^note POST \/v1\/audio\/transcriptions: \d+ bytes of multipart\/form-data$/,
  );
  assert.deepEqual(shown.slice(1), [
    "sent model=m · response_format=json · stream=true · stream_include_usage=true · file=silence.wav (32044 bytes of audio/wav)",
    ...CHUNKS.map((data) => `received ${data}`),
  ]);
});
