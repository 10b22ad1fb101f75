import assert from "node:assert/strict";
import fc from "fast-check";
import type { Audio } from "../../plugins/mod.ts";
import { vllm } from "./dialects/vllm.ts";
import { frameCache, framesOf } from "./frames.ts";

const { signal } = new AbortController();

function audioOf(samples: Int16Array, id = "a"): Audio & { decoded: number } {
  return {
    id,
    decoded: 0,
    durationMs: samples.length / 16,
    file: () => Promise.reject(new Error("not asked for")),
    pcm16(rate) {
      assert.equal(rate, 16_000);
      this.decoded++;
      return Promise.resolve(samples);
    },
  };
}

const bytesIn = (message: string) =>
  Uint8Array.fromBase64(JSON.parse(message).audio);

Deno.test("framesOf() cuts audio so that its pieces make the whole, byte for byte", async () => {
  await fc.assert(fc.asyncProperty(
    fc.int16Array({ minLength: 1, maxLength: 3000 }),
    fc.double({ min: 10, max: 60, noNaN: true }),
    async (samples, chunkMs) => {
      const frames = await framesOf(audioOf(samples), {
        dialect: vllm,
        chunkMs,
        signal,
      });
      const bytes = frames.messages.flatMap((message) => [...bytesIn(message)]);
      assert.deepEqual(new Int16Array(new Uint8Array(bytes).buffer), samples);
      assert.equal(frames.messages.length, frames.endsMs.length);
      assert.equal(frames.endsMs.at(-1), samples.length / 16);
      assert.equal(frames.durationMs, samples.length / 16);
      const step = Math.round(chunkMs * 16);
      assert.equal(frames.messages.length, Math.ceil(samples.length / step));
      frames.endsMs.slice(0, -1).forEach((endMs, i) =>
        assert.equal(endMs, (i + 1) * step / 16)
      );
    },
  ));
});

Deno.test("framesOf() writes little-endian samples", async () => {
  const frames = await framesOf(audioOf(Int16Array.of(1, -2)), {
    dialect: vllm,
    chunkMs: 100,
    signal,
  });
  assert.deepEqual([...bytesIn(frames.messages[0]!)], [1, 0, 254, 255]);
});

Deno.test("framesOf() takes a part of a larger buffer for what it is", async () => {
  const part = Int16Array.of(9, 1, 2, 9).subarray(1, 3);
  const frames = await framesOf(audioOf(part), {
    dialect: vllm,
    chunkMs: 100,
    signal,
  });
  assert.deepEqual([...bytesIn(frames.messages[0]!)], [1, 0, 2, 0]);
});

Deno.test("framesOf() refuses audio without a sample", async () => {
  await assert.rejects(
    framesOf(audioOf(new Int16Array()), {
      dialect: vllm,
      chunkMs: 100,
      signal,
    }),
    { message: "Cannot stream a as it must have a sample: current value is 0" },
  );
});

Deno.test("framesOf() stops in a long file when nobody wants it any more", async () => {
  const abort = new AbortController();
  const made = framesOf(audioOf(new Int16Array(16_000 * 60)), {
    dialect: vllm,
    chunkMs: 100,
    signal: abort.signal,
  });
  abort.abort(new Error("enough"));
  await assert.rejects(made, { message: "enough" });
});

Deno.test("frameCache() makes the frames of an audio once, however many ask at once", async () => {
  const cache = frameCache({
    dialect: vllm,
    chunkMs: 100,
    signal,
    maxBytes: 1e6,
  });
  const audio = audioOf(new Int16Array(1600));
  const all = await Promise.all([cache.get(audio), cache.get(audio)]);
  all.push(await cache.get(audio));
  assert.equal(new Set(all).size, 1);
  assert.equal(audio.decoded, 1);
});

Deno.test("frameCache() lets go what was unused for longest, and never the latest", async () => {
  const [a, b, c] = ["a", "b", "c"].map((id) =>
    audioOf(new Int16Array(1600), id)
  );
  const { bytes } = await framesOf(a!, { dialect: vllm, chunkMs: 100, signal });
  const cache = frameCache({
    dialect: vllm,
    chunkMs: 100,
    signal,
    maxBytes: 2 * bytes,
  });
  for (const audio of [a!, b!, a!, c!, a!, b!]) await cache.get(audio);
  assert.deepEqual([a!.decoded, b!.decoded, c!.decoded], [2, 2, 1]);
  const small = frameCache({
    dialect: vllm,
    chunkMs: 100,
    signal,
    maxBytes: 1,
  });
  await small.get(c!);
  await small.get(c!);
  assert.equal(c!.decoded, 2);
});

Deno.test("frameCache() tries again after a failure", async () => {
  let isBroken = true;
  const audio: Audio = {
    ...audioOf(new Int16Array(1)),
    pcm16: () =>
      isBroken
        ? Promise.reject(new Error("no"))
        : Promise.resolve(new Int16Array(1)),
  };
  const cache = frameCache({
    dialect: vllm,
    chunkMs: 100,
    signal,
    maxBytes: 1,
  });
  await assert.rejects(cache.get(audio), { message: "no" });
  isBroken = false;
  assert.equal((await cache.get(audio)).messages.length, 1);
});
