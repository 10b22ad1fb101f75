import assert from "node:assert/strict";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { CompressionCodec } from "hyparquet";
import { UsageError } from "../../plugins/mod.ts";
import { openParquet } from "./parquet.ts";
import {
  audioColumn,
  parquetOf,
  watched,
} from "../../tests/support/parquet.ts";
import { tone } from "../../tests/support/datasets.ts";

const open = (bytes: Uint8Array) => openParquet("it.parquet", watched(bytes));

async function rowsOf(bytes: Uint8Array, columns?: string[]) {
  const blocks = (await open(bytes)).blocks(columns);
  return (await Promise.all(blocks.map((block) => block.read()))).flat();
}

Deno.test("openParquet() tells columns, records and notes of the footer alone", async () => {
  const bytes = watched(parquetOf([
    { name: "text", data: ["a", "b", "c"], type: "STRING" },
    { name: "n", data: [1, 2, 3], type: "INT32" },
  ], { kvMetadata: [{ key: "huggingface", value: "{}" }] }));
  const file = await openParquet("it.parquet", bytes);
  assert.deepEqual(file.columns, ["text", "n"]);
  assert.equal(file.count, 3);
  assert.equal(file.note("huggingface"), "{}");
  assert.equal(file.note("pandas"), undefined);
  assert.equal(bytes.reads.length, 1);
});

Deno.test("openParquet() gives values as JSON would, and bytes as bytes", async () => {
  const rows = await rowsOf(parquetOf([
    { name: "text", data: ["häuser", null, ""] },
    { name: "safe", data: [1n, 2n ** 53n - 1n, -7n] },
    { name: "large", data: [2n ** 53n, 2n ** 60n + 1n, null] },
    { name: "yes", data: [true, false, null] },
    { name: "real", data: [0.5, -1e300, null] },
    { name: "json", data: [{ a: [1] }, [], null] },
    {
      name: "at",
      data: [new Date(0), new Date(1.7e12), null],
    },
    {
      name: "uuid",
      data: ["00112233-4455-6677-8899-aabbccddeeff", null, null],
    },
    {
      name: "raw",
      data: [new Uint8Array([104, 105]), null, null],
    },
    { name: "day", data: [new Date(0), null, new Date(86_400_000)] },
    { name: "price", data: [12.34, -0.01, null] },
  ], {
    schema: [
      { name: "root", num_children: 11 },
      text("text"),
      leaf("safe", "INT64"),
      leaf("large", "INT64"),
      leaf("yes", "BOOLEAN"),
      leaf("real", "DOUBLE"),
      { ...leaf("json", "BYTE_ARRAY"), converted_type: "JSON" },
      { ...leaf("at", "INT64"), converted_type: "TIMESTAMP_MILLIS" },
      {
        ...leaf("uuid", "FIXED_LEN_BYTE_ARRAY"),
        type_length: 16,
        logical_type: { type: "UUID" },
      },
      leaf("raw", "BYTE_ARRAY"),
      { ...leaf("day", "INT32"), converted_type: "DATE" },
      {
        ...leaf("price", "FIXED_LEN_BYTE_ARRAY"),
        type_length: 8,
        converted_type: "DECIMAL",
        scale: 2,
        precision: 10,
      },
    ],
  }));
  assert.deepEqual(rows[0], {
    text: "häuser",
    safe: 1,
    large: "9007199254740992",
    yes: true,
    real: 0.5,
    json: { a: [1] },
    at: "1970-01-01T00:00:00.000Z",
    uuid: "00112233-4455-6677-8899-aabbccddeeff",
    raw: new Uint8Array([104, 105]),
    day: "1970-01-01T00:00:00.000Z",
    price: 12.34,
  });
  assert.deepEqual(
    rows.map(({ safe, large, price }) => [safe, large, price]),
    [[1, "9007199254740992", 12.34], [
      2 ** 53 - 1,
      "1152921504606846977",
      -0.01,
    ], [-7, null, null]],
  );
});

Deno.test("openParquet() reads what is nested: audio as Hugging Face has it, and lists of messages", async () => {
  const wav = tone(10);
  const { column, schema } = audioColumn("audio", [
    { bytes: wav, path: "a.wav" },
    null,
  ]);
  const messages = [
    [{ role: "user", content: "hi" }, { role: "assistant", content: "ho" }],
    [],
  ];
  const bytes = parquetOf([column, { name: "messages", data: messages }], {
    schema: [
      { name: "root", num_children: 2 },
      ...schema,
      {
        name: "messages",
        repetition_type: "OPTIONAL",
        converted_type: "LIST",
        num_children: 1,
      },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", repetition_type: "OPTIONAL", num_children: 2 },
      text("role"),
      text("content"),
    ],
  });
  assert.deepEqual(await rowsOf(bytes), [
    { audio: { bytes: wav, path: "a.wav" }, messages: messages[0] },
    { audio: null, messages: [] },
  ]);
  const head = await (await open(bytes)).head(1);
  assert.deepEqual(head, [{
    audio: { bytes: null, path: null },
    messages: messages[0],
  }], "the head has no media in it, only the shape");
});

