import assert from "node:assert/strict";
import fc from "fast-check";
import { resample, Resampler } from "./resample.ts";
import { rms, sine, snrDb } from "../tests/support/signals.ts";

const PAIRS = [
  [48_000, 16_000],
  [44_100, 16_000],
  [16_000, 24_000],
  [8_000, 16_000],
  [22_050, 16_000],
  [44_100, 16_001],
] as const;

/** Samples at both ends that differ because of the silence around them. */
const EDGE_SECONDS = 0.05;

/** Gain at a frequency, in dB. Whole periods in whole tenths of a second keep the measure exact. */
function gainDb(frequencyHz: number, fromHz: number, toHz: number): number {
  const roundHz = Math.round(frequencyHz / 10) * 10;
  const output = resample(sine(roundHz, fromHz, fromHz / 2), fromHz, toHz);
  const level = rms(output, Math.round(toHz * EDGE_SECONDS));
  return 20 * Math.log10(level / (0.5 / Math.SQRT2));
}

for (const [fromHz, toHz] of PAIRS) {
  const nyquistHz = Math.min(fromHz, toHz) / 2;

  Deno.test(`resample() from ${fromHz} to ${toHz} Hz keeps the pass band within 0.001 dB`, () => {
    for (const ratio of [0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.849]) {
      const gain = gainDb(nyquistHz * ratio, fromHz, toHz);
      assert.ok(Math.abs(gain) < 0.001, `${gain} dB at ${ratio} of Nyquist`);
    }
  });

  Deno.test(`resample() from ${fromHz} to ${toHz} Hz keeps time: no delay, SNR above 90 dB`, () => {
    const frequencyHz = nyquistHz * 0.6;
    const output = resample(sine(frequencyHz, fromHz, fromHz), fromHz, toHz);
    const ideal = sine(frequencyHz, toHz, toHz);
    const skip = Math.round(toHz * EDGE_SECONDS);
    const snr = snrDb(ideal, output, { skip });
    assert.ok(snr > 90, `${snr} dB`);
  });

  Deno.test(`resample() from ${fromHz} to ${toHz} Hz keeps a constant`, () => {
    const output = resample(
      new Float32Array(fromHz / 2).fill(0.5),
      fromHz,
      toHz,
    );
    const skip = Math.round(toHz * EDGE_SECONDS);
    for (const sample of output.subarray(skip, output.length - skip)) {
      assert.ok(Math.abs(sample - 0.5) < 1e-6, `${sample}`);
    }
  });
}

for (const [fromHz, toHz] of PAIRS.filter(([from, to]) => from > to)) {
  Deno.test(`resample() from ${fromHz} to ${toHz} Hz rejects aliases by 100 dB`, () => {
    for (
      const ratio of [
        1,
        1.05,
        1.2,
        0.5 + fromHz / toHz / 2,
        0.999 * fromHz / toHz,
      ]
    ) {
      const gain = gainDb(toHz / 2 * ratio, fromHz, toHz);
      assert.ok(gain < -100, `${gain} dB at ${ratio} of Nyquist`);
    }
  });
}

for (const [fromHz, toHz] of [[8_000, 16_000], [16_000, 24_000]] as const) {
  Deno.test(`resample() from ${fromHz} to ${toHz} Hz adds no image above 100 dB down`, () => {
    const frequencyHz = fromHz * 0.4;
    const output = resample(sine(frequencyHz, fromHz, fromHz), fromHz, toHz);
    const skip = Math.round(toHz * EDGE_SECONDS);
    const ideal = sine(frequencyHz, toHz, toHz);
    const snr = snrDb(ideal, output, { skip });
    assert.ok(snr > 100, `${snr} dB`);
  });
}

const rate = fc.integer({ min: 1, max: 192_000 });
const signal = fc.float32Array({
  minLength: 0,
  maxLength: 300,
  min: -1,
  max: 1,
  noNaN: true,
}).map((samples) => Float32Array.from(samples));

Deno.test("resample() gives round(n · to / from) samples, all finite", () => {
  const rates = fc.constantFrom(8000, 11025, 16000, 22050, 24000, 44100, 48000);
  fc.assert(fc.property(signal, rates, rates, (samples, fromHz, toHz) => {
    const output = resample(samples, fromHz, toHz);
    assert.equal(output.length, Math.round(samples.length * toHz / fromHz));
    assert.ok(output.every(Number.isFinite));
  }));
});

Deno.test("resample() accepts rates of any ratio", () => {
  const ratio = fc.tuple(rate, rate)
    .filter(([from, to]) => from / to < 50 && to / from < 50);
  fc.assert(
    fc.property(signal, ratio, (samples, [fromHz, toHz]) => {
      const output = resample(samples, fromHz, toHz);
      assert.equal(output.length, Math.round(samples.length * toHz / fromHz));
      assert.ok(output.every((x) => Math.abs(x) < 3));
    }),
    { numRuns: 15 },
  );
});

Deno.test("resample() is linear", () => {
  fc.assert(fc.property(signal, signal, (a, b) => {
    const length = Math.min(a.length, b.length);
    const sum = Float32Array.from({ length }, (_, i) => a[i]! + 0.5 * b[i]!);
    const whole = resample(sum, 44_100, 16_000);
    const x = resample(a.slice(0, length), 44_100, 16_000);
    const y = resample(b.slice(0, length), 44_100, 16_000);
    whole.forEach((z, i) =>
      assert.ok(Math.abs(z - x[i]! - 0.5 * y[i]!) < 1e-5)
    );
  }));
});

Deno.test("resample() returns the same array at the same rate", () => {
  const samples = sine(100, 16_000, 160);
  assert.equal(resample(samples, 16_000, 16_000), samples);
});

Deno.test("resample() refuses invalid rates", () => {
  for (const bad of [0, -16_000, 0.5, NaN, Infinity]) {
    assert.throws(
      () => resample(new Float32Array(1), bad, 16_000),
      new RangeError(
        `the sample rate must be a whole number of Hz from 1, but was ${bad}`,
      ),
    );
    assert.throws(() => resample(new Float32Array(1), 16_000, bad), RangeError);
  }
});

Deno.test("Resampler gives the same result in pieces of any size", () => {
  const rates = fc.constantFrom(...PAIRS, [16_000, 16_000] as const);
  const sizes = fc.array(fc.nat(3000), { maxLength: 12 });
  fc.assert(fc.property(rates, sizes, ([fromHz, toHz], sizes) => {
    const length = sizes.reduce((sum, size) => sum + size, 100);
    const input = sine(440, fromHz, length);
    const resampler = new Resampler(fromHz, toHz, length);
    const output: number[] = [];
    let at = 0;
    for (const size of [...sizes, 100]) {
      const piece = input.slice(at, at + size);
      for (const samples of resampler.push(piece)) output.push(...samples);
      at += size;
    }
    assert.equal(output.length, resampler.samples);
    assert.deepEqual(
      Float32Array.from(output),
      resample(input, fromHz, toHz),
    );
  }));
});
