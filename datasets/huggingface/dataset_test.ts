import assert from "node:assert/strict";
import { parquetMetadata } from "hyparquet";
import { type MessagePart, UsageError } from "../../plugins/mod.ts";
import { testDataset } from "../../plugins/testing/mod.ts";
import { audioColumn, parquetOf } from "../../tests/support/parquet.ts";
import { read, tempFolder, tone } from "../../tests/support/datasets.ts";
import { huggingface } from "./dataset.ts";
import { fakeHub } from "../../tests/support/fake_hub.ts";
import {
  one,
  open,
  refs,
  speech,
  TEXT,
} from "../../tests/support/hub_datasets.ts";

Deno.test("huggingface() reads speech of the test split and decodes it when it is used", async () => {
  await using hub = fakeHub({
    "o/speech": one({
      "README.md": "# speech",
      "data/train-00000-of-00001.parquet": speech(1, { from: 50 }),
      "data/test-00000-of-00002.parquet": speech(3),
      "data/test-00001-of-00002.parquet": speech(2, { from: 3 }),
    }),
  });
  await using dataset = await open({
    dataset: "o/speech",
    endpoint: hub.endpoint,
    cache: false,
  });
  assert.deepEqual(dataset.facts, {
    dataset: "o/speech",
    config: "default",
    split: "test",
    revision: "sha-of-main",
    columns: { audio: "audio", reference: "text" },
    shuffle: false,
    items: 5,
  });
  const sessions = await read(dataset);
  assert.deepEqual(refs(sessions), [0, 1, 2, 3, 4].map((i) => `words of ${i}`));
  assert.equal(sessions[4]?.id, "test#5");
  const audio = sessions[4]!.turns[0]!.columns.audio!;
  assert.equal(audio.durationMs, 100);
  assert.equal((await audio.pcm16(8000)).length, 800);
});

Deno.test("huggingface() reads a footer and a row group for its first session, and only the needed columns", async () => {
  const file = speech(40, { group: 4, ms: 1000 });
  await using hub = fakeHub({ "o/speech": one({ "test.parquet": file }) });
  await using dataset = await open({
    dataset: "o/speech",
    endpoint: hub.endpoint,
    cache: false,
  });
  const footer = hub.asked.reduce((sum, { bytes }) => sum + bytes, 0);
  hub.forget();
  const sessions = dataset.sessions({
    seed: 1,
    pass: 0,
    signal: new AbortController().signal,
  })[Symbol.asyncIterator]();
  const { value } = await sessions.next();
  assert.equal(value?.id, "test#1");
  const bytes = hub.asked.reduce((sum, each) => sum + each.bytes, 0);
  await sessions.return?.();
  // The footer and the text of the first row group; then that group and the two that are read ahead.
  assert.ok(footer < 2 ** 17, `${footer} bytes before the first session`);
  assert.ok(
    bytes < 0.35 * file.length,
    `${bytes} of ${file.length} bytes for the first session`,
  );
});

Deno.test("huggingface() downloads a file once, even if another commit has it as well", async () => {
  await using folder = await tempFolder();
  const files = { "data/test-00000-of-00001.parquet": speech(6) };
  await using hub = fakeHub({
    "o/speech": {
      revisions: {
        main: { files },
        later: { files: { ...files, "x.md": "" } },
      },
    },
  });
  const options = {
    dataset: "o/speech",
    endpoint: hub.endpoint,
    cacheDir: folder.path,
  };
  const runs: unknown[] = [];
  const downloads: number[] = [];
  for (const extra of [{}, {}, { revision: "later" }, { shuffle: true }]) {
    hub.forget();
    await using dataset = await open({ ...options, ...extra });
    runs.push(refs(await read(dataset)).toSorted());
    downloads.push(
      hub.asked.filter(({ path }) => !path.startsWith("/api")).length,
    );
  }
  assert.ok(downloads[0]! > 0);
  assert.deepEqual(downloads.slice(1), [0, 0, 0]);
  assert.deepEqual(new Set(runs.map((run) => JSON.stringify(run))).size, 1);
  for await (const { name } of Deno.readDir(folder.path)) {
    assert.equal(name, "datasets--o--speech");
  }
});

