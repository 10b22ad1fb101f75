import assert from "node:assert/strict";
import fc from "fast-check";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { type CompressionCodec, parquetMetadata } from "hyparquet";
import { UsageError } from "../../plugins/mod.ts";
import {
  openParquet,
  openParquetManifest,
  parquetManifest,
  readingOrder,
} from "./parquet.ts";
import type { OrderOptions } from "../order.ts";
import {
  audioColumn,
  parquetOf,
  watched,
} from "../../tests/support/parquet.ts";
import { tempFolder, tone } from "../../tests/support/datasets.ts";

const open = (bytes: Uint8Array) => openParquet("it.parquet", watched(bytes));

async function rowsOf(bytes: Uint8Array, columns?: string[]) {
  const groups = (await open(bytes)).groups(columns);
  return (await Promise.all(groups.map((group) => group.read()))).flat();
}

Deno.test("openParquet() reads columns, count and notes from the footer", async () => {
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

Deno.test("openParquet() gives values as in JSON, and bytes as bytes", async () => {
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

Deno.test("openParquet() reads nested columns: audio of Hugging Face, and lists of messages", async () => {
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

Deno.test("openParquet() reads only the needed columns, and adjacent ones at once", async () => {
  const rows = 40;
  const column = (name: string, type: "BYTE_ARRAY" | "STRING") => ({
    name,
    data: Array.from(
      { length: rows },
      (_, i) =>
        type === "STRING" ? `${name}${i}` : new Uint8Array(2 ** 12).fill(i),
    ),
    type,
  });
  const bytes = watched(parquetOf([
    column("a", "STRING"),
    column("b", "STRING"),
    column("big", "BYTE_ARRAY"),
    column("c", "STRING"),
  ], { codec: "UNCOMPRESSED", rowGroupSize: rows }));
  const file = await openParquet("it.parquet", bytes);
  bytes.reads.length = 0;
  const [group] = file.groups(["a", "b", "c"]);
  const read = await group!.read();
  assert.deepEqual(read[7], { a: "a7", b: "b7", c: "c7" });
  assert.equal(read.length, rows);
  const size = bytes.reads.reduce((sum, [a, b]) => sum + b - a, 0);
  assert.ok(size < 2 ** 12, `${size} bytes were read`);
  assert.equal(bytes.reads.length, 2);
});

Deno.test("openParquet() refuses to read outside of the file", async () => {
  const bytes = parquetOf([{ name: "text", data: ["a"], type: "STRING" }]);
  const metadata = parquetMetadata(bytes);
  const meta = metadata.row_groups[0]!.columns[0]!.meta_data!;
  const source = watched(bytes);
  const file = await openParquet("it.parquet", source);
  const [group] = file.groups();
  assert.equal((await group!.read()).length, 1);
  Object.assign(source, { size: Number(meta.data_page_offset) });
  await assert.rejects(
    group!.read(),
    /cannot read rows 1 to 1 of it\.parquet: bytes 4 to \d+ must be in the file, which has \d+/,
  );
});

Deno.test("openParquet() refuses a file that was cut short anywhere", async () => {
  const whole = parquetOf([
    { name: "text", data: ["alpha", "beta", "gamma"], type: "STRING" },
  ], { rowGroupSize: 2 });
  for (let length = 0; length < whole.length; length++) {
    await assert.rejects(open(whole.subarray(0, length)), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, /^it\.parquet: .*cut short/);
      return true;
    });
  }
});

Deno.test("openParquet() refuses files that are not Parquet", async () => {
  for (
    const text of [
      "version https://git-lfs",
      "PAR1....PARE",
      "PAR1\0\0\0\0\0\0\0\0PAR1",
    ]
  ) {
    await assert.rejects(open(new TextEncoder().encode(text)), {
      name: "UsageError",
      message:
        "it.parquet: the file must be complete, unencrypted Parquet; was it cut short?",
    });
  }
});

const fileOf = (from: number, rows: number, name = "text") =>
  parquetOf([{
    name,
    data: Array.from({ length: rows }, (_, i) => `t${from + i} `.repeat(500)),
    type: "STRING",
  }], { rowGroupSize: 3, codec: "UNCOMPRESSED" });

Deno.test("openParquetManifest() reads a file's records, each with its number", async () => {
  await using folder = await tempFolder({ "a.parquet": fileOf(0, 5) });
  await using manifest = await openParquetManifest(folder.at("a.parquet"));
  assert.deepEqual(manifest.columns, ["text"]);
  assert.equal(manifest.count, 5);
  assert.match(String(manifest.head[0]?.["text"]), /^t0 /);
  const met = await Array.fromAsync(
    manifest.rows({ shuffle: false, seed: 1, pass: 0, limit: 4 }),
  );
  assert.deepEqual(met.map(({ line }) => line), [1, 2, 3, 4]);
});

Deno.test("openParquetManifest() refuses a file that was cut short, and names it", async () => {
  const bytes = fileOf(0, 5);
  await using folder = await tempFolder({
    "cut.parquet": bytes.subarray(0, bytes.length / 2),
  });
  await assert.rejects(
    openParquetManifest(folder.at("cut.parquet")),
    (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /cut\.parquet: .*was it cut short\?/);
      return true;
    },
  );
  await assert.rejects(
    openParquetManifest(folder.at("none.parquet")),
    /cannot read .*none\.parquet: no such file or directory/,
  );
});

Deno.test("openParquetManifest() refuses a file whose first records are damaged, and names it", async () => {
  const bytes = fileOf(0, 5);
  bytes.fill(0xff, 4, 40);
  await using folder = await tempFolder({ "bad.parquet": bytes });
  await assert.rejects(openParquetManifest(folder.at("bad.parquet")), {
    name: "UsageError",
    message: `cannot read rows 1 to 3 of ${
      folder.at("bad.parquet")
    }: its pages are damaged`,
  });
});

Deno.test("parquetManifest() reads several files as one, and reports each record of a row group that cannot be read", async () => {
  const bad = watched(fileOf(5, 6));
  const last = await openParquet("bad.parquet", bad);
  const manifest = await parquetManifest([await open(fileOf(0, 5)), last]);
  assert.equal(manifest.count, 11);
  const read = bad.read;
  // The first row group of the second file.
  bad.read = (start, end) =>
    start === 4
      ? Promise.reject(new Error("the line is dead"))
      : read(start, end);
  const met = await Array.fromAsync(
    manifest.rows({ shuffle: false, seed: 1, pass: 0 }),
  );
  assert.deepEqual(
    met.map((each) => [each.line, "problem" in each]),
    Array.from({ length: 11 }, (_, i) => [i + 1, i >= 5 && i < 8]),
  );
  assert.match(
    String("problem" in met[5]! && met[5].problem),
    /rows 1 to 3 of bad\.parquet: the line is dead/,
  );
});

Deno.test("parquetManifest() reads at most one row group ahead", async () => {
  const bytes = watched(fileOf(0, 30));
  const manifest = await parquetManifest([
    await openParquet("it.parquet", bytes),
  ]);
  bytes.reads.length = 0;
  const rows = manifest.rows({ shuffle: false, seed: 1, pass: 0 })
    [Symbol.asyncIterator]();
  await rows.next();
  assert.equal(bytes.reads.length, 2, "the row group, and the next");
  await rows.return?.();
});

Deno.test("parquetManifest() refuses files without records, and files that differ", async () => {
  await assert.rejects(
    parquetManifest([await open(fileOf(0, 0))]),
    /^UsageError: it\.parquet: the file has no records$/,
  );
  await assert.rejects(
    parquetManifest([
      await open(fileOf(0, 1)),
      await openParquet("b.parquet", watched(fileOf(0, 1, "other"))),
    ]),
    /b\.parquet: the file must have the columns of it\.parquet, but has no "text"/,
  );
});

const sizes = fc.array(fc.nat(9), { maxLength: 12 });

/** The records of an order as `group/record`. */
function placesIn(rows: readonly number[], order: OrderOptions): string[] {
  return readingOrder(rows, order).flatMap(({ group, records }) =>
    records().map((record) => `${group}/${record}`)
  );
}

Deno.test("readingOrder() gives each record once, and the first of them if there is a limit", () => {
  fc.assert(fc.property(
    sizes,
    fc.boolean(),
    fc.nat(),
    fc.nat(2),
    fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
    (rows, shuffle, seed, pass, limit) => {
      const order = { shuffle, seed, pass, limit };
      const got = placesIn(rows, order);
      const all = rows.flatMap((count, group) =>
        Array.from({ length: count }, (_, i) => `${group}/${i}`)
      );
      assert.equal(got.length, Math.min(all.length, limit ?? Infinity));
      assert.equal(new Set(got).size, got.length);
      if (!shuffle) assert.deepEqual(got, all.slice(0, limit));
      assert.deepEqual(placesIn(rows, order), got, "the same twice");
      const first = placesIn(rows, { ...order, pass: 0 });
      assert.deepEqual(
        got.toSorted(),
        first.toSorted(),
        "every pass keeps the same records",
      );
    },
  ));
});

Deno.test("readingOrder() shuffles groups and the records within each, by pass and seed", () => {
  const rows = Array.from({ length: 8 }, () => 20);
  const order = { shuffle: true, seed: 1, pass: 0 };
  const got = placesIn(rows, order);
  const groups = readingOrder(rows, order);
  assert.notDeepEqual(groups.map(({ group }) => group), [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
  ]);
  for (const other of [{ pass: 1 }, { seed: 2 }]) {
    const next = readingOrder(rows, { ...order, ...other });
    assert.notDeepEqual(
      next.map(({ group }) => group),
      groups.map(({ group }) => group),
    );
    assert.notDeepEqual(placesIn(rows, { ...order, ...other }), got);
  }
  const mixed = groups.map(({ records }) => records().join());
  assert.equal(new Set(mixed).size, 8, "no two groups are shuffled alike");
  assert.deepEqual(
    groups.map(({ group, first }) => first === group * 20),
    Array(8).fill(true),
  );
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
