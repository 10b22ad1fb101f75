import assert from "node:assert/strict";
import { random } from "../../plugins/mod.ts";
import { SPEECH_NOISE_HZ, speechNoise } from "./audio.ts";

const noise = (durationMs: number, seed = 1) =>
  speechNoise(durationMs, random(seed, "test"));

/** Mean power of windows of `size` samples around a frequency, by Goertzel's filter. */
function powerAt(samples: Float32Array, hz: number, size = 512): number {
  const factor = 2 * Math.cos(2 * Math.PI * hz / SPEECH_NOISE_HZ);
  let power = 0;
  let windows = 0;
  for (let from = 0; from + size <= samples.length; from += size) {
    let [one, two] = [0, 0];
    for (let i = 0; i < size; i++) {
      const hann = Math.sin(Math.PI * i / size) ** 2;
      [one, two] = [samples[from + i]! * hann + factor * one - two, one];
    }
    power += one * one + two * two - factor * one * two;
    windows++;
  }
  return power / windows;
}

const decibels = (ratio: number) => 10 * Math.log10(ratio);

Deno.test("speechNoise() has the given length, and depends on the random stream only", async () => {
  const one = await noise(1234.5);
  assert.equal(one.length, 19_752);
  assert.deepEqual(await noise(1234.5), one);
  assert.notDeepEqual(await noise(1234.5, 2), one);
  assert.equal((await noise(1)).length, 16);
});

Deno.test("speechNoise() begins the same whatever its length", async () => {
  const long = await noise(9000); // of several slices of work
  assert.deepEqual((await noise(500)).slice(), long.slice(0, 8000));
});

Deno.test("speechNoise() has the long-term spectrum of a voice: flat up to 500 Hz, then falling by about 9 dB an octave", async () => {
  const samples = await noise(60_000);
  const level = (hz: number) =>
    decibels(powerAt(samples, hz) / powerAt(samples, 500));
  assert.ok(Math.abs(level(250)) < 5, `${level(250)}`);
  const octaves = Math.log2(4000 / 500);
  const slope = level(4000) / octaves;
  assert.ok(slope < -6 && slope > -12, `${slope} dB an octave`);
  assert.ok(level(31.25) < level(125) - 3, `${level(31.25)} dB at the bottom`);
});

Deno.test("speechNoise() has syllables and pauses, is loud enough and never clips", async () => {
  const samples = await noise(60_000);
  const frame = SPEECH_NOISE_HZ / 50;
  const levels = Array.from({ length: samples.length / frame }, (_, i) => {
    const part = samples.subarray(i * frame, (i + 1) * frame);
    return Math.sqrt(part.reduce((sum, x) => sum + x * x, 0) / frame);
  });
  const sorted = levels.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * sorted.length)]!;
  assert.ok(at(0.05) < 0.001, "pauses are silent");
  const loudDb = 2 * decibels(at(0.9));
  assert.ok(loudDb > -28 && loudDb < -14, `${loudDb} dB of full scale`);
  assert.ok(samples.every((x) => Math.abs(x) < 1), "nothing is clipped");
  // Syllables: how often the level, smoothed, comes up through its median.
  const smooth = levels.map((_, i) =>
    (levels[i - 1]! + levels[i]! + levels[i + 1]!) / 3
  );
  const rises = smooth.filter((x, i) =>
    x > at(0.5) && smooth[i - 1]! <= at(0.5)
  );
  const perSecond = rises.length / 60;
  assert.ok(perSecond > 2.5 && perSecond < 6, `${perSecond} a second`);
});
