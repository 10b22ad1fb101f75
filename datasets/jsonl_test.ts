import assert from "node:assert/strict";
import { UsageError } from "../plugins/mod.ts";
import { jsonlManifest, type JsonlManifestOptions } from "./text.ts";
import {
  openDataset,
  read,
  readAll,
  summaryOf,
  tempFolder,
  tone,
} from "../tests/support/datasets.ts";

const lines = (...rows: unknown[]) =>
  rows.map((row) => JSON.stringify(row)).join("\n");

Deno.test("jsonlManifest() reads NeMo's manifests: paths beside the manifest, text as reference", async () => {
  await using folder = await tempFolder({
    "sub/a.wav": tone(100),
    "b.wav": tone(200),
    "m.jsonl": lines(
      { audio_filepath: "sub/a.wav", duration: 0.1, text: "first" },
      { audio_filepath: "./b.wav", duration: 0.2, text: "" },
    ),
  });
  await using dataset = await openDataset(
    jsonlManifest({ path: folder.at("m.jsonl") }),
  );
  const sessions = await read(dataset);
  assert.deepEqual(summaryOf(sessions), [["m.jsonl:1", "first"], [
    "m.jsonl:2",
    "",
  ]]);
  const columns = sessions.map(({ turns }) => turns[0]!.columns);
  assert.deepEqual(columns.map(({ audio }) => audio?.id), [
    "sub/a.wav",
    "b.wav",
  ]);
  assert.deepEqual(columns.map(({ audio }) => audio?.durationMs), [100, 200]);
  assert.ok(columns.every((each) => !("text" in each)));
  assert.equal((await columns[1]!.audio!.pcm16(8000)).length, 1600);
  assert.deepEqual(dataset.facts, {
    path: folder.at("m.jsonl"),
    columns: {
      audio: "audio_filepath",
      reference: "text",
      duration: "duration",
    },
    shuffle: false,
    items: 2,
  });
});

Deno.test("jsonlManifest() reads audio within the manifest", async () => {
  const wav = tone(150);
  const uri = `data:audio/wav;base64,${wav.toBase64()}`;
  await using folder = await tempFolder({
    "m.jsonl": lines(
      { audio: uri },
      { audio: wav.toBase64() },
      { audio: { bytes: wav.toBase64(), path: "x.wav" } },
      {
        audio: {
          array: [0, 0.5, -0.5, 0.1, 0, 0, 0, 0, 0],
          sampling_rate: 8000,
        },
      },
    ),
  });
  await using dataset = await openDataset(
    jsonlManifest({ path: folder.at("m.jsonl") }),
  );
  const audios = (await read(dataset)).map(({ turns }) =>
    turns[0]?.columns.audio
  );
  assert.deepEqual(audios.slice(0, 3).map((audio) => audio?.durationMs), [
    150,
    150,
    150,
  ]);
  assert.equal(audios[3]?.durationMs, 9 / 8);
  // The same bytes are the same audio in every record.
  assert.match(audios[0]!.id, /^sha256:[0-9a-f]{16}$/);
  assert.equal(new Set(audios.slice(0, 3).map((audio) => audio?.id)).size, 1);
  assert.deepEqual((await audios[2]!.file()).bytes, wav);
});

Deno.test("jsonlManifest() fetches URLs only when they are prepared", async () => {
  const asked: string[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      return pathname === "/gone.wav"
        ? new Response(null, { status: 404 })
        : new Response(tone(1500));
    },
  );
  const base = `http://127.0.0.1:${server.addr.port}`;
  await using folder = await tempFolder({
    "m.jsonl": lines(
      { audio: `${base}/a.wav`, text: "said" },
      {
        audio: { url: `${base}/gone.wav` },
        duration_ms: 250,
        text: "not sent",
      },
    ),
  });
  const path = folder.at("m.jsonl");
  {
    await using dataset = await openDataset(jsonlManifest({ path }));
    const sessions = await read(dataset);
    assert.deepEqual(summaryOf(sessions), [["m.jsonl:1", "said"], [
      "m.jsonl:2",
      "not sent",
    ]]);
    assert.deepEqual(asked, []);
    const [good, gone] = sessions.map(({ turns }) => turns[0]!.columns.audio!);
    assert.equal((await good!.pcm16(8000)).length, 12000);
    assert.equal(gone?.durationMs, 250);
    await assert.rejects(gone!.pcm16(8000), /gone\.wav.*404/);
  }
  // Only the header shows whether a clip is cut and has no reference.
  await using cut = await openDataset(jsonlManifest({ path, maxSeconds: 1 }));
  assert.deepEqual(summaryOf(await read(cut)), [["m.jsonl:1", undefined], [
    "m.jsonl:2",
    "not sent",
  ]]);
});

