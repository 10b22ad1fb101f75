import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeAudio } from "../../../audio/mod.ts";
import type { Audio, OpenContext } from "../../../plugins/mod.ts";
import {
  formFields,
  transcriptions,
  type TranscriptionsOptions,
  translations,
} from "./transcriptions.ts";

/** Creates an audio with a file of dummy bytes and a ramp as its samples. Counts how often each is read. */
function audioOf(
  id: string,
  { name = `${id}.flac`, mediaType = "audio/flac", bytes = 5 } = {},
) {
  const audio = {
    id,
    durationMs: 10,
    filed: 0,
    decoded: 0,
    file() {
      audio.filed++;
      return Promise.resolve({
        bytes: new Uint8Array(bytes).fill(7),
        mediaType,
        name,
      });
    },
    pcm16(rateHz: number) {
      audio.decoded++;
      return Promise.resolve(
        Int16Array.from({ length: rateHz / 100 }, (_, i) => i),
      );
    },
  };
  return audio satisfies Audio;
}

const context: OpenContext = {
  env: () => undefined,
  signal: new AbortController().signal,
  warn: () => {},
};

/** Prepares the request of an audio. */
async function prepared(
  options: Partial<TranscriptionsOptions>,
  { audio = audioOf("a"), maxOutputTokens, plugin = transcriptions }: {
    audio?: Audio;
    maxOutputTokens?: number;
    plugin?: typeof transcriptions;
  } = {},
) {
  await using backend = await open(options, plugin);
  const turn = {
    columns: { audio, text: "never sent", reference: "never sent" },
    ...(maxOutputTokens && { maxOutputTokens }),
  };
  return await backend.prepare(turn, context.signal) as {
    contentType: string;
    body: Uint8Array<ArrayBuffer>;
  };
}

async function open(
  options: Partial<TranscriptionsOptions>,
  plugin = transcriptions,
) {
  const backend = await plugin({
    target: "http://127.0.0.1:9",
    model: "m",
    healthPath: "off",
    ...options,
  }).open(context);
  return {
    prepare: backend.prepare!,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]!(),
  };
}

async function formOf(...args: Parameters<typeof prepared>) {
  const { contentType, body } = await prepared(...args);
  const headers = { "content-type": contentType };
  return [...await new Response(body, { headers }).formData()];
}

async function textsOf(...args: Parameters<typeof prepared>) {
  const form = await formOf(...args);
  assert.equal(form.at(-1)?.[0], "file", "the file comes last");
  return form.slice(0, -1).map(([name, value]) => `${name}=${value}`);
}

const FIELDS: readonly [string, Partial<TranscriptionsOptions>, string[]][] = [
  ["a stream with token counts by default", {}, [
    "model=m",
    "response_format=json",
    "stream=true",
    "stream_include_usage=true",
  ]],
  ["counts with each event", { streamUsage: "continuous" }, [
    "model=m",
    "response_format=json",
    "stream=true",
    "stream_include_usage=true",
    "stream_continuous_usage_stats=true",
  ]],
  ["no word of counts to servers that refuse it", { streamUsage: "off" }, [
    "model=m",
    "response_format=json",
    "stream=true",
  ]],
  ["no stream options without a stream", {
    stream: false,
    responseFormat: "srt",
  }, [
    "model=m",
    "response_format=srt",
  ]],
  ["all that has an option", {
    stream: false,
    language: "en",
    prompt: "names: é, ü",
    temperature: 0,
    responseFormat: "verbose_json",
    timestampGranularities: ["word", "segment"],
    maxOutputTokens: 12,
  }, [
    "model=m",
    "language=en",
    "prompt=names: é, ü",
    "temperature=0",
    "response_format=verbose_json",
    "timestamp_granularities[]=word",
    "timestamp_granularities[]=segment",
    "max_completion_tokens=12",
  ]],
  ["the fields of the body option in place of others", {
    stream: false,
    temperature: 0.5,
    language: "en",
    body: {
      temperature: 1,
      language: null,
      seed: 3,
      use_beam_search: true,
      hotwords: "earshot",
      include: ["logprobs"],
      "keywords[]": "one",
      known_speaker_names: [],
      vllm_xargs: { a: [1] },
      chunking_strategy: "auto",
    },
  }, [
    "model=m",
    "temperature=1",
    "response_format=json",
    "seed=3",
    "use_beam_search=true",
    "hotwords=earshot",
    "include[]=logprobs",
    "keywords[]=one",
    'vllm_xargs={"a":[1]}',
    "chunking_strategy=auto",
  ]],
];

for (const [name, options, fields] of FIELDS) {
  Deno.test(`transcriptions() sends ${name}`, async () => {
    assert.deepEqual(await textsOf(options), fields);
  });
}

Deno.test("transcriptions() sends only the model and the file if all other fields are removed", async () => {
  const body = { response_format: null };
  assert.deepEqual(await textsOf({ stream: false, body }), ["model=m"]);
});

