import type { Random } from "./random.ts";

/** Sixteen hexadecimal digits, as vLLM's ids end in. */
export function randomHex(random: Random): string {
  let digits = "";
  for (let i = 0; i < 4; i++) {
    digits += Math.floor(random() * 65_536).toString(16).padStart(4, "0");
  }
  return digits;
}
