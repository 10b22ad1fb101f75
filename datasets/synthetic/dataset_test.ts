import assert from "node:assert/strict";
import { bytesSource, inspectAudio } from "../../audio/mod.ts";
import { echo } from "../../backends/echo.ts";
import { concurrent } from "../../loads/concurrent.ts";
import { parseOptions } from "../../plugins/options.ts";
import { parseSpec } from "../../plugins/spec.ts";
import { isUsageError, type Session, type Turn } from "../../plugins/mod.ts";
import { run } from "../../plugins/run.ts";
import { testDataset } from "../../plugins/testing/mod.ts";
import { estimateTokens, openTokenizer } from "../../tokens/mod.ts";
import {
  mergesOf,
  smallTokenizer,
} from "../../tests/support/small_tokenizer.ts";
import {
  openDataset,
  read,
  readAll,
  tempFolder,
} from "../../tests/support/datasets.ts";
import { synthetic } from "./dataset.ts";
import type { SyntheticOptions } from "./options.ts";

const CHATS: SyntheticOptions = {
  inputTokens: { median: 40, sigma: 1, max: 200 },
  outputTokens: { min: 1, max: 9 },
  turns: "1..3",
  thinkMs: "0..50",
  prefixes: ["20:3:2", { tokens: 10 }],
  images: 1,
};

testDataset(synthetic(CHATS));
testDataset(synthetic({ audioSeconds: "0.2..2", count: 20 }), {
  test: (name, run) => Deno.test(`${name}, with audio`, run),
});

const turnsOf = (sessions: readonly Session[]): Turn[] =>
  sessions.flatMap(({ turns }) => turns);

const textsOf = (sessions: readonly Session[]): string[] =>
  turnsOf(sessions).map(({ columns }) => columns.text!);

Deno.test("synthetic() without options makes endless prompts of 128 tokens", async () => {
  await using dataset = await openDataset(synthetic({}));
  assert.equal(dataset.isEndless, true);
  assert.deepEqual(dataset.facts, { tokenCounter: "characters" });
  const sessions = await read(dataset, { take: 300 });
  assert.deepEqual(
    sessions.map(({ id }) => id),
    Array.from({ length: 300 }, (_, n) => String(n)),
  );
  for (const { turns } of sessions) {
    assert.equal(turns.length, 1);
    assert.deepEqual(Object.keys(turns[0]!), ["columns"]);
    assert.deepEqual(Object.keys(turns[0]!.columns), ["text"]);
    assert.equal(estimateTokens(turns[0]!.columns.text!), 128);
  }
});

Deno.test("synthetic() draws lengths with the given means", async () => {
  const sessions = await readAll(
    synthetic({ inputTokens: "normal:60:10", outputTokens: "10..30" }),
    { take: 4000 },
  );
  const mean = (numbers: readonly number[]) =>
    numbers.reduce((sum, x) => sum + x) / numbers.length;
  const inputs = mean(textsOf(sessions).map(estimateTokens));
  const outputs = mean(turnsOf(sessions).map((turn) => turn.maxOutputTokens!));
  assert.ok(Math.abs(inputs - 60) < 0.7, `${inputs}`);
  assert.ok(Math.abs(outputs - 20) < 0.5, `${outputs}`);
});

Deno.test("synthetic() makes the same sessions for the same seed, in any order of passes", async () => {
  const options = { inputTokens: "5..50", turns: "1..4", count: 10 };
  await using dataset = await openDataset(synthetic(options));
  const second = await read(dataset, { pass: 1 });
  const first = await read(dataset, { pass: 0 });
  const longer = await readAll(synthetic({ ...options, count: 20 }));
  assert.deepEqual([...first, ...second], longer);
  assert.notDeepEqual(await read(dataset, { seed: 2 }), first);
});

Deno.test("synthetic() draws each option independently of the others", async () => {
  const options = { inputTokens: "5..90", turns: 3, count: 10 };
  const texts = textsOf(await readAll(synthetic(options)));
  const others: SyntheticOptions[] = [
    { outputTokens: "1..99" },
    { thinkMs: "0..9" },
    { prefixTokens: 9 },
    { images: 1 },
    { audioSeconds: "1..2" },
  ];
  for (const other of others) {
    const changed = await readAll(synthetic({ ...options, ...other }));
    assert.deepEqual(textsOf(changed), texts, JSON.stringify(other));
  }
});

