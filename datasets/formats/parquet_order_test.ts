import assert from "node:assert/strict";
import fc from "fast-check";
import { type BlockSize, windowsOf } from "./parquet_order.ts";
import type { OrderOptions } from "../order.ts";

const blocks = fc.array(
  fc.record({ rows: fc.nat(9), bytes: fc.nat(50) }),
  { maxLength: 12 },
);

/** The records of an order as `block/row`. */
function read(
  sizes: readonly BlockSize[],
  order: OrderOptions,
  windowBytes = 100,
): string[] {
  return windowsOf(sizes, order, windowBytes).flatMap((window) =>
    [...window.records()].map(({ block, row }) =>
      `${window.blocks[block]}/${row}`
    )
  );
}

const all = (sizes: readonly BlockSize[]) =>
  sizes.flatMap(({ rows }, block) =>
    Array.from({ length: rows }, (_, row) => `${block}/${row}`)
  );

Deno.test("windowsOf() reads each record once, in turn or shuffled, and the first of them where there is a limit", () => {
  fc.assert(fc.property(
    blocks,
    fc.boolean(),
    fc.nat(),
    fc.nat(2),
    fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
    (sizes, shuffle, seed, pass, limit) => {
      const order = { shuffle, seed, pass, limit };
      const got = read(sizes, order);
      const wanted = all(sizes);
      assert.equal(got.length, Math.min(wanted.length, limit ?? Infinity));
      assert.equal(new Set(got).size, got.length);
      if (!shuffle) assert.deepEqual(got, wanted.slice(0, limit));
      assert.deepEqual(read(sizes, order), got, "the same twice");
      const first = read(sizes, { ...order, pass: 0 });
      assert.deepEqual(
        got.toSorted(),
        first.toSorted(),
        "every pass keeps the same",
      );
    },
  ));
});

Deno.test("windowsOf() never holds more than a window, unless a block alone is more", () => {
  fc.assert(fc.property(blocks, fc.nat(), (sizes, seed) => {
    const order = { shuffle: true, seed, pass: 0 };
    for (const { blocks } of windowsOf(sizes, order, 100)) {
      const bytes = blocks.reduce((sum, i) => sum + sizes[i]!.bytes, 0);
      assert.ok(bytes <= 100 || blocks.length === 1);
    }
  }));
});

Deno.test("windowsOf() mixes the records of different blocks, and gives each pass and seed an order of its own", () => {
  const sizes = Array.from({ length: 8 }, () => ({ rows: 20, bytes: 25 }));
  const order = { shuffle: true, seed: 1, pass: 0 };
  const got = read(sizes, order);
  const changes = got.filter((each, i) =>
    i > 0 && each.split("/")[0] !== got[i - 1]!.split("/")[0]
  );
  assert.ok(changes.length > 60, `${changes.length} changes of block`);
  assert.notDeepEqual(got, read(sizes, { ...order, pass: 1 }));
  assert.notDeepEqual(got, read(sizes, { ...order, seed: 2 }));
  const rows = windowsOf(sizes, order, 100).map((window) =>
    [...window.records()].map(({ row }) => row).join()
  );
  assert.equal(new Set(rows).size, 2, "no two windows are mixed alike");
});
