import { random } from "../../lib/random.ts";

/** Sample rate on the wire. */
export const SAMPLE_RATE_HZ = 16_000;

/** Creates noise, which no transport can compress. */
export function noise(ms: number): Int16Array<ArrayBuffer> {
  const next = random(1, "noise");
  const length = Math.round(ms * SAMPLE_RATE_HZ / 1000);
  return Int16Array.from({ length }, () => (next() - 0.5) * 20_000);
}
