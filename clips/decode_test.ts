import assert from "node:assert/strict";
import { decodeAudio } from "../audio/mod.ts";
import { type BundledClip, bundledClips, readClip } from "./mod.ts";

const clean = bundledClips.filter((clip) => clip.id !== "noisy");

for (const clip of bundledClips) {
  Deno.test(`decodeAudio() decodes ${clip.file} to the length, rate and channels of the manifest`, async () => {
    const { sampleRateHz, channels } = await decode(clip);
    assert.equal(sampleRateHz, clip.sampleRateHz);
    assert.equal(channels.length, clip.channels);
    for (const samples of channels) {
      assert.equal(samples.length, clip.durationMs * clip.sampleRateHz / 1000);
    }
  });
}

for (const clip of clean) {
  Deno.test(`bundledClips times the speech of ${clip.id} as it sounds`, async () => {
    const { sampleRateHz, channels } = await decode(clip);
    const { startMs, endMs } = sounding(channels[0]!, sampleRateHz);
    assert.ok(
      Math.abs(startMs - clip.speechStartMs) <= 25,
      `${startMs} for ${clip.speechStartMs}`,
    );
    assert.ok(
      Math.abs(endMs - clip.speechEndMs) <= 60,
      `${endMs} for ${clip.speechEndMs}`,
    );
  });
}

Deno.test("bundledClips: the noise of noisy is 15 dB below its speech", async () => {
  const clip = bundledClips.find(({ id }) => id === "noisy")!;
  const { sampleRateHz, channels } = await decode(clip);
  const power = (fromMs: number, toMs: number) =>
    meanSquare(
      channels[0]!.subarray(
        fromMs * sampleRateHz / 1000,
        toMs * sampleRateHz / 1000,
      ),
    );
  const together = power(clip.speechStartMs, clip.speechEndMs);
  const noise = power(0, clip.speechStartMs) / 2 +
    power(clip.speechEndMs, clip.durationMs) / 2;
  const snrDb = 10 * Math.log10((together - noise) / noise);
  assert.ok(snrDb > 11 && snrDb < 19, `${snrDb}`);
});

async function decode(clip: BundledClip) {
  return await decodeAudio(await readClip(clip), clip.file);
}

/** The first and last time at which a sample exceeds 1 % of the loudest. */
function sounding(samples: Float32Array, sampleRateHz: number) {
  const floor = 0.01 *
    samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  const loud = (sample: number) => Math.abs(sample) > floor;
  return {
    startMs: samples.findIndex(loud) * 1000 / sampleRateHz,
    endMs: samples.findLastIndex(loud) * 1000 / sampleRateHz,
  };
}

function meanSquare(samples: Float32Array) {
  return samples.reduce((sum, sample) => sum + sample * sample, 0) /
    samples.length;
}