Deno.test("synthetic() makes other sessions in each pass, unless samePasses is set", async () => {
  await using dataset = await openDataset(synthetic({ count: 5 }));
  assert.equal(dataset.isEndless, false);
  assert.deepEqual(dataset.facts, { items: 5, tokenCounter: "characters" });
  const passes = [0, 1, 2].map((pass) => read(dataset, { pass }));
  const texts = (await Promise.all(passes)).flatMap(textsOf);
  assert.equal(new Set(texts).size, 15);
  const same = await openDataset(synthetic({ count: 5, samePasses: true }));
  assert.deepEqual(
    await read(same, { pass: 3 }),
    await read(same, { pass: 0 }),
  );
});

Deno.test("synthetic() opens every prompt with other words, within a batch too", async () => {
  const beginning = (text: string) => text.split(" ").slice(0, 3).join(" ");
  const chats = textsOf(
    await readAll(synthetic({ inputTokens: 16 }), { take: 5000 }),
  );
  assert.equal(new Set(chats.map(beginning)).size, 5000);
  const batches = await readAll(synthetic({ inputTokens: 16, batch: 8 }), {
    take: 500,
  });
  const texts = turnsOf(batches).flatMap(({ columns }) => columns.texts!);
  assert.equal(texts.length, 4000);
  assert.equal(new Set(texts.map(beginning)).size, 4000);
  assert.ok(
    turnsOf(batches).every(({ columns }) => columns.text === undefined),
  );
});

Deno.test("synthetic() gives first turns their own lengths, and pauses between turns", async () => {
  const sessions = await readAll(
    synthetic({
      turns: 3,
      inputTokens: 10,
      firstInputTokens: 50,
      outputTokens: 5,
      firstOutputTokens: 25,
      thinkMs: 40,
    }),
    { take: 20 },
  );
  for (const { turns } of sessions) {
    const shape = turns.map(({ columns, maxOutputTokens, thinkMs }) => [
      estimateTokens(columns.text!),
      maxOutputTokens,
      thinkMs,
    ]);
    assert.deepEqual(shape, [[50, 25, undefined], [10, 5, 40], [10, 5, 40]]);
  }
});

Deno.test("synthetic() puts a shared prefix into the system column of every turn", async () => {
  const sessions = await readAll(
    synthetic({ turns: 2, prefixTokens: 30, prefixCount: 3 }),
    { take: 200 },
  );
  const prefixes = sessions.map(({ turns }) => turns[0]!.columns.system!);
  assert.equal(new Set(prefixes).size, 3);
  assert.ok(prefixes.every((prefix) => estimateTokens(prefix) === 30));
  for (const { turns } of sessions) {
    assert.equal(turns[1]!.columns.system, turns[0]!.columns.system);
  }
});

Deno.test("synthetic() puts a shared prefix at the start of the first prompt with prefixIn=text", async () => {
  const sessions = await readAll(
    synthetic({
      turns: 2,
      inputTokens: 20,
      prefixTokens: 30,
      prefixIn: "text",
    }),
    { take: 50 },
  );
  const [first, second] = [0, 1].map((turn) =>
    sessions.map(({ turns }) => turns[turn]!.columns)
  );
  const prefix = first![0]!.text!.slice(0, 119);
  for (const { text, system } of first!) {
    assert.equal(system, undefined);
    assert.equal(estimateTokens(text!), 50);
    assert.ok(text!.startsWith(prefix));
  }
  assert.equal(new Set(first!.map(({ text }) => text!.slice(121))).size, 50);
  for (const { text } of second!) {
    assert.equal(estimateTokens(text!), 20);
    assert.ok(!text!.startsWith(prefix.slice(0, 40)));
  }
});

Deno.test("synthetic() counts with a tokenizer file if one is given", async () => {
  const content = smallTokenizer({ merges: mergesOf(["the", "people", "in"]) });
  await using folder = await tempFolder({
    "tokenizer.json": JSON.stringify(content),
  });
  const { count } = await openTokenizer(folder.path);
  await using dataset = await openDataset(synthetic({
    tokenizer: folder.path,
    inputTokens: "1..60",
    prefixTokens: 25,
    prefixIn: "text",
  }));
  assert.deepEqual(dataset.facts, {
    sharesPrefixes: true,
    tokenCounter: "tokenizer",
  });
  const sizes = (await read(dataset, { take: 200 })).map(({ turns }) =>
    count(turns[0]!.columns.text!) - 25
  );
  assert.ok(sizes.every((size) => size >= 1 && size <= 60));
  assert.ok(new Set(sizes).size > 40);
});

