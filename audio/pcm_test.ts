import assert from "node:assert/strict";
import fc from "fast-check";
import { chunksOf, downmix, toPcm16 } from "./pcm.ts";

Deno.test("chunksOf() divides 5000 samples into two chunks at 3200", () => {
  const pcm = Int16Array.from({ length: 5000 }, (_, i) => i);
  const chunks = chunksOf(pcm, 3200);
  assert.deepEqual(chunks.map((chunk) => chunk.length), [3200, 1800]);
  assert.equal(chunks[1]![0], 3200);
});

Deno.test("chunksOf() keeps all samples and fills all chunks except the last", () => {
  fc.assert(fc.property(
    fc.int16Array({ minLength: 1, maxLength: 500 }),
    fc.integer({ min: 1, max: 600 }),
    (samples, size) => {
      const chunks = chunksOf(Int16Array.from(samples), size);
      assert.deepEqual(chunks.flatMap((chunk) => [...chunk]), [...samples]);
      assert.ok(chunks.slice(0, -1).every((chunk) => chunk.length === size));
    },
  ));
});

Deno.test("chunksOf() refuses an empty array and empty chunks", () => {
  assert.throws(
    () => chunksOf(new Int16Array(0), 3200),
    /^RangeError: audio must have a sample, but has 0$/,
  );
  for (const size of [0, -1, 1.5, NaN]) {
    assert.throws(() => chunksOf(new Int16Array(10), size), RangeError);
  }
});

Deno.test("downmix() returns the mean of the channels", () => {
  const left = Float32Array.of(1, 0.5, -0.25);
  const right = Float32Array.of(0, 0.5, 0.75);
  assert.deepEqual(downmix([left, right]), Float32Array.of(0.5, 0.5, 0.25));
  assert.equal(downmix([left]), left);
});

Deno.test("downmix() refuses no channels and channels of different lengths", () => {
  assert.throws(() => downmix([]), RangeError);
  assert.throws(
    () => downmix([new Float32Array(3), new Float32Array(2)]),
    /^RangeError: all channels must have 3 samples, but one has 2$/,
  );
});

Deno.test("toPcm16() rounds, and clamps at full scale", () => {
  const samples = Float32Array.of(
    -2,
    -1,
    -0.5,
    0,
    0.4 / 32768,
    0.6 / 32768,
    1,
    9,
  );
  assert.deepEqual(
    [...toPcm16(samples)],
    [-32768, -32768, -16384, 0, 0, 1, 32767, 32767],
  );
});

Deno.test("toPcm16() keeps every 16-bit value", () => {
  const all = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);
  assert.deepEqual(toPcm16(Float32Array.from(all, (x) => x / 32_768)), all);
});
