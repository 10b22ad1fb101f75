import assert from "node:assert/strict";
import { encodeWav } from "../../audio/mod.ts";
import { bundledClips, readClip } from "../../clips/mod.ts";
import type { RunningServer } from "../mod.ts";
import { clipSamples } from "../../tests/support/files.ts";
import {
  dataOf,
  eventsOf,
  masked,
  post,
  quickServer,
  type TestAnswer,
} from "../../tests/support/quick_server.ts";

const clip = bundledClips[0]!;
const bytes = await readClip(clip);
const PATH = "/v1/audio/transcriptions";

function send(
  server: RunningServer,
  fields: Record<string, string> = {},
  { query = "", path = PATH, file = bytes as Uint8Array<ArrayBuffer> | null } =
    {},
): Promise<TestAnswer> {
  const body = new FormData();
  if (file) body.append("file", new Blob([file]), "speech");
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return post(server, path, { body, query });
}

Deno.test("speech is transcribed byte for byte as vLLM does it, streamed and not", async () => {
  await using server = await quickServer();
  const { transcript, durationMs } = clip;
  const seconds = Math.ceil(durationMs / 1000);
  const whole = await send(server);
  assert.equal(
    whole.text,
    `{"text":"${transcript}","usage":{"type":"duration","seconds":${seconds}}}`,
  );
  assert.equal(whole.type, "application/json");
  assert.equal(
    (await send(server, { response_format: "text" })).text,
    whole.text,
  );
  const start =
    '{"id":"ID","object":"transcription.chunk","created":0,"model":"m","choices":[';
  const usage = (tokens: number) =>
    `,"usage":{"prompt_tokens":30,"total_tokens":${
      30 + tokens
    },"completion_tokens":${tokens}}`;
  const form = { stream: "true", max_completion_tokens: "2" };
  const chunks = (use: (tokens: number) => string) => [
    `${start}{"delta":{"content":"Thank"}}]${use(1)}}`,
    `${start}{"delta":{"content":" you,"},"finish_reason":"length","stop_reason":null}]${
      use(2)
    }}`,
  ];
  assert.deepEqual(dataOf((await send(server, form)).text), [
    ...chunks(() => ""),
    "[DONE]",
  ]);
  const withUsage = {
    ...form,
    stream_include_usage: "true",
    stream_continuous_usage_stats: "true",
  };
  assert.deepEqual(dataOf((await send(server, withUsage)).text), [
    ...chunks(usage),
    `${start}]${usage(2)}}`,
    "[DONE]",
  ]);
});

Deno.test("a translation has no usage, and chunks of its own name", async () => {
  await using server = await quickServer();
  const path = "/v1/audio/translations";
  assert.equal(
    (await send(server, {}, { path })).text,
    `{"text":"${clip.transcript}"}`,
  );
  const [first] = eventsOf(
    (await send(server, { stream: "1" }, { path })).text,
  );
  assert.equal(first.object, "translation.chunk");
});

Deno.test("every bundled clip is recognized, with errors at the rate that is set", async () => {
  await using server = await quickServer();
  for (const clip of bundledClips) {
    const file = await readClip(clip);
    const { text } = JSON.parse((await send(server, {}, { file })).text);
    assert.equal(text, clip.transcript);
  }
  const wrong = await send(server, {}, { query: "wordErrorRate=1" });
  const { text } = JSON.parse(wrong.text);
  const same = clip.words.filter(({ text: word }, i) =>
    text.split(" ")[i] === word
  );
  assert.notEqual(text, "");
  assert.ok(same.length < clip.words.length, text);
});

Deno.test("audio longer than `clipMs` is answered in parts, each with a finish reason", async () => {
  await using server = await quickServer({ clipMs: 1000 });
  const pieces = Math.ceil(clip.durationMs / 1000);
  const { text } = await send(server, { stream: "true" });
  const reasons = eventsOf(text).map(({ choices }) => choices[0].finish_reason);
  assert.equal(reasons.filter(Boolean).length, pieces);
  const said = eventsOf(text).map(({ choices }) => choices[0].delta.content);
  assert.equal(said.join(""), clip.transcript);
});