Deno.test("synthetic() reports a session that the tokenizer has no text for as a problem", async () => {
  const content = JSON.stringify(smallTokenizer({
    parts: { normalizer: { type: "Prepend", prepend: "____" } },
  }));
  await using folder = await tempFolder({ "tokenizer.json": content });
  const sessions = await readAll(
    synthetic({ tokenizer: folder.path, inputTokens: "3..6", count: 40 }),
  );
  const bad = sessions.filter(({ problem }) => problem !== undefined);
  assert.ok(bad.length > 5 && bad.length < 35, `${bad.length}`);
  for (const { problem, turns } of bad) {
    assert.match(problem!, /^tokenizer: found no text of [34] tokens in/);
    assert.deepEqual(turns, []);
  }
});

Deno.test("synthetic() makes speech-shaped audio, with prompts only if they are asked for", async () => {
  await using dataset = await openDataset(
    synthetic({ audioSeconds: "0.5..1.5", count: 20 }),
  );
  assert.deepEqual(dataset.facts, { items: 20 });
  const sessions = await read(dataset);
  const columns = turnsOf(sessions).map(({ columns }) => columns);
  const lengths = columns.map(({ audio }) => audio!.durationMs);
  assert.ok(
    lengths.every((ms) => Number.isInteger(ms) && ms >= 500 && ms <= 1500),
  );
  assert.ok(new Set(lengths).size > 10);
  assert.deepEqual(Object.keys(columns[0]!), ["audio"]);
  const { audio } = columns[0]!;
  const { bytes, name, mediaType } = await audio!.file();
  assert.deepEqual([name, mediaType], ["synthetic-0-0.wav", "audio/wav"]);
  const info = await inspectAudio(bytesSource(Uint8Array.from(bytes), name));
  assert.deepEqual([info.sampleRateHz, info.channels], [16_000, 1]);
  assert.ok(Math.abs(info.durationMs - audio!.durationMs) < 0.1);
  const pcm16 = await audio!.pcm16(16_000);
  assert.deepEqual(pcm16, await audio!.pcm16(16_000));
  assert.deepEqual(new Int16Array(bytes.buffer, 44), pcm16);
  assert.equal((await audio!.pcm16(24_000)).length, pcm16.length * 1.5);
  assert.notDeepEqual(await columns[1]!.audio!.pcm16(16_000), pcm16);
  const both = await readAll(
    synthetic({ audioSeconds: 1, inputTokens: 8, count: 1 }),
  );
  assert.deepEqual(Object.keys(turnsOf(both)[0]!.columns), ["text", "audio"]);
  const first = turnsOf(
    await readAll(
      synthetic({ audioSeconds: 1, firstInputTokens: 8, turns: 2, count: 1 }),
    ),
  ).map(({ columns }) => Object.keys(columns));
  assert.deepEqual(first, [["text", "audio"], ["audio"]]);
});

Deno.test("synthetic() adds images of the given size", async () => {
  const sessions = await readAll(
    synthetic({ images: 2, imageWidth: 20, imageHeight: 10, count: 3 }),
  );
  const images = turnsOf(sessions).flatMap(({ columns }) => columns.images!);
  assert.equal(images.length, 6);
  assert.equal(new Set(images.map(({ id }) => id)).size, 6);
  const files = await Promise.all(images.map((image) => image.file()));
  for (const { bytes, mediaType } of files) {
    assert.equal(mediaType, "image/png");
    const view = new DataView(bytes.buffer);
    assert.deepEqual([view.getUint32(16), view.getUint32(20)], [20, 10]);
  }
  assert.equal(new Set(files.map(({ bytes }) => bytes.join())).size, 6);
});

