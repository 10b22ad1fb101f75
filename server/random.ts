/** A source of uniform numbers in [0, 1). */
export type Random = () => number;

/**
 * A reproducible source of chance: one stream per seed and purpose.
 *
 * SplitMix32 over a hash of both (a Weyl sequence, finished by MurmurHash3's mixer).
 */
export function random(seed: number, purpose: string): Random {
  let state = mix(seed >>> 0);
  for (let i = 0; i < purpose.length; i++) {
    state = mix(state ^ purpose.charCodeAt(i));
  }
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return (mix(state) >>> 0) / 2 ** 32;
  };
}

function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
