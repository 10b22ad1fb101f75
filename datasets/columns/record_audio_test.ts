import assert from "node:assert/strict";
import { encodeWav, openDecoders } from "../../audio/mod.ts";
import { type DeclaredSpan, remoteAudio } from "./record_audio.ts";
import {
  openDataset,
  read,
  readAll,
  tempFolder,
  tone,
} from "../../tests/support/datasets.ts";
import { stringify } from "csv-stringify/sync";
import type { Session } from "../../plugins/mod.ts";
import { fakeHub } from "../../tests/support/fake_hub.ts";
import { one, open } from "../../tests/support/hub_datasets.ts";
import { audioColumn, parquetOf } from "../../tests/support/parquet.ts";
import { textFile, type TextFileOptions } from "../text.ts";

/** Runs a server on loopback. */
async function withServer(
  answer: (url: URL, request: Request) => Response | Promise<Response>,
  run: (base: URL) => Promise<void>,
): Promise<void> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => answer(new URL(request.url), request),
  );
  try {
    await run(new URL(`http://127.0.0.1:${server.addr.port}/`));
  } finally {
    await server.shutdown();
  }
}

function openRemote(
  options: { timeoutMs?: number; maxSeconds?: number; signal?: AbortSignal } =
    {},
) {
  const decoders = openDecoders({ threads: 1 });
  const context = {
    decoders,
    lengthsMs: new Map<string, number>(),
    timeoutMs: options.timeoutMs ?? 30_000,
    maxSeconds: options.maxSeconds,
    signal: options.signal ?? new AbortController().signal,
  };
  return {
    remote: (url: URL, span: DeclaredSpan) => remoteAudio(url, span, context),
    [Symbol.asyncDispose]: () => decoders[Symbol.asyncDispose](),
  };
}

const unknown = {};

Deno.test("remoteAudio() fetches once, when it is used", async () => {
  let fetched = 0;
  const wav = tone(300);
  await withServer(() => {
    fetched++;
    return new Response(wav);
  }, async (base) => {
    await using opened = openRemote();
    const url = new URL("a/b.wav?token=secret", base);
    const audio = opened.remote(url, unknown);
    assert.equal(fetched, 0);
    assert.ok(Number.isNaN(audio.durationMs));
    const [pcm16, file] = await Promise.all([audio.pcm16(16000), audio.file()]);
    assert.equal(pcm16.length, 4800);
    assert.deepEqual(file.bytes, wav);
    assert.equal(file.name, "b.wav");
    assert.equal(audio.durationMs, 300);
    assert.equal(fetched, 1);
    // The length outlasts the audio.
    assert.equal(opened.remote(url, unknown).durationMs, 300);
  });
});

Deno.test("remoteAudio() makes ids without query and password that differ with them", async () => {
  await using opened = openRemote();
  const id = (url: string) => opened.remote(new URL(url), unknown).id;
  assert.equal(id("https://host/a.wav"), "https://host/a.wav");
  const ids = [
    "https://host/a.wav?key=1",
    "https://host/a.wav?key=2",
    "https://me:pass@host/a.wav",
  ].map(id);
  assert.equal(new Set(ids).size, 3);
  for (const each of ids) {
    assert.match(each, /^https:\/\/host\/a\.wav#[0-9a-f]{12}$/);
  }
});

Deno.test("remoteAudio() has the length of the manifest until the file is read", async () => {
  await withServer(() => new Response(tone(2000)), async (base) => {
    await using opened = openRemote({ maxSeconds: 0.5 });
    const audio = opened.remote(base, { durationMs: 1990 });
    assert.equal(audio.durationMs, 500);
    assert.equal(await audio.wholeMs(), 2000);
    assert.equal(audio.durationMs, 500);
    assert.equal((await audio.pcm16(8000)).length, 4000);
  });
});

Deno.test("remoteAudio() cuts a declared part, and rejects one that is not in the file", async () => {
  await withServer(() => new Response(tone(2000)), async (base) => {
    await using opened = openRemote();
    const url = new URL("a.wav", base);
    const part = opened.remote(url, { startMs: 500, durationMs: 250 });
    const other = opened.remote(url, { startMs: 750, endMs: 1000 });
    assert.equal(part.id, `${base}a.wav#t=0.5,0.75`);
    assert.equal(other.id, `${base}a.wav#t=0.75,1`);
    assert.equal(part.durationMs, 250);
    assert.equal((await part.pcm16(8000)).length, 2000);
    for (const span of [{ durationMs: 7500 }, { startMs: 1900, endMs: 2200 }]) {
      await assert.rejects(
        opened.remote(url, span).pcm16(8000),
        /a\.wav: must .* declared .*, but lasts 2 s; 'columns\./,
      );
    }
  });
});

Deno.test("remoteAudio() reports a status that is not 200, without the query", async () => {
  await withServer(
    () => new Response("no", { status: 404, statusText: "Not Found" }),
    async (base) => {
      await using opened = openRemote();
      const audio = opened.remote(
        new URL("gone.wav?token=secret", base),
        unknown,
      );
      await assert.rejects(audio.pcm16(16000), {
        message:
          `cannot fetch ${base}gone.wav: the status must be 2xx, but was 404 Not Found`,
      });
      await assert.rejects(audio.file(), /404/);
    },
  );
});

Deno.test("remoteAudio() rejects files that are not audio", async () => {
  await withServer(() => new Response("<html>"), async (base) => {
    await using opened = openRemote();
    const audio = opened.remote(new URL("page.wav", base), unknown);
    await assert.rejects(
      audio.pcm16(16000),
      (error) =>
        error instanceof Error && error.message.includes(`${base}page.wav`),
    );
  });
});

Deno.test("remoteAudio() rejects if the server cannot be reached, without the query", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using opened = openRemote();
  const url = new URL(`http://127.0.0.1:${port}/a.wav?token=secret`);
  await assert.rejects(opened.remote(url, unknown).file(), (error) => {
    assert.ok(error instanceof Error);
    assert.match(
      error.message,
      /^cannot fetch http:\/\/127\.0\.0\.1:\d+\/a\.wav: /,
    );
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});

Deno.test("remoteAudio() gives up when a download takes too long, or when the dataset is closed", async () => {
  const stalled: ReadableStreamDefaultController[] = [];
  const answer = () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(10));
          stalled.push(controller);
        },
      }),
    );
  await withServer(answer, async (base) => {
    await using late = openRemote({ timeoutMs: 50 });
    await assert.rejects(late.remote(base, unknown).file(), {
      message: `cannot fetch ${base}: not complete within 50 ms`,
    });
    const over = new AbortController();
    await using closed = openRemote({ signal: over.signal });
    const file = closed.remote(base, unknown).file();
    over.abort(new Error("the dataset was closed"));
    await assert.rejects(file, /the dataset was closed$/);
    for (const controller of stalled) {
      try {
        controller.close();
      } catch {
        // The client is gone, and the stream with it.
      }
    }
  });
});

