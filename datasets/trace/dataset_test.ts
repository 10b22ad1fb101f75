import assert from "node:assert/strict";
import fc from "fast-check";
import { isUsageError, type Session } from "../../plugins/mod.ts";
import { testDataset } from "../../plugins/testing/mod.ts";
import { estimateTokens, openTokenizer } from "../../tokens/mod.ts";
import {
  openDataset,
  read,
  readAll,
  tempFolder,
} from "../../tests/support/datasets.ts";
import { parquetOf } from "../../tests/support/parquet.ts";
import {
  mergesOf,
  smallTokenizer,
} from "../../tests/support/small_tokenizer.ts";
import { trace, type TraceOptions } from "./dataset.ts";

const lines = (...rows: unknown[]) =>
  rows.map((row) => JSON.stringify(row)).join("\n");

/** As Mooncake's: milliseconds, blocks of 512 tokens, not quite in order. */
const MOONCAKE = [
  {
    timestamp: 27_482,
    input_length: 1200,
    output_length: 52,
    hash_ids: [0, 1, 2],
  },
  {
    timestamp: 30_535,
    input_length: 1800,
    output_length: 26,
    hash_ids: [0, 3, 4, 5],
  },
  {
    timestamp: 30_000,
    input_length: 1300,
    output_length: 0,
    hash_ids: [0, 1, 6],
  },
];

/** As vLLM's: seconds, blocks of 16 tokens. */
const VLLM = [
  { timestamp: 61.25, input_length: 40, output_length: 7, hash_ids: [9, 8, 7] },
  { timestamp: 61.5, input_length: 33, output_length: 8, hash_ids: [9, 8, 1] },
  { timestamp: 62, input_length: 16, output_length: 9, hash_ids: [9] },
];

const held = await tempFolder({ "m.jsonl": lines(...MOONCAKE) });
globalThis.addEventListener("unload", () => {
  Deno.removeSync(held.path, { recursive: true });
});
testDataset(trace({ path: held.at("m.jsonl") }));

const startsOf = (sessions: readonly Session[]) =>
  sessions.map(({ startMs }) => startMs);
const textsOf = (sessions: readonly Session[]) =>
  sessions.map(({ turns }) => turns[0]!.columns.text!);
const outputsOf = (sessions: readonly Session[]) =>
  sessions.map(({ turns }) => turns[0]?.maxOutputTokens);

/** Opens a trace of one file, and reads it. */
async function readFile(
  name: string,
  content: string | Uint8Array,
  options: Omit<TraceOptions, "path"> = {},
) {
  await using folder = await tempFolder({ [name]: content });
  const warnings: string[] = [];
  await using dataset = await openDataset(
    trace({ path: folder.at(name), ...options }),
    (message) => warnings.push(message),
  );
  const { path: _, ...facts } = dataset.facts!;
  const again = await read(dataset, { pass: 1 });
  return { facts, warnings, again, sessions: await read(dataset) };
}

async function rejects(
  name: string,
  content: string | Uint8Array,
  says: RegExp,
  options: Omit<TraceOptions, "path"> = {},
): Promise<void> {
  await assert.rejects(readFile(name, content, options), (error) => {
    assert.ok(isUsageError(error), String(error));
    assert.match(error.message, says);
    return true;
  });
}

/** Number of equal characters at the beginning. */
function common(a: string, b: string): number {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return i;
}

Deno.test("trace() reads Mooncake's traces: sorted, in milliseconds, with shared blocks", async () => {
  const { sessions, facts } = await readFile("m.jsonl", lines(...MOONCAKE));
  assert.deepEqual(facts, {
    format: "mooncake",
    timeUnit: "ms",
    blockTokens: 512,
    columns: {
      timestamp: "timestamp",
      inputTokens: "input_length",
      outputTokens: "output_length",
      hashIds: "hash_ids",
    },
    items: 3,
    recordedMs: 3053,
    sharesPrefixes: true,
    tokenCounter: "characters",
  });
  assert.deepEqual(sessions.map(({ id }) => id), [
    "m.jsonl:1",
    "m.jsonl:3",
    "m.jsonl:2",
  ]);
  assert.deepEqual(startsOf(sessions), [0, 2518, 3053]);
  assert.deepEqual(outputsOf(sessions), [52, 1, 26]);
  const [a, b, c] = textsOf(sessions) as [string, string, string];
  assert.deepEqual([a, b, c].map(estimateTokens), [1200, 1300, 1800]);
  const block = 512 * 4;
  // Two shared blocks, then one; texts differ soon after.
  const within = (length: number, blocks: number) =>
    assert.ok(
      length >= blocks * (block - 1) - 1 && length < blocks * block + 20,
      `${length} characters are shared, not ${blocks} blocks`,
    );
  within(common(a, b), 2);
  within(common(a, c), 1);
});

