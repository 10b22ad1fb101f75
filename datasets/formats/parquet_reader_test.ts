import assert from "node:assert/strict";
import { openParquet } from "./parquet.ts";
import {
  audioColumn,
  parquetOf,
  watched,
} from "../../tests/support/parquet.ts";
import { openRowsThread } from "./parquet_reader.ts";

const numbers = Array.from({ length: 50 }, (_, i) => i);
const whole = parquetOf([
  { name: "text", data: numbers.map((i) => `row ${i}`), type: "STRING" },
  { name: "n", data: numbers, type: "INT32" },
], { rowGroupSize: 20 });

/** A page whose header leads the library round and round. */
const endless = whole.slice();
endless[13]! ^= 16;

Deno.test("openRowsThread() reads what this thread would, in another", async () => {
  using reader = openRowsThread();
  const { column, schema } = audioColumn(
    "audio",
    numbers.map((i) => ({ bytes: new Uint8Array([i, i + 1]), path: `${i}` })),
  );
  const bytes = parquetOf([column], {
    schema: [{ name: "root", num_children: 1 }, ...schema],
    rowGroupSize: 7,
  });
  const read = async (options: Parameters<typeof openParquet>[2]) => {
    const file = await openParquet("it.parquet", watched(bytes), options);
    const blocks = file.blocks().map((block) => block.read());
    return (await Promise.all(blocks)).flat();
  };
  assert.deepEqual(await read({ reader }), await read({}));
});

Deno.test("openRowsThread() ends a job that never ends, and brings the others to theirs", async () => {
  using reader = openRowsThread({ stuckMs: 1000 });
  const [bad, good] = await Promise.all([
    openParquet("bad.parquet", watched(endless), { reader }),
    openParquet("good.parquet", watched(whole), { reader }),
  ]);
  const [first, ...others] = await Promise.allSettled([
    bad.blocks()[0]!.read(),
    ...good.blocks().map((block) => block.read()),
  ]);
  assert.equal(first?.status, "rejected");
  assert.match(
    String(first?.status === "rejected" && first.reason),
    /Cannot read rows 1 to 20 of bad\.parquet: its pages must be decoded within 1000 ms/,
  );
  assert.deepEqual(
    others.map((each) => each.status === "fulfilled" && each.value.length),
    [20, 20, 10],
  );
});

Deno.test("openRowsThread() tells what the source tells, and of damage, with the file's name", async () => {
  using reader = openRowsThread();
  const source = watched(whole);
  const file = await openParquet("it.parquet", source, { reader });
  source.read = () => Promise.reject(new Error("the line is dead"));
  await assert.rejects(file.blocks()[0]!.read(), {
    message: "Cannot read rows 1 to 20 of it.parquet: the line is dead",
  });
  const short = watched(whole);
  const cut = await openParquet("it.parquet", short, { reader });
  short.read = () => Promise.resolve(new Uint8Array(3));
  await assert.rejects(
    cut.blocks()[0]!.read(),
    /it must have bytes \d+ to \d+: current value is 3 bytes of them/,
  );
});

Deno.test("openRowsThread() reads in this thread where no worker is to be had", async () => {
  using reader = openRowsThread({
    workerUrl: new URL("data:application/javascript,throw 1"),
  });
  const file = await openParquet("it.parquet", watched(whole), { reader });
  assert.equal((await file.blocks()[0]!.read()).length, 20);
  assert.equal((await file.blocks()[1]!.read()).length, 20);
});

Deno.test("openRowsThread() lets go of what nobody waits for any more", async () => {
  using reader = openRowsThread();
  const source = watched(whole);
  const file = await openParquet("it.parquet", source, { reader });
  source.read = () => new Promise(() => {});
  const abort = new AbortController();
  const read = file.blocks()[0]!.read(abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(read, /enough/);
});
