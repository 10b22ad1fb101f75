/**
 * Writes `fingerprints.json`, by which the server knows the bundled clips; run it when a clip has changed:
 * `deno run -A server/speech/fingerprint_clips.ts`.
 *
 * @module
 */
import { decodeAudio, downmix, resample, toPcm16 } from "../../audio/mod.ts";
import { type BundledClip, bundledClips, readClip } from "../../clips/mod.ts";
import { envelopeOf } from "./envelope.ts";
import { type Fingerprint, packed } from "./known_clips.ts";

const SAMPLE_RATE_HZ = 16_000;

/** The samples of a clip as a client streams them. */
export async function clipSamples(
  clip: BundledClip,
): Promise<Int16Array<ArrayBuffer>> {
  const decoded = await decodeAudio(await readClip(clip), clip.file);
  const mono = downmix(decoded.channels);
  return toPcm16(resample(mono, decoded.sampleRateHz, SAMPLE_RATE_HZ));
}

/** The fingerprint of each bundled clip, by its id. */
export async function fingerprintClips(): Promise<Record<string, Fingerprint>> {
  const fingerprints: Record<string, Fingerprint> = {};
  for (const clip of bundledClips) {
    const samples = await clipSamples(clip);
    fingerprints[clip.id] = packed(envelopeOf(samples, SAMPLE_RATE_HZ));
  }
  return fingerprints;
}

if (import.meta.main) {
  const file = new URL("./fingerprints.json", import.meta.url);
  const json = JSON.stringify(await fingerprintClips(), null, 2);
  await Deno.writeTextFile(file, json + "\n");
}