Deno.test("transcriptions() prefers the data's token limit to the option's", async () => {
  const given = { stream: false, maxOutputTokens: 12 };
  assert.deepEqual(await textsOf(given, { maxOutputTokens: 5 }), [
    "model=m",
    "response_format=json",
    "max_completion_tokens=5",
  ]);
});

Deno.test("translations() sends the same fields", async () => {
  const body = { to_language: "de" };
  assert.deepEqual(
    await textsOf({ stream: false, body }, {
      plugin: translations as typeof transcriptions,
    }),
    [
      "model=m",
      "response_format=json",
      "to_language=de",
    ],
  );
});

for (
  const [name, mediaType, sent] of [
    ["a.wav", "audio/wav", "a.wav"],
    ["a.flac", "audio/flac", "a.flac"],
    ["a.mp3", "audio/mpeg", "a.mp3"],
    ["a.ogg", "audio/ogg", "a.ogg"],
    ["a.opus", "audio/ogg", "a.ogg"],
    ["b.OPUS", "audio/ogg", "b.ogg"],
  ]
) {
  Deno.test(`transcriptions() uploads ${name} unchanged as ${sent}`, async () => {
    const audio = audioOf("a", { name: name!, mediaType: mediaType! });
    const [, file] = (await formOf({}, { audio })).at(-1)!;
    assert.ok(file instanceof File);
    assert.deepEqual([file.name, file.type], [sent, mediaType]);
    assert.deepEqual([...await file.bytes()], [7, 7, 7, 7, 7]);
    assert.equal(audio.decoded, 0);
  });
}

for (
  const [sampleRateHz, rate] of [[undefined, 16_000], [8000, 8000]] as const
) {
  Deno.test(`transcriptions() uploads WAV at ${rate} Hz with audioFormat=wav`, async () => {
    const audio = audioOf("a");
    const rateOf = sampleRateHz === undefined ? {} : { sampleRateHz };
    const [, file] =
      (await formOf({ audioFormat: "wav", ...rateOf }, { audio })).at(-1)!;
    assert.ok(file instanceof File);
    assert.deepEqual([file.name, file.type], ["audio.wav", "audio/wav"]);
    const { sampleRateHz: found, channels } = await decodeAudio(
      await file.bytes(),
      "audio.wav",
    );
    assert.equal(found, rate);
    assert.deepEqual(
      channels.map((samples) => [...samples].map((s) => s * 32_768)),
      [
        Array.from({ length: rate / 100 }, (_, i) => i),
      ],
    );
    assert.equal(audio.filed, 0);
  });
}

Deno.test("transcriptions() builds the form of a clip once", async () => {
  await using backend = await open({});
  const audio = audioOf("a");
  const prepare = (maxOutputTokens?: number) =>
    backend.prepare({
      columns: { audio },
      ...(maxOutputTokens && { maxOutputTokens }),
    }, context.signal);
  const [first, second] = await Promise.all([prepare(), prepare()]);
  assert.equal(first, second);
  assert.equal(await prepare(), first);
  assert.equal(audio.filed, 1);
  assert.notEqual(await prepare(5), first);
  assert.equal(audio.filed, 2);
});

Deno.test("transcriptions() drops forms beyond its capacity", async () => {
  await using backend = await open({});
  const [a, b] = ["a", "b"].map((id) =>
    audioOf(id, { bytes: 20 * 1024 * 1024 })
  );
  for (const audio of [a!, b!, b!, a!]) {
    await backend.prepare({ columns: { audio } }, context.signal);
  }
  assert.deepEqual([a!.filed, b!.filed], [2, 1]);
});

Deno.test("transcriptions() reports an unreadable audio and reads it again later", async () => {
  await using backend = await open({});
  let isBroken = true;
  const whole = audioOf("a");
  const audio = {
    ...whole,
    file: () =>
      isBroken ? Promise.reject(new Error("Cannot read a")) : whole.file(),
  };
  const prepare = () => backend.prepare({ columns: { audio } }, context.signal);
  await assert.rejects(prepare(), { message: "Cannot read a" });
  isBroken = false;
  assert.ok(await prepare());
});

Deno.test("formFields() converts any JSON to fields, lists to repeated ones", () => {
  fc.assert(fc.property(
    fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.jsonValue(), {
      maxKeys: 6,
    }),
    (fields) => {
      const found = formFields(fields).map(({ name, value }) => [name, value]);
      const expected = Object.entries(fields).flatMap(([name, value]) => {
        if (value === null) return [];
        const items = Array.isArray(value) ? value : [value];
        const said = (item: unknown) =>
          typeof item === "string" ? item : JSON.stringify(item);
        return items.map((
          item,
        ) => [Array.isArray(value) ? `${name}[]` : name, said(item)]);
      });
      assert.deepEqual(found, expected);
    },
  ));
});
