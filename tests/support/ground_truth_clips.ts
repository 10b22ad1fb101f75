import { join } from "node:path";
import { encodeWav } from "../../audio/mod.ts";
import { random } from "../../lib/random.ts";

/** The sample rate of the vLLM dialect: clips of this rate are sent without conversion. */
export const SAMPLE_RATE_HZ = 16_000;

/** Returns a unique clip, whose bytes identify the stream. */
export function uniqueClip(name: string, seconds: number): Int16Array {
  const noise = random(1, name);
  const samples = new Int16Array(Math.round(seconds * SAMPLE_RATE_HZ));
  for (let i = 0; i < samples.length; i++) {
    const swell = Math.abs(Math.sin(i / SAMPLE_RATE_HZ * 9));
    samples[i] = (noise() - 0.5) * 20_000 * swell;
  }
  return samples;
}

/** Writes clips as WAV files into a folder. */
export async function writeClips(
  folder: string,
  clips: ReadonlyMap<string, Int16Array>,
): Promise<void> {
  for (const [name, samples] of clips) {
    await Deno.writeFile(
      join(folder, name),
      encodeWav(samples, SAMPLE_RATE_HZ),
    );
  }
}
