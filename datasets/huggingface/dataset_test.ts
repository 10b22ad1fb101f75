import assert from "node:assert/strict";
import { parquetMetadata } from "hyparquet";
import { testDataset } from "../../plugins/testing.ts";
import {
  type Dataset,
  type OpenContext,
  UsageError,
} from "../../plugins/mod.ts";
import { audioColumn, parquetOf } from "../parquet_testing.ts";
import { read, tempFolder, tone } from "../testing.ts";
import { huggingface, type HuggingfaceOptions } from "./dataset.ts";
import { fakeHub, type HubDataset } from "./testing.ts";

const TEXT = {
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  repetition_type: "OPTIONAL",
} as const;

/** Speech as the hub has it: rows numbered from `from`, row groups of `group`. */
function speech(
  rows: number,
  { from = 0, group = 2, ms = 100 } = {},
): Uint8Array<ArrayBuffer> {
  const numbers = Array.from({ length: rows }, (_, i) => from + i);
  const { column, schema } = audioColumn(
    "audio",
    numbers.map((i) => ({
      bytes: tone(ms, { pitchHz: 200 + i }),
      path: `${i}.wav`,
    })),
  );
  return parquetOf([
    column,
    { name: "text", data: numbers.map((i) => `words of ${i}`) },
    { name: "note", data: numbers.map((i) => `${i} `.repeat(2000)) },
  ], {
    rowGroupSize: group,
    codec: "UNCOMPRESSED",
    schema: [
      { name: "root", num_children: 3 },
      ...schema,
      { name: "text", ...TEXT },
      { name: "note", ...TEXT },
    ],
    kvMetadata: [{
      key: "huggingface",
      value: JSON.stringify({
        info: { features: { audio: { _type: "Audio" } } },
      }),
    }],
  });
}

const one = (files: Record<string, Uint8Array | string>): HubDataset => ({
  revisions: { main: { files } },
});

async function open(
  options: HuggingfaceOptions,
  env: Record<string, string> = {},
): Promise<Dataset & AsyncDisposable> {
  const context: OpenContext = {
    env: (name) => env[name],
    signal: new AbortController().signal,
    warn(message) {
      throw new Error(message);
    },
  };
  const dataset = await huggingface(options).open(context);
  return {
    ...dataset,
    [Symbol.asyncDispose]: async () => await dataset[Symbol.asyncDispose]?.(),
  };
}

const refs = (sessions: Awaited<ReturnType<typeof read>>) =>
  sessions.map(({ turns, problem }) => problem ?? turns[0]?.columns.reference);

