import assert from "node:assert/strict";
import { openParquet } from "./parquet.ts";
import {
  audioColumn,
  parquetOf,
  watched,
} from "../../tests/support/parquet.ts";
import { openRowsThread, type RowsReader } from "./parquet_decode.ts";

const numbers = Array.from({ length: 50 }, (_, i) => i);
const whole = parquetOf([
  { name: "text", data: numbers.map((i) => `row ${i}`), type: "STRING" },
  { name: "n", data: numbers, type: "INT32" },
], { rowGroupSize: 20 });

/** A file with a page header that makes the decoder loop endlessly. */
const endless = whole.slice();
endless[13]! ^= 16;

Deno.test("openRowsThread() decodes as this thread does", async () => {
  using reader = openRowsThread();
  const { column, schema } = audioColumn(
    "audio",
    numbers.map((i) => ({ bytes: new Uint8Array([i, i + 1]), path: `${i}` })),
  );
  const bytes = parquetOf([column], {
    schema: [{ name: "root", num_children: 1 }, ...schema],
    rowGroupSize: 7,
  });
  const read = async (reader?: RowsReader) => {
    const file = await openParquet("it.parquet", watched(bytes), reader);
    const groups = file.groups().map((group) => group.read());
    return (await Promise.all(groups)).flat();
  };
  assert.deepEqual(await read(reader), await read());
});

Deno.test("openRowsThread() ends a job that never ends, and completes the others", async () => {
  using reader = openRowsThread({ stuckMs: 1000 });
  const [bad, good] = await Promise.all([
    openParquet("bad.parquet", watched(endless), reader),
    openParquet("good.parquet", watched(whole), reader),
  ]);
  const [first, ...others] = await Promise.allSettled([
    bad.groups()[0]!.read(),
    ...good.groups().map((group) => group.read()),
  ]);
  assert.equal(first?.status, "rejected");
  assert.match(
    String(first?.status === "rejected" && first.reason),
    /cannot read rows 1 to 20 of bad\.parquet: its pages must be decoded within 1000 ms/,
  );
  assert.deepEqual(
    others.map((each) => each.status === "fulfilled" && each.value.length),
    [20, 20, 10],
  );
});

Deno.test("openRowsThread() reports why bytes cannot be read, with the file's name", async () => {
  using reader = openRowsThread();
  const source = watched(whole);
  const file = await openParquet("it.parquet", source, reader);
  source.read = () => Promise.reject(new Error("the line is dead"));
  await assert.rejects(file.groups()[0]!.read(), {
    message: "cannot read rows 1 to 20 of it.parquet: the line is dead",
  });
  const short = watched(whole);
  const cut = await openParquet("it.parquet", short, reader);
  short.read = () => Promise.resolve(new Uint8Array(3));
  await assert.rejects(
    cut.groups()[0]!.read(),
    /bytes \d+ to \d+ must be read completely, but 3 were/,
  );
});

Deno.test("openRowsThread() decodes in this thread if no worker can be started", async () => {
  using reader = openRowsThread({
    workerUrl: new URL("data:application/javascript,throw 1"),
  });
  const file = await openParquet("it.parquet", watched(whole), reader);
  assert.equal((await file.groups()[0]!.read()).length, 20);
  assert.equal((await file.groups()[1]!.read()).length, 20);
});

Deno.test("openRowsThread() rejects a read that is aborted", async () => {
  using reader = openRowsThread();
  const source = watched(whole);
  const file = await openParquet("it.parquet", source, reader);
  source.read = () => new Promise(() => {});
  const abort = new AbortController();
  const read = file.groups()[0]!.read(abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(read, /enough/);
});
