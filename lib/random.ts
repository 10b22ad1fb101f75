/** A source of uniform numbers in [0, 1). */
export type Random = () => number;

/**
 * Creates a reproducible generator of random numbers. Each purpose has a generator of its own, so that the numbers that
 * one part draws never change those of another.
 *
 * The generator is xoshiro128** (Blackman and Vigna, 2018), seeded by SplitMix-style hashing of both arguments.
 *
 * @param seed The run's seed.
 * @param purpose Purpose of the numbers: `arrivals`, `shuffle`, …
 */
export function random(seed: number, purpose: string): Random {
  const start = mix((seed >>> 0) ^ mix(Math.floor(seed / 2 ** 32) >>> 0));
  const hash = hashOf(purpose, start);
  let a = mix(hash + 1), b = mix(hash + 2);
  let c = mix(hash + 3), d = mix(hash + 4) | 1;
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result / 2 ** 32;
  };
}

/** Returns the hash of a text: a whole number of 32 bits, which may be negative. */
export function hashOf(text: string, start = 0): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) hash = mix(hash ^ text.charCodeAt(i));
  return hash;
}

function rotate(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

/** The finalizer of MurmurHash3 over a Weyl step. */
function mix(x: number): number {
  x = (x + 0x9e3779b9) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) | 0;
}