Deno.test("the dialect openai has its own events and usage", async () => {
  await using server = await quickServer({ tokensPerEvent: 4 });
  const { transcript } = clip;
  const query = "dialect=openai";
  const { text } = await send(server, { stream: "true" }, { query });
  const events = eventsOf(text);
  assert.deepEqual(events.map(({ type }) => type), [
    "transcript.text.delta",
    "transcript.text.delta",
    "transcript.text.done",
  ]);
  assert.equal(events[0].delta + events[1].delta, transcript);
  assert.deepEqual(events[2], {
    type: "transcript.text.done",
    text: transcript,
    usage: {
      type: "tokens",
      total_tokens: 36,
      input_tokens: 30,
      input_token_details: { text_tokens: 0, audio_tokens: 30 },
      output_tokens: 6,
    },
  });
});

Deno.test("the formats with times have those of segments and words", async () => {
  await using server = await quickServer();
  const ask = (format: string, query = "", more = {}) =>
    send(server, { response_format: format, ...more }, { query });
  const vllm = JSON.parse((await ask("verbose_json")).text);
  assert.deepEqual(Object.keys(vllm), [
    "duration",
    "language",
    "text",
    "segments",
    "words",
  ]);
  assert.equal(vllm.duration, clip.durationMs / 1000);
  const [segment] = vllm.segments;
  assert.ok(segment.start >= 0 && segment.end > segment.start);
  const openAi = "dialect=openai";
  const granularity = { "timestamp_granularities[]": "word" };
  const words =
    JSON.parse((await ask("verbose_json", openAi, granularity)).text).words;
  assert.deepEqual(
    words.map(({ word }: { word: string }) => word).join(" "),
    clip.transcript,
  );
  const srt = await ask("srt", openAi);
  assert.match(srt.type!, /^text\/plain/);
  assert.match(
    srt.text,
    /^1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\nThank you, that was quick\.\n\n$/,
  );
  assert.match(
    (await ask("vtt", openAi)).text,
    /^WEBVTT\n\n00:00:00\.\d{3} --> /,
  );
  assert.equal((await ask("text", openAi)).text, `${clip.transcript}\n`);
});

Deno.test("speech that cannot be transcribed is refused as vLLM refuses it", async () => {
  await using server = await quickServer();
  const cases: [Promise<TestAnswer>, number, RegExp][] = [
    [
      send(server, {}, { file: null }),
      400,
      /'loc': 'body.file', 'msg': 'Field required', 'input': '<dict of 14 items>'/,
    ],
    [send(server, { file: "x" }, { file: null }), 422, /not 'str'/],
    [
      send(server, {}, { file: new Uint8Array(100) }),
      400,
      /"Invalid or corrupted audio data\. Ensure the input is a valid audio or video file/,
    ],
    [send(server, { model: "x" }), 404, /The model `x` does not exist/],
    [
      send(server, { language: "xx" }),
      400,
      /Unsupported language: 'xx'. {2}Must be one of \['af', /,
    ],
    [
      send(server, { response_format: "srt" }),
      400,
      /Currently only support response_format/,
    ],
    [
      send(server, { response_format: "verbose_json", stream: "true" }),
      400,
      /verbose_json format doesn't support streaming case/,
    ],
    [
      send(server, { stream_include_usage: "true" }),
      400,
      /Stream options can only be defined when/,
    ],
  ];
  for (const [answered, status, message] of cases) {
    const answer = await answered;
    assert.equal(answer.status, status);
    assert.match(answer.text, message);
  }
  const noForm = await post(server, PATH, { body: { model: "m" } });
  assert.equal(noForm.status, 400);
});

Deno.test("unknown speech gets words by its length, the same every time", async () => {
  await using server = await quickServer();
  const samples = (await clipSamples(clip)).toReversed();
  const file = encodeWav(samples, 16_000) as Uint8Array<ArrayBuffer>;
  const { text } = await send(server, {}, { file });
  assert.notEqual(JSON.parse(text).text, "");
  assert.notEqual(JSON.parse(text).text, clip.transcript);
  assert.equal((await send(server, {}, { file })).text, text);
});

Deno.test("an answer without an id has it in a header, and the log has that id", async () => {
  await using server = await quickServer();
  const { headers, text } = await send(server);
  const id = headers.get("x-request-id")!;
  assert.match(id, /^transcribe-[0-9a-f]{16}$/);
  assert.equal(masked(text), text);
  const log = server.log().filter(({ session }) => session === id);
  assert.deepEqual(log.map(({ direction, type }) => `${direction} ${type}`), [
    "note connected",
    `in POST ${PATH}`,
    "in body",
    "out headers 200",
    "out transcription",
    "note finished",
  ]);
});