const compress: Partial<
  Record<CompressionCodec, (bytes: Uint8Array) => Uint8Array>
> = {
  GZIP: gzipSync,
  ZSTD: zstdCompressSync,
  BROTLI: brotliCompressSync,
  LZ4_RAW: literalLz4,
};

for (
  const codec of [
    "UNCOMPRESSED",
    "SNAPPY",
    "GZIP",
    "ZSTD",
    "BROTLI",
    "LZ4_RAW",
  ] as const
) {
  Deno.test(`openParquet() reads ${codec}`, async () => {
    const data = Array.from({ length: 200 }, (_, i) => `row ${i % 7}`);
    const bytes = parquetOf([{ name: "text", data, type: "STRING" }], {
      codec,
      compressors: compress,
    });
    const rows = await rowsOf(bytes);
    assert.deepEqual(rows.map(({ text }) => text), data);
  });
}

Deno.test("openParquet() reads the columns that are asked for, and of a large row group some pages at a time", async () => {
  const rows = 40;
  const big = Array.from(
    { length: rows },
    (_, i) => new Uint8Array(2 ** 20).fill(i),
  );
  const bytes = watched(parquetOf([
    { name: "big", data: big, type: "BYTE_ARRAY" },
    {
      name: "text",
      data: big.map((_, i) => `t${i}`),
      type: "STRING",
    },
  ], { codec: "UNCOMPRESSED", rowGroupSize: rows }));
  const file = await openParquet("it.parquet", bytes);
  const narrow = file.blocks(["text"]);
  assert.equal(narrow.length, 1);
  bytes.reads.length = 0;
  assert.equal((await narrow[0]!.read()).length, rows);
  const read = () => bytes.reads.reduce((sum, [a, b]) => sum + b - a, 0);
  assert.ok(read() < 2 ** 12, `${read()} bytes were read`);

  const wide = file.blocks();
  assert.equal(wide.length, 3, "40 MiB in pieces of 16 MiB at most");
  assert.equal(wide.reduce((sum, block) => sum + block.rows, 0), rows);
  bytes.reads.length = 0;
  const last = await wide[2]!.read();
  assert.deepEqual(
    last.map(({ text }) => text),
    big.map((_, i) => `t${i}`).slice(-wide[2]!.rows),
  );
  assert.ok(
    last.every(({ big }, i) =>
      (big as Uint8Array)[0] === rows - last.length + i
    ),
  );
  assert.ok(read() < bytes.size / 2, `${read()} of ${bytes.size} bytes`);
});

Deno.test("openParquet() refuses what was cut short anywhere, and never reads it wrong", async () => {
  const whole = parquetOf([
    { name: "text", data: ["alpha", "beta", "gamma"], type: "STRING" },
  ], { rowGroupSize: 2 });
  for (let length = 0; length < whole.length; length++) {
    await assert.rejects(open(whole.subarray(0, length)), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, /^Cannot read it\.parquet as .*cut short/);
      return true;
    });
  }
});

Deno.test("openParquet() refuses files that are none, with the name", async () => {
  for (
    const [bytes, rule] of [
      [new TextEncoder().encode("version https://git-lfs"), /end with PAR1/],
      [new TextEncoder().encode("PAR1....PARE"), /must not be encrypted/],
      [
        new TextEncoder().encode("PAR1\0\0\0\0\0\0\0\0PAR1"),
        /must be a Parquet file's: current value is a damaged one/,
      ],
    ] as const
  ) await assert.rejects(open(bytes), rule);
});

function leaf(
  name: string,
  type:
    | "INT32"
    | "INT64"
    | "BOOLEAN"
    | "DOUBLE"
    | "BYTE_ARRAY"
    | "FIXED_LEN_BYTE_ARRAY",
) {
  return { name, type, repetition_type: "OPTIONAL" } as const;
}

function text(name: string) {
  return { ...leaf(name, "BYTE_ARRAY"), converted_type: "UTF8" } as const;
}

/** LZ4 with nothing but literals, which is LZ4 too. */
function literalLz4(bytes: Uint8Array): Uint8Array {
  const head = bytes.length < 15 ? [bytes.length << 4] : [0xf0];
  if (bytes.length >= 15) {
    let rest = bytes.length - 15;
    for (; rest >= 255; rest -= 255) head.push(255);
    head.push(rest);
  }
  return new Uint8Array([...head, ...bytes]);
}