Deno.test("trace() reads vLLM's timed traces: in seconds, blocks of 16 tokens", async () => {
  const { sessions, facts, warnings } = await readFile(
    "v.json",
    JSON.stringify(VLLM),
  );
  assert.equal(facts.format, "vllm");
  assert.equal(facts.timeUnit, "s");
  assert.equal(facts.blockTokens, 16);
  assert.deepEqual(startsOf(sessions), [0, 250, 750]);
  const texts = textsOf(sessions);
  assert.deepEqual(texts.map(estimateTokens), [40, 33, 16]);
  assert.ok(common(texts[0]!, texts[1]!) >= 125);
  assert.ok(common(texts[0]!, texts[2]!) >= 48, "the beginning of the block");
  assert.deepEqual(warnings, []);
});

Deno.test("trace() reads GuideLLM's minimal traces and BurstGPT's, and asks for the unit of whole numbers", async () => {
  const csv = "Timestamp,Model,Request tokens,Response tokens\n" +
    "5,gpt,512,128\n45,gpt,30,0\n";
  const { sessions, facts, warnings } = await readFile("b.csv", csv);
  assert.equal(facts.format, "guidellm");
  assert.deepEqual(startsOf(sessions), [0, 40_000]);
  assert.deepEqual(outputsOf(sessions), [128, 1]);
  assert.deepEqual(textsOf(sessions).map(estimateTokens), [512, 30]);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0]!,
    /read as seconds, so that it is 40 s long; timeUnit/,
  );
  const given = await readFile("b.csv", csv, { timeUnit: "ms" });
  assert.deepEqual(startsOf(given.sessions), [0, 40]);
  assert.deepEqual(given.warnings, []);
  const fine = await readFile(
    "g.jsonl",
    lines(
      { timestamp: 0.5, input_length: 10, output_length: 2 },
      { timestamp: 1.25, input_length: 20, output_length: 3 },
    ),
  );
  assert.deepEqual(startsOf(fine.sessions), [0, 750]);
  assert.deepEqual(fine.warnings, []);
});

Deno.test("trace() reads the requests of a WEKA conversation, whose last tokens have no hash id", async () => {
  const { sessions, facts } = await readFile(
    "w.json",
    JSON.stringify({
      id: "c",
      models: ["m"],
      block_size: 64,
      requests: [
        { t: 0, type: "n", model: "m", in: 130, out: 5, hash_ids: [1, 2] },
        { t: 2.5, type: "n", model: "m", in: 200, out: 6, hash_ids: [1, 2, 3] },
        { t: 3, type: "subagent", requests: [] },
      ],
    }),
  );
  assert.equal(facts.format, "weka");
  assert.deepEqual(startsOf(sessions), [0, 2500, 3000]);
  const texts = textsOf(sessions.slice(0, 2));
  assert.deepEqual(texts.map(estimateTokens), [130, 200]);
  assert.ok(common(texts[0]!, texts[1]!) >= 509);
  assert.match(sessions[2]!.problem!, /"in": must have a value/);
});

Deno.test("trace() reads Parquet, dates, and columns that are named", async () => {
  const { sessions, facts } = await readFile(
    "a.parquet",
    parquetOf([
      {
        name: "TIMESTAMP",
        type: "STRING",
        data: ["2024-05-10 00:00:00.009930", "2024-05-10 00:00:01.5"],
      },
      { name: "ContextTokens", type: "INT64", data: [50n, 60n] },
      { name: "answer", type: "INT32", data: [7, 8] },
    ]),
    { columns: { outputTokens: "answer" } },
  );
  assert.equal(facts.format, "guidellm");
  assert.deepEqual(startsOf(sessions), [0, 1491]);
  assert.deepEqual(outputsOf(sessions), [7, 8]);
});