Deno.test("synthetic() names each invalid option", async () => {
  const cases: [SyntheticOptions, ...RegExp[]][] = [
    [
      { inputTokens: 0 },
      /inputTokens must be at least 1, but was 0$/m,
    ],
    [
      { inputTokens: "lots" },
      /inputTokens must be a number, MIN\.\.MAX, .*, but was lots$/m,
    ],
    [
      { outputTokens: "9..3" },
      /outputTokens\.min must be at most max, which is 3, but was 9$/m,
    ],
    [
      { inputTokens: { mean: 9, stdev: -1 } },
      /inputTokens\.stdev must be 0 or more, but was -1$/m,
    ],
    [
      { inputTokens: {} as never },
      /inputTokens must have min and max, mean and stdev/m,
    ],
    [
      { inputTokens: { mode: 3 } as never },
      /inputTokens must have no keys except mean, .* and max, but had mode$/m,
    ],
    [{ turns: 0.5 }, /turns must be a whole number, but was 0\.5$/m],
    [
      { audioSeconds: 0 },
      /audioSeconds must be at least 0\.001, but was 0$/m,
    ],
    [
      { turns: 2, thinkMs: -1 },
      /thinkMs must be at least 0, but was -1$/m,
    ],
    [{ thinkMs: 5 }, /thinkMs must be used together with turns/m],
    [
      { firstInputTokens: 5 },
      /firstInputTokens must be used together with turns/m,
    ],
    [{ samePasses: true }, /samePasses must be used together with count/m],
    [
      { prefixCount: 2 },
      /prefixCount must be used together with prefixTokens/m,
    ],
    [
      { prefixIn: "text" },
      /prefixIn must be used together with prefixTokens or prefixes/m,
    ],
    [
      { prefixTokens: 5, prefixes: ["5"] },
      /prefixTokens must not be used together with prefixes/m,
    ],
    [{ batch: 2, images: 1 }, /batch must not be used together with images/m],
    [{ imageWidth: 10 }, /imageWidth must be used together with images/m],
    [
      { images: 1, imageWidth: 0 },
      /imageWidth must be above 0, but was 0$/m,
    ],
    [
      { prefixes: ["5:2:0", { tokens: 3, weight: 0 }] },
      /prefixes must have a weight above 0, but all weights are 0$/m,
    ],
    [
      { prefixes: ["0"] },
      /prefixes\.0 must have from 1 to 10000000 tokens, but was 0$/m,
    ],
    [
      { prefixes: ["5:0"] },
      /prefixes\.0 must have a count of 1 or more, but was 0$/m,
    ],
    [
      { prefixes: ["five"] },
      /prefixes\.0 must be TOKENS\[:COUNT\[:WEIGHT\]\], or an object/m,
    ],
    [
      { audioSeconds: 1, prefixTokens: 5, prefixIn: "text" },
      /prefixIn must be system if there are no prompts/m,
    ],
    [{ count: 0, inputTokens: 0 }, /^count/m, /^inputTokens/m],
  ];
  for (const [options, ...says] of cases) {
    await assert.rejects(openDataset(synthetic(options)), (error) => {
      assert.ok(isUsageError(error), String(error));
      const lines = error.message.replaceAll("\n  ", "\n");
      assert.match(lines, /^synthetic:/);
      for (const said of says) assert.match(lines, said);
      return true;
    });
  }
});

Deno.test("synthetic() refuses an invalid tokenizer file", async () => {
  await using folder = await tempFolder({ "config.json": '{"a": 1}' });
  for (
    const [tokenizer, says] of [
      [folder.at("absent.json"), /absent\.json: no such file or directory/],
      [folder.path, /the folder must contain a tokenizer\.json/],
      [
        folder.at("config.json"),
        /a tokenizer must contain a "model" with a "vocab", but its keys are a$/,
      ],
    ] as const
  ) {
    await assert.rejects(openDataset(synthetic({ tokenizer })), (error) => {
      assert.ok(isUsageError(error), String(error));
      assert.match(error.message, says);
      return true;
    });
  }
});

Deno.test("synthetic() reads its options from a command line", () => {
  const cases: [string, SyntheticOptions][] = [
    ["inputTokens=128,outputTokens=64", { inputTokens: 128, outputTokens: 64 }],
    ["inputTokens=64..256", { inputTokens: "64..256" }],
    ["inputTokens=normal:128:32:16..512", {
      inputTokens: "normal:128:32:16..512",
    }],
    ["inputTokens.mean=128,inputTokens.stdev=32,thinkMs=2s,turns=3", {
      inputTokens: { mean: 128, stdev: 32 },
      thinkMs: 2000,
      turns: 3,
    }],
    ["audioSeconds=500ms,images=2,imageContent=noise", {
      audioSeconds: 0.5,
      images: 2,
      imageContent: "noise",
    }],
    ["prefixes=512:4:3,128,prefixIn=text", {
      prefixes: ["512:4:3", "128"],
      prefixIn: "text",
    }],
    [`prefixes='[{"tokens":512,"count":2}]'`, {
      prefixes: [{ tokens: 512, count: 2 }],
    }],
  ];
  for (const [text, options] of cases) {
    const spec = parseSpec(`synthetic,${text}`);
    assert.deepEqual(
      parseOptions(spec, synthetic.definition).options,
      options,
      text,
    );
  }
});

Deno.test("synthetic() supplies a run with pass after pass", async () => {
  const { stages, run: { facts } } = await run({
    backend: echo({}),
    dataset: synthetic({ inputTokens: 16, turns: 2, count: 3 }),
    load: concurrent({ streams: [2] }),
    stop: { requests: 20 },
  });
  assert.equal(stages[0]?.counts.ok, 20);
  assert.deepEqual(facts.data, {
    items: 3,
    tokenCounter: "characters",
  });
});