const RATE_HZ = 8000;

/** Two seconds in which the value of each sample is its index. */
const RAMP = Int16Array.from({ length: 2 * RATE_HZ }, (_, i) => i);

/** Declared times, and the samples of a file of 2 s that are sent, or the error. */
const CASES: readonly (readonly [
  Readonly<Record<string, number | null>>,
  readonly [number, number] | "all" | RegExp,
])[] = [
  [{}, "all"],
  [{ offset: 0, duration: 0.5 }, [0, 4000]],
  [{ offset: 0.5, duration: 1 }, [4000, 12_000]],
  [{ offset: 0.25 }, [2000, 16_000]],
  [{ offset: 0 }, "all"],
  [{ start: 0.5, end: 1 }, [4000, 8000]],
  [{ start: 0.33333, end: 0.33449 }, [2667, 2676]],
  [{ start: 0.33333, end: 0.33349 }, /must last 1 ms or more/],
  [{ end: 0.125 }, [0, 1000]],
  [{ start: 1.5, end: 2, duration: 0.5 }, [12_000, 16_000]],
  [{ start: 1.5, end: 2, duration: 2 }, [12_000, 16_000]],
  // Rounded times.
  [{ duration: 2.04 }, "all"],
  [{ offset: 0, duration: 1.96 }, "all"],
  [{ start: 1.5, end: 2.05 }, [12_000, 16_000]],
  // Cut from a longer recording before.
  [{ start: 617.3, end: 619.29 }, "all"],
  // Not declared.
  [{ offset: null, duration: null }, "all"],
  [{ duration: 0 }, "all"],
  [{ offset: 1, duration: -1 }, [8000, 16_000]],
  // Impossible in a file of 2 s.
  [
    { duration: 0.5 },
    /must last the declared 0\.5 s, but lasts 2 s; 'columns\.duration='/,
  ],
  [
    { duration: 7.5 },
    /must last the declared 7\.5 s, but lasts 2 s;/,
  ],
  [{ duration: 1.94 }, /must last the declared 1\.94 s/],
  [
    { offset: 1.5, duration: 1 },
    /must contain the declared part from 1\.5 s to 2\.5 s/,
  ],
  [
    { start: 1.5, end: 2.06 },
    /must contain the declared part from 1\.5 s to 2\.06 s/,
  ],
  [{ offset: 2.5 }, /must contain the declared part from 2\.5 s/],
  [
    { start: 1, end: 0.5 },
    /^.*"end": must be after the start at 1 s, but was 0\.5 s$/,
  ],
  [
    { start: 0.5, end: 1, duration: 0.3 },
    /duration must be the 0\.5 s .* or the 2 s of the file, but was 0\.3 s/,
  ],
  [
    { start: 0.5, end: 1, duration: 0.9 },
    /duration must be the 0\.5 s .* or the 2 s of the file, but was 0\.9 s/,
  ],
  [
    { offset: -1 },
    /"offset": must be a time in seconds from 0, but was -?"?-1/,
  ],
];