Deno.test("trace() continues a session with rows that have a delay in place of a time", async () => {
  const { sessions } = await readFile(
    "s.jsonl",
    lines(
      { session_id: "a", timestamp: 10, input_length: 20, output_length: 1 },
      { session_id: "b", timestamp: 5, input_length: 21, output_length: 2 },
      { session_id: "a", delay: 1500, input_length: 22, output_length: 3 },
      { session_id: "c", delay: 1500, input_length: 23, output_length: 4 },
      { session_id: "b", delay: "soon", input_length: 24, output_length: 5 },
    ),
    { timeUnit: "ms" },
  );
  const shown = sessions.map(({ id, turns, startMs, problem }) => ({
    id,
    startMs,
    turns: turns.map((
      { maxOutputTokens, thinkMs },
    ) => [maxOutputTokens, thinkMs]),
    problem,
  }));
  assert.deepEqual(shown, [
    {
      id: "s.jsonl:2",
      startMs: 0,
      turns: [],
      problem:
        '"delay": must be a time: a number from 0 on, or a date, but was "soon"',
    },
    {
      id: "s.jsonl:4",
      startMs: undefined,
      turns: [],
      problem: '"timestamp": must have a value, but was missing',
    },
    {
      id: "s.jsonl:1",
      startMs: 5,
      turns: [[1, undefined], [3, 1500]],
      problem: undefined,
    },
  ]);
});

Deno.test("trace() keeps the time of a row that cannot be used, and continues", async () => {
  const { sessions, facts } = await readFile(
    "p.jsonl",
    lines(
      { timestamp: 100, input_length: 600, output_length: 1, hash_ids: [1, 2] },
      {
        timestamp: 200,
        input_length: 600,
        output_length: 1,
        hash_ids: [1, 2, 3],
      },
      { timestamp: 300, input_length: 0, output_length: 1, hash_ids: [] },
      { timestamp: -1, input_length: 10, output_length: 1, hash_ids: [4] },
      { timestamp: "late", input_length: 10, output_length: 1, hash_ids: [4] },
      { timestamp: 400, input_length: 10, output_length: -2, hash_ids: [4] },
      { timestamp: 500, input_length: 10, output_length: 2, hash_ids: 4 },
      { timestamp: "600", input_length: 10, output_length: 2, hash_ids: ["4"] },
    ) + "\n{oops",
  );
  assert.deepEqual(
    sessions.map(({ startMs, problem }) => [startMs, problem?.slice(0, 40)]),
    [
      [0, undefined],
      [100, '"hash_ids": must have 2 ids for 600 toke'],
      [200, '"input_length": must be a whole number a'],
      [undefined, '"timestamp": must be a time: a number fr'],
      [undefined, '"timestamp": must be a time: a number fr'],
      [300, '"output_length": must be a whole number '],
      [400, '"hash_ids": must be a list of ids, but w'],
      [500, undefined],
      [undefined, "each line must be JSON in UTF-8: Expecte"],
    ],
  );
  assert.equal(facts.recordedMs, 500);
});

Deno.test("trace() refuses files that are not traces", async () => {
  await rejects("e.jsonl", "", /the file has no records/);
  await rejects("e.json", "[]", /the file has no records/);
  await rejects(
    "n.jsonl",
    lines({ input_length: 3 }),
    /must have a column "timestamp", or one that 'columns\.timestamp' names.*"input_length"/,
  );
  await rejects(
    "n.jsonl",
    lines({ timestamp: 3 }),
    /must have a column "input_length"/,
  );
  await rejects("p.txt", "hello", /must have a column "timestamp"/);
  await rejects("p.wav", "hello", /the name must end in/);
  await rejects(
    "c.jsonl",
    lines({ timestamp: 3, input_length: 2 }),
    /columns\.timestamp: .* has no column "when"; there are: "timestamp"/,
    { columns: { timestamp: "when" } },
  );
  await rejects(
    "t.jsonl",
    lines({ timestamp: "noon", input_length: 2 }),
    /t\.jsonl:1: "timestamp": must be a time/,
  );
  await rejects(
    "u.jsonl",
    lines(
      { timestamp: 0, input_length: 2 },
      { timestamp: 1_750_000_000, input_length: 2 },
    ),
    /must have one unit and span at most 366 days, but in s they span 20255/,
  );
});