Deno.test("jsonlManifest() reads prompts without audio", async () => {
  await using folder = await tempFolder({
    "m.jsonl": lines({ prompt: "Why?", reference: "Because", id: 7 }, {
      prompt: 3,
      id: 7,
    }, { id: "c" }),
  });
  const sessions = await readAll(jsonlManifest({ path: folder.at("m.jsonl") }));
  assert.deepEqual(sessions.slice(0, 2), [
    { id: "7", turns: [{ columns: { text: "Why?", reference: "Because" } }] },
    { id: "7:2", turns: [{ columns: { text: "3" } }] },
  ]);
  assert.match(
    sessions[2]?.problem ?? "",
    /m\.jsonl:3: "prompt": must have a value, but was missing$/,
  );
});

Deno.test("jsonlManifest() uses 'columns' and 'root'", async () => {
  await using folder = await tempFolder({
    "clips/a.wav": tone(100),
    "lists/m.jsonl": lines({
      take: "a.wav",
      ask: "Say it again",
      gold: "it",
      name: "x",
    }),
  });
  const sessions = await readAll(jsonlManifest({
    path: folder.at("lists/m.jsonl"),
    root: folder.at("clips"),
    columns: { audio: "take", text: "ask", reference: "gold", id: "name" },
  }));
  const { audio, ...rest } = sessions[0]!.turns[0]!.columns;
  assert.equal(sessions[0]?.id, "x");
  assert.equal(audio?.id, "a.wav");
  assert.deepEqual(rest, { text: "Say it again", reference: "it" });
});

Deno.test("jsonlManifest() reports a record that cannot be used by its line and continues", async () => {
  await using folder = await tempFolder({
    "good.wav": tone(100),
    "bad.wav": "no audio",
    "m.jsonl": lines(
      { audio: "good.wav", duration: 0.1, text: "a" },
      { audio: "gone.wav", duration: 0.1, text: "b" },
      { audio: "bad.wav", duration: 0.1, text: "c" },
      { audio: null, text: "d" },
      { text: "e" },
      { audio: 5, text: "f" },
      { audio: "good.wav", text: { g: 1 } },
      { audio: "good.wav", duration: 0.3, offset: 3.5, text: "h" },
      { audio: { bytes: "AAAA" }, text: "i" },
      { audio: "good.wav", text: "j" },
    ),
  });
  const sessions = await readAll(jsonlManifest({ path: folder.at("m.jsonl") }));
  const problems = sessions.map(({ problem }) => problem);
  const expected = [
    undefined,
    /gone\.wav/,
    /bad\.wav/,
    /"audio": must have a value, but was null$/,
    /"audio": must have a value, but was missing$/,
    /but was 5$/,
    /"text": must be text, but was \{"g":1\}$/,
    /contain the declared part from 3\.5 s to 3\.8 s.*lasts 0\.1 s;/,
    /inline audio/,
    undefined,
  ];
  assert.equal(problems.length, expected.length);
  for (const [i, rule] of expected.entries()) {
    if (!rule) assert.equal(problems[i], undefined);
    else {
      assert.match(problems[i] ?? "", rule);
      // The id of the record is its place, which is not repeated.
      assert.equal(sessions[i]!.id, `m.jsonl:${i + 1}`);
      assert.doesNotMatch(problems[i] ?? "", /m\.jsonl/);
    }
  }
});

Deno.test("jsonlManifest() cuts clips, and a cut clip has no reference", async () => {
  await using folder = await tempFolder({
    "a.wav": tone(400),
    "b.wav": tone(900),
    "m.jsonl": lines({ audio: "a.wav", text: "a" }, {
      audio: "b.wav",
      text: "b",
    }),
  });
  const path = folder.at("m.jsonl");
  const sessions = await readAll(jsonlManifest({ path, maxSeconds: 0.5 }));
  assert.deepEqual(summaryOf(sessions), [["m.jsonl:1", "a"], [
    "m.jsonl:2",
    undefined,
  ]]);
  assert.equal(sessions[1]?.turns[0]?.columns.audio?.durationMs, 500);
});