Deno.test("huggingface() reads speech of the test split, decoded when it is asked to", async () => {
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

Deno.test("huggingface() has its first session after a footer and a row group, with only the columns it needs", async () => {
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

Deno.test("huggingface() downloads nothing twice, and nothing of a file that another commit has as well", async () => {
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
  const files_: number[] = [];
  for (const extra of [{}, {}, { revision: "later" }, { shuffle: true }]) {
    hub.forget();
    await using dataset = await open({ ...options, ...extra });
    runs.push(refs(await read(dataset)).toSorted());
    files_.push(
      hub.asked.filter(({ path }) => !path.startsWith("/api")).length,
    );
  }
  assert.ok(files_[0]! > 0);
  assert.deepEqual(files_.slice(1), [0, 0, 0]);
  assert.deepEqual(new Set(runs.map((run) => JSON.stringify(run))).size, 1);
  for await (const { name } of Deno.readDir(folder.path)) {
    assert.equal(name, "o--speech");
  }
});

Deno.test("huggingface() shows its token to the hub and to nobody else, and never tells it", async () => {
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
    /'tokenEnv' as the environment variable must be set: current value is OTHER/,
  );
  const wrong = await open(options, { MY_TOKEN: "hf_wrong_secret" })
    .then(() => assert.fail(), (error) => error);
  assert.ok(wrong instanceof UsageError);
  assert.match(wrong.message, /'dataset' must name one .* token in MY_TOKEN/);
  assert.ok(!Deno.inspect(wrong, { depth: 9 }).includes("wrong_secret"));
});

Deno.test("huggingface() asks the hub again when a signed address has run out", async () => {
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

for (
  const [what, dataset, expected] of [
    [
      "gated",
      { refused: { status: 403, code: "GatedRepo" } },
      /given you access.*'tokenEnv'.*no token \(set HF_TOKEN/,
    ],
    [
      "forbidden",
      { refused: { status: 403 } },
      /'tokenEnv' must name a token.*status 403/,
    ],
    [
      "busy",
      { refused: { status: 429 } },
      /must not be asked too often.*'tokenEnv'.*429/,
    ],
    [
      "broken",
      { refused: { status: 500 } },
      /'endpoint' must be a hub that answers.*500/,
    ],
    [
      "empty",
      { revisions: { main: { files: { "README.md": "" } } } },
      /must have Parquet.*README\.md/,
    ],
  ] as const
) {
  Deno.test(`huggingface() says what to do about a dataset that is ${what}`, async () => {
    await using hub = fakeHub({ "o/it": { revisions: {}, ...dataset } });
    const error = await open({
      dataset: "o/it",
      endpoint: hub.endpoint,
      cache: false,
    }).then(() => assert.fail(), (error) => error);
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, /^Cannot open the dataset o\/it as /);
    assert.match(error.message, expected);
  });
}

Deno.test("huggingface() says of files that cannot be had why, and not that the hub cannot", async () => {
  const damaged = speech(2);
  const [first] = parquetMetadata(damaged).row_groups;
  const { data_page_offset } = first!.columns.at(-1)!.meta_data!;
  damaged.fill(0xff, Number(data_page_offset), Number(data_page_offset) + 8);
  await using hub = fakeHub({
    "o/damaged": one({ "test.parquet": damaged }),
    "o/cut": one({ "test.parquet": speech(2).slice(0, 5000) }),
    "o/gated": { ...one({ "test.parquet": speech(2) }), gatesFiles: true },
  });
  for (
    const [dataset, expected] of [
      [
        "o/damaged",
        /as its files must be there and whole: current value is Cannot read rows 1 to 2 of o\/damaged\/test\.parquet: thrift/,
      ],
      ["o/cut", /^Cannot read o\/cut\/test\.parquet as .* was it cut short\?$/],
      ["o/gated", /its owner must have given you access/],
    ] as const
  ) {
    await assert.rejects(
      open({ dataset, endpoint: hub.endpoint, cache: false }),
      (error) => {
        assert.ok(error instanceof UsageError, Deno.inspect(error));
        assert.match(error.message, expected);
        return true;
      },
    );
  }
});

Deno.test("huggingface() gives up on a hub from which nothing comes", async () => {
  const silent = Promise.withResolvers<Response>();
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => silent.promise,
  );
  await assert.rejects(
    open({
      dataset: "o/x",
      endpoint: `http://127.0.0.1:${server.addr.port}`,
      cache: false,
      fetchTimeoutMs: 50,
    }),
    /'endpoint' must be a hub that can be reached.*something must come within 50 ms/,
  );
  silent.resolve(new Response());
});

Deno.test("huggingface() says which names there are where one is wrong, and which is near", async () => {
  const parts = {
    "clean/test/0000.parquet": speech(1),
    "clean/validation/0000.parquet": speech(1),
    "other/test/0000.parquet": speech(1),
  };
  await using hub = fakeHub({ "openslr/librispeech_asr": one(parts) });
  const options = {
    dataset: "openslr/librispeech_asr",
    endpoint: hub.endpoint,
    cache: false,
  };
  for (
    const [wrong, expected] of [
      [{}, /'config' must be one of clean, other: current value is missing$/],
      [
        { config: "claen" },
        /'config' must be one of clean, other: current value is claen; did you mean clean\?/,
      ],
      [
        { config: "clean", split: "tset" },
        /'split' must be one of test, validation: current value is tset; did you mean test\?/,
      ],
      [
        { dataset: "openslr/librispeech" },
        /'dataset' must name one that is public.*did you mean openslr\/librispeech_asr\?/,
      ],
      [
        { revision: "v9" },
        /'revision' must be a branch, a tag or a commit of it: current value is v9/,
      ],
    ] as const
  ) await assert.rejects(open({ ...options, ...wrong }), expected);
  await assert.rejects(
    open({ ...options, endpoint: "http://127.0.0.1:9", fetchTimeoutMs: 5000 }),
    /'endpoint' must be a hub that can be reached: current value is http:\/\/127\.0\.0\.1:9/,
  );
});

Deno.test("huggingface() reads what the hub has converted where a dataset has no records of its own", async () => {
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

Deno.test("huggingface() looks for the path of a record in the repository, and never on this machine", async () => {
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

Deno.test("huggingface() makes a problem of records that cannot be read, and goes on", async () => {
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
    /^o\/speech\/default\/test#3: Cannot read rows 3 to 4 of o\/speech\/test\.parquet: /,
  );
});

Deno.test("huggingface() reads chats and pictures, the columns found by what the file says of them", async () => {
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
  assert.deepEqual(
    columns.messages?.map(({ role, content }) => [role, content]),
    [
      ["user", "what is it?"],
    ],
  );
  const file = await columns.images![0]!.file();
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