Deno.test("huggingface() sends its token to the hub only, and never shows it", async () => {
  const token = "hf_secret_token";
  await using hub = fakeHub({
    "o/private": { ...one({ "test.parquet": speech(2) }), token },
  });
  const options = {
    dataset: "o/private",
    endpoint: hub.endpoint,
    cache: false,
    tokenEnv: "MY_TOKEN",
  };
  await using dataset = await open(options, { MY_TOKEN: token });
  assert.equal((await read(dataset)).length, 2);
  const shown = (host: string) =>
    new Set(
      hub.asked.filter((each) => each.host === host)
        .map(({ authorization }) => authorization),
    );
  assert.deepEqual(shown("hub"), new Set([`Bearer ${token}`]));
  assert.deepEqual(shown("cdn"), new Set([null]));
  assert.ok(!JSON.stringify(dataset.facts).includes(token));

  await assert.rejects(
    open({ ...options, tokenEnv: "OTHER" }, {}),
    /tokenEnv: the environment variable OTHER must be set/,
  );
  const wrong = await open(options, { MY_TOKEN: "hf_wrong_secret" })
    .then(() => assert.fail(), (error) => error);
  assert.ok(wrong instanceof UsageError);
  assert.match(
    wrong.message,
    /unknown dataset "o\/private" .*the token in MY_TOKEN was sent/,
  );
  assert.ok(!Deno.inspect(wrong, { depth: 9 }).includes("wrong_secret"));
});

Deno.test("huggingface() asks the hub again when a signed address has expired", async () => {
  await using hub = fakeHub({
    "o/speech": one({ "test.parquet": speech(8) }),
  });
  await using dataset = await open({
    dataset: "o/speech",
    endpoint: hub.endpoint,
    cache: false,
  });
  hub.expire();
  assert.deepEqual(
    refs(await read(dataset)),
    Array.from({ length: 8 }, (_, i) => `words of ${i}`),
  );
});

Deno.test("huggingface() reads the hub's conversion if a dataset has no records of its own", async () => {
  await using hub = fakeHub({
    "o/script": {
      revisions: {
        main: { files: { "script.py": "" } },
        "refs/convert/parquet": {
          files: { "default/partial-train/0000.parquet": speech(2) },
        },
      },
    },
  });
  await using dataset = await open({
    dataset: "o/script",
    endpoint: hub.endpoint,
    cache: false,
  });
  assert.equal(dataset.facts?.["split"], "train");
  assert.equal((await read(dataset)).length, 2);
});

for (const cache of [true, false]) {
  Deno.test(`huggingface() reads JSON Lines, ${cache ? "kept" : "not kept"} for the next time`, async () => {
    await using folder = await tempFolder();
    await using hub = fakeHub({
      "o/text": one({
        "test.jsonl": '{"prompt":"one"}\n{"prompt":"two"}\n',
      }),
    });
    const count = async () => {
      hub.forget();
      await using dataset = await open({
        dataset: "o/text",
        endpoint: hub.endpoint,
        cache,
        cacheDir: folder.path,
      });
      const sessions = await read(dataset);
      assert.deepEqual(
        sessions.map(({ turns }) => turns[0]?.columns.text),
        ["one", "two"],
      );
      return hub.asked.filter(({ host }) => host === "cdn").length;
    };
    assert.deepEqual([await count(), await count()], cache ? [1, 0] : [1, 1]);
  });
}

Deno.test("huggingface() resolves the path of a record in the repository, and never on this machine", async () => {
  await using folder = await tempFolder({ "mine.wav": tone(100) });
  const paths = [
    "clips/häuser 1.wav",
    folder.at("mine.wav"),
    "../../x.wav",
    `file://${folder.at("mine.wav")}`,
  ];
  const { column, schema } = audioColumn(
    "audio",
    paths.map((path) => ({ bytes: null, path })),
  );
  const file = parquetOf([column], {
    schema: [{ name: "root", num_children: 1 }, ...schema],
  });
  await using hub = fakeHub({
    "o/paths": one({ "test.parquet": file, "clips/häuser 1.wav": tone(100) }),
  });
  await using dataset = await open({
    dataset: "o/paths",
    endpoint: hub.endpoint,
    cache: false,
  });
  const [first, ...others] = await read(dataset);
  const audio = first!.turns[0]!.columns.audio!;
  assert.equal((await audio.pcm16(8000)).length, 800);
  assert.equal(others.length, 3);
  for (const { problem } of others) {
    assert.match(
      problem ?? "",
      /its path must lead below http:.*resolve\/sha-of-main\//,
    );
  }
});

