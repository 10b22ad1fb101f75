import assert from "node:assert/strict";
import { UsageError } from "../../plugins/mod.ts";
import { openParquet } from "./parquet.ts";
import { openParquetManifest, parquetManifest } from "./parquet_manifest.ts";
import { parquetOf, watched } from "../../tests/support/parquet.ts";
import { tempFolder } from "../../tests/support/datasets.ts";

const file = (from: number, rows: number, name = "text") =>
  parquetOf([{
    name,
    data: Array.from({ length: rows }, (_, i) => `t${from + i} `.repeat(500)),
    type: "STRING",
  }], { rowGroupSize: 3, codec: "UNCOMPRESSED" });

const open = (bytes: Uint8Array, name = "it.parquet") =>
  openParquet(name, watched(bytes));

Deno.test("openParquetManifest() reads a file's records, each with its number", async () => {
  await using folder = await tempFolder({ "a.parquet": file(0, 5) });
  await using manifest = await openParquetManifest(folder.at("a.parquet"));
  assert.deepEqual(manifest.columns, ["text"]);
  assert.equal(manifest.count, 5);
  assert.match(String(manifest.head[0]?.["text"]), /^t0 /);
  const met = await Array.fromAsync(
    manifest.rows({ shuffle: false, seed: 1, pass: 0, limit: 4 }),
  );
  assert.deepEqual(met.map(({ line }) => line), [1, 2, 3, 4]);
});

Deno.test("openParquetManifest() refuses what was cut short, and names it", async () => {
  const bytes = file(0, 5);
  await using folder = await tempFolder({
    "cut.parquet": bytes.subarray(0, bytes.length / 2),
  });
  await assert.rejects(
    openParquetManifest(folder.at("cut.parquet")),
    (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /cut\.parquet as .*was it cut short\?/);
      return true;
    },
  );
  await assert.rejects(
    openParquetManifest(folder.at("none.parquet")),
    /none\.parquet, which does not exist/,
  );
});

Deno.test("openParquetManifest() refuses what is damaged where it begins, and names it", async () => {
  const bytes = file(0, 5);
  bytes.fill(0xff, 4, 40);
  await using folder = await tempFolder({ "bad.parquet": bytes });
  await assert.rejects(openParquetManifest(folder.at("bad.parquet")), {
    name: "UsageError",
    message: `Cannot read rows 1 to 3 of ${
      folder.at("bad.parquet")
    }: its pages must be whole and of a known kind: current value is damaged ones`,
  });
});

Deno.test("parquetManifest() reads several files as one, and makes a problem of each record of a part that cannot be read", async () => {
  const bad = watched(file(5, 6));
  const last = await openParquet("bad.parquet", bad);
  const manifest = await parquetManifest([await open(file(0, 5)), last]);
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

Deno.test("parquetManifest() is never more than a row group ahead of who reads in order", async () => {
  const bytes = watched(file(0, 30));
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
    parquetManifest([await open(file(0, 0))]),
    /it\.parquet as it must have a record: current value has none/,
  );
  await assert.rejects(
    parquetManifest([
      await open(file(0, 1)),
      await open(file(0, 1, "other"), "b.parquet"),
    ]),
    /b\.parquet as it must have the columns of it\.parquet: current value has no "text"/,
  );
});