Deno.test("trace() reads a trace of one row", async () => {
  const row = { timestamp: 12.5, input_length: 4, output_length: 1 };
  const { sessions, facts } = await readFile("o.jsonl", lines(row));
  assert.deepEqual(startsOf(sessions), [0]);
  assert.equal(facts.recordedMs, 0);
});

Deno.test("trace() reads the first rows with a limit, and other formats if they are named", async () => {
  const options = { limit: 2, format: "vllm", blockTokens: 512 } as const;
  const { sessions, facts } = await readFile(
    "m.jsonl",
    lines(...MOONCAKE),
    options,
  );
  assert.deepEqual(startsOf(sessions), [0, 3_053_000]);
  assert.equal(facts.format, "vllm");
  assert.equal(facts.blockTokens, 512);
});

Deno.test("trace() writes other prompts in each pass, for each seed, and the same again", async () => {
  await using dataset = await openDataset(trace({ path: held.at("m.jsonl") }));
  const first = textsOf(await read(dataset));
  assert.deepEqual(textsOf(await read(dataset)), first);
  const others = [
    textsOf(await read(dataset, { pass: 1 })),
    textsOf(await read(dataset, { seed: 2 })),
  ];
  for (const other of others) {
    assert.deepEqual(other.map(estimateTokens), first.map(estimateTokens));
    for (const [i, text] of other.entries()) {
      assert.ok(common(text, first[i]!) < 40, text.slice(0, 80));
    }
    assert.ok(common(other[0]!, other[1]!) >= 2 * 2047 - 1, "shared blocks");
  }
});

Deno.test("trace() counts with a tokenizer file if one is given", async () => {
  const content = smallTokenizer({ merges: mergesOf(["the", "people", "in"]) });
  await using folder = await tempFolder({
    "tokenizer.json": JSON.stringify(content),
    "v.jsonl": lines(...VLLM),
  });
  const tokenizer = await openTokenizer(folder.path);
  const sessions = await readAll(
    trace({ path: folder.at("v.jsonl"), tokenizer: folder.path }),
  );
  const texts = textsOf(sessions);
  assert.deepEqual(texts.map((text) => tokenizer.count(text)), [40, 33, 16]);
  assert.ok(common(texts[0]!, texts[1]!) > 30);
});

Deno.test("trace() writes prompts of the recorded lengths whose shared beginnings are the recorded ones", async () => {
  const rows = fc.array(
    fc.record({
      blocks: fc.array(fc.integer({ min: 0, max: 3 }), {
        minLength: 1,
        maxLength: 5,
      }),
      rest: fc.integer({ min: 1, max: 16 }),
    }),
    { minLength: 2, maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(rows, async (rows) => {
      const content = lines(...rows.map(({ blocks, rest }, i) => ({
        timestamp: i / 4,
        input_length: (blocks.length - 1) * 16 + rest,
        output_length: 1,
        hash_ids: blocks,
      })));
      const { sessions } = await readFile("t.jsonl", content, {
        format: "vllm",
      });
      const texts = textsOf(sessions);
      for (const [i, { blocks, rest }] of rows.entries()) {
        const tokens = (blocks.length - 1) * 16 + rest;
        assert.equal(estimateTokens(texts[i]!), tokens);
        for (const [j, other] of rows.entries()) {
          const whole = Math.min(blocks.length, other.blocks.length) - 1;
          let alike = 0;
          while (alike < whole && blocks[alike] === other.blocks[alike]) {
            alike++;
          }
          const shared = common(texts[i]!, texts[j]!);
          assert.ok(shared >= alike * 63 - 1, `${shared} of ${alike} blocks`);
          const next = [blocks[alike], other.blocks[alike]];
          if (next[0] !== next[1] && blocks.length > alike) {
            assert.ok(shared < alike * 64 + 40, `${shared} of ${alike} blocks`);
          }
        }
      }
    }),
    { numRuns: 20 },
  );
});