const WAV = encodeWav(RAMP, RATE_HZ);

async function check(
  session: Session | undefined,
  wanted: typeof CASES[number][1],
): Promise<string | undefined> {
  if (wanted instanceof RegExp) {
    assert.match(session?.problem ?? "", wanted);
    return undefined;
  }
  assert.equal(session?.problem, undefined);
  const { audio } = session!.turns[0]!.columns;
  const [start, end] = wanted === "all" ? [0, RAMP.length] : wanted;
  const part = RAMP.slice(start, end);
  assert.equal(audio!.durationMs, part.length / 8);
  assert.deepEqual(await audio!.pcm16(RATE_HZ), part);
  const { bytes, mediaType } = await audio!.file();
  assert.equal(mediaType, "audio/wav");
  assert.deepEqual(bytes, encodeWav(part, RATE_HZ));
  return `${audio!.id} ${start} ${end}`;
}

for (const [given, wanted] of CASES) {
  const values = Object.entries(given);
  const row = { audio_filepath: "a.wav", text: "x", ...given };
  const files = {
    "m.jsonl": JSON.stringify(row),
    "m.json": JSON.stringify([row]),
    "m.csv": stringify([row], { header: true }),
    "m.parquet": parquetOf(
      Object.entries(row).map(([name, value]) =>
        typeof value === "string"
          ? { name, data: [value], type: "STRING" as const }
          : { name, data: [value], type: "DOUBLE" as const, nullable: true }
      ),
    ),
  };
  const declared = values.map(([name, value]) => `${name} ${value}`).join(", ");

  Deno.test(`A record that declares ${declared || "nothing"} sends that part, in every format`, async () => {
    await using folder = await tempFolder({ ...files, "a.wav": WAV });
    for (const name of Object.keys(files)) {
      await using dataset = await openDataset(
        textFile({ path: folder.at(name) }),
      );
      const [session] = await read(dataset);
      await check(session, wanted);
    }
  });
}

Deno.test("Two parts of one file have different ids and references", async () => {
  const rows = [
    { audio: "a.wav", start: 0, end: 0.5, text: "one" },
    { audio: "a.wav", start: 0.5, end: 1, text: "two" },
    { audio: "a.wav", text: "all" },
  ];
  await using folder = await tempFolder({
    "a.wav": WAV,
    "m.jsonl": rows.map((row) => JSON.stringify(row)).join("\n"),
  });
  const path = folder.at("m.jsonl");
  const columns = async (options: Partial<TextFileOptions>) =>
    (await readAll(textFile({ path, ...options }))).map(({ turns }) =>
      turns[0]!.columns
    );
  const whole = await columns({});
  assert.deepEqual(whole.map(({ audio }) => audio!.id), [
    "a.wav#t=0,0.5",
    "a.wav#t=0.5,1",
    "a.wav",
  ]);
  assert.deepEqual(whole.map(({ reference }) => reference), [
    "one",
    "two",
    "all",
  ]);
  const cut = await columns({ maxSeconds: 0.5 });
  assert.deepEqual(cut.map(({ audio }) => audio!.durationMs), [500, 500, 500]);
  assert.deepEqual(cut.map(({ reference }) => reference), [
    "one",
    "two",
    undefined,
  ]);
});

Deno.test("Declared times are ignored if their column is left out, and read from named columns", async () => {
  await using folder = await tempFolder({
    "a.wav": tone(300),
    "m.jsonl": JSON.stringify({
      audio: "a.wav",
      from_ms: 100,
      duration_ms: 7000,
    }),
  });
  const path = folder.at("m.jsonl");
  const length = async (columns: TextFileOptions["columns"] & object) => {
    const [session] = await readAll(textFile({ path, columns }));
    return session!.problem ?? session!.turns[0]!.columns.audio!.durationMs;
  };
  assert.match(String(await length({})), /must last the declared 7 s/);
  assert.equal(await length({ duration: "" }), 300);
  assert.equal(await length({ duration: "", start: "from_ms" }), 200);
});

Deno.test("huggingface() sends the part that a record declares", async () => {
  const { column, schema } = audioColumn("audio", [
    { bytes: WAV, path: null },
    { bytes: WAV, path: null },
  ]);
  const times = { type: "DOUBLE" as const };
  const file = parquetOf([
    column,
    { name: "begin_time", data: [0.5, 90] },
    { name: "end_time", data: [1, 91] },
  ], {
    schema: [
      { name: "root", num_children: 3 },
      ...schema,
      { name: "begin_time", ...times, repetition_type: "REQUIRED" },
      { name: "end_time", ...times, repetition_type: "REQUIRED" },
    ],
  });
  await using hub = fakeHub({ "o/speech": one({ "test.parquet": file }) });
  await using dataset = await open({
    dataset: "o/speech",
    endpoint: hub.endpoint,
    cache: false,
  });
  const [first, second] = await read(dataset);
  await check(first, [4000, 8000]);
  await check(second, /must contain the declared part from 90 s to 91 s/);
});