Deno.test("huggingface() resolves the paths in a table from the table's folder", async () => {
  await using hub = fakeHub({
    "o/folder": one({
      "test/metadata.csv": "file_name,transcription\nclips/a.wav,hello\n",
      "test/clips/a.wav": tone(100),
    }),
  });
  await using dataset = await open({
    dataset: "o/folder",
    endpoint: hub.endpoint,
    cache: false,
  });
  const [session] = await read(dataset);
  assert.deepEqual(refs([session!]), ["hello"]);
  const audio = session!.turns[0]!.columns.audio!;
  assert.equal((await audio.pcm16(8000)).length, 800);
});

Deno.test("huggingface() reports records that cannot be read and continues", async () => {
  const file = speech(6, { group: 2 });
  const [, second] = parquetMetadata(file).row_groups;
  const at = Number(second!.columns[0]!.meta_data!.data_page_offset);
  file.fill(0xff, at, at + 8);
  await using hub = fakeHub({ "o/speech": one({ "test.parquet": file }) });
  await using dataset = await open({
    dataset: "o/speech",
    endpoint: hub.endpoint,
    cache: false,
  });
  const sessions = await read(dataset);
  assert.equal(sessions.length, 6);
  const problems = sessions.map(({ problem }) => problem !== undefined);
  assert.deepEqual(problems, [false, false, true, true, false, false]);
  assert.match(
    sessions[2]!.problem!,
    /^cannot read rows 3 to 4 of o\/speech\/test\.parquet: /,
  );
});

Deno.test("huggingface() reads chats and images, whose columns it finds in the metadata", async () => {
  const png = Uint8Array.fromBase64(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  );
  const scan = audioColumn("scan", [{ bytes: png, path: "1.png" }]);
  const list = (name: string, ...element: typeof scan.schema) =>
    [
      {
        name,
        repetition_type: "OPTIONAL",
        converted_type: "LIST",
        num_children: 1,
      },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      ...element,
    ] as const;
  const bytes = parquetOf([scan.column, {
    name: "messages",
    data: [[
      { role: "user", content: "what is it?" },
      { role: "assistant", content: "a dot" },
    ]],
  }], {
    schema: [
      { name: "root", num_children: 2 },
      ...scan.schema,
      ...list(
        "messages",
        {
          name: "element",
          repetition_type: "OPTIONAL",
          num_children: 2,
        },
        { name: "role", ...TEXT },
        { name: "content", ...TEXT },
      ),
    ],
    kvMetadata: [{
      key: "huggingface",
      value: JSON.stringify({
        info: { features: { scan: { _type: "Image" } } },
      }),
    }],
  });
  await using hub = fakeHub({ "o/chats": one({ "test.parquet": bytes }) });
  await using dataset = await open({
    dataset: "o/chats",
    endpoint: hub.endpoint,
    cache: false,
  });
  const [session] = await read(dataset);
  assert.equal(session?.problem, undefined);
  const { columns } = session!.turns[0]!;
  assert.equal(columns.reference, "a dot");
  const [message] = columns.messages!;
  assert.equal(message?.role, "user");
  const [image, text] = message.content as readonly MessagePart[];
  assert.deepEqual(text, { kind: "text", text: "what is it?" });
  assert.ok(image?.kind === "image");
  const file = await image.image.file();
  assert.equal(file.mediaType, "image/png");
  assert.deepEqual(file.bytes, png);
});

const hub = fakeHub({
  "o/contract": one({ "test.parquet": speech(6, { group: 2 }) }),
});
const kept = await Deno.makeTempDir();
testDataset(
  huggingface({
    dataset: "o/contract",
    endpoint: hub.endpoint,
    cacheDir: kept,
    shuffle: true,
  }),
);
globalThis.addEventListener("unload", () => {
  Deno.removeSync(kept, { recursive: true });
});