Deno.test("jsonlManifest() shuffles by seed and pass, and keeps the same items", async () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({ prompt: `${i}` }));
  await using folder = await tempFolder({ "m.jsonl": lines(...rows) });
  const options = { path: folder.at("m.jsonl"), shuffle: true, limit: 10 };
  await using dataset = await openDataset(jsonlManifest(options));
  const ids = async (pass: number) =>
    (await read(dataset, { pass })).map(({ id }) => id);
  const first = await ids(0);
  assert.deepEqual(first, await ids(0));
  assert.notDeepEqual(first, await ids(1));
  assert.deepEqual(first.toSorted(), (await ids(1)).toSorted());
  assert.equal(dataset.facts?.["items"], 10);
});

Deno.test("jsonlManifest() refuses bad manifests and options before the run", async () => {
  await using folder = await tempFolder({
    "a.wav": tone(100),
    "json.jsonl": '{"audio":\n{"audio":',
    "empty.jsonl": "",
    "none.jsonl": '{"lenght":3}',
    "good.jsonl": '{"audio":"a.wav"}',
  });
  const refused = async (
    name: string,
    message: RegExp,
    options: Partial<JsonlManifestOptions> = {},
  ) => {
    const path = folder.at(name);
    await assert.rejects(
      readAll(jsonlManifest({ path, ...options })),
      (error) => {
        assert.ok(error instanceof UsageError, String(error));
        assert.match(error.message, message);
        return true;
      },
    );
  };
  await refused("json.jsonl", /json\.jsonl:1: each line must be JSON/);
  await refused("empty.jsonl", /the file has no records/);
  await refused(
    "gone.jsonl",
    /cannot read .*gone\.jsonl: no such file or directory$/,
  );
  await refused(
    "none.jsonl",
    /must have a column with audio.*its columns are "lenght"/,
  );
  await refused(
    "good.jsonl",
    /columns\.audio: unknown column "audioo".*; did you mean "audio"\?/,
    { columns: { audio: "audioo" } },
  );
  await refused("good.jsonl", /limit/, { limit: -1 });
});

Deno.test("jsonlManifest() reads recorded times from the column that is named", async () => {
  await using folder = await tempFolder({
    "m.jsonl": lines(
      { timestamp: 12.5, prompt: "a" },
      { timestamp: "2026-01-31T12:00:00.250Z", prompt: "b" },
      { timestamp: 13, prompt: null },
      { timestamp: "noon", prompt: "d" },
      { prompt: "e" },
      { timestamp: 1_769_860_800_250, prompt: "f" },
    ),
  });
  const path = folder.at("m.jsonl");
  const columns = { timestamp: "timestamp" };
  const read = async (options: Partial<JsonlManifestOptions>) =>
    (await readAll(jsonlManifest({ path, ...options }))).map((session) => [
      session.startMs,
      session.problem,
    ]);
  const problems = [
    '"prompt": must have a value, but was null',
    '"timestamp": must be a time: a number from 0 on, or a date, but was "noon"',
    '"timestamp": must have a value, but was missing',
    '"timestamp": must be before the year 2100 as a number of s; timeUnit sets another unit, but was 1769860800250',
  ];
  const dateMs = Date.UTC(2026, 0, 31, 12, 0, 0, 250);
  assert.deepEqual(await read({ columns }), [
    [12_500, undefined],
    [dateMs, undefined],
    [13_000, problems[0]],
    [undefined, problems[1]],
    [undefined, problems[2]],
    [undefined, problems[3]],
  ]);
  const [first] = await read({ columns, timeUnit: "ms" });
  assert.deepEqual(first, [12.5, undefined]);
  const [unnamed] = await read({});
  assert.deepEqual(unnamed, [undefined, undefined]);
  await using dataset = await openDataset(jsonlManifest({ path, columns }));
  assert.deepEqual(dataset.facts, {
    path,
    columns: { text: "prompt", timestamp: "timestamp" },
    timeUnit: "s",
    shuffle: false,
    items: 6,
  });
});
