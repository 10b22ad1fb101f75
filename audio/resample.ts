/**
 * A filter bank: one row of taps for each position that an output sample can take between two
 * input samples.
 */
interface FilterBank {
  /** Rows per input sample; the bank holds one more, for the way to the next. */
  readonly phases: number;
  /** Taps of a row, a multiple of 4. */
  readonly taps: number;
  /** Shape `[phases + 1, taps]`. */
  readonly rows: Float64Array;
}

/** Attenuation of everything that would alias, in dB, that the filter is designed for. */
const STOPBAND_DB = 120;

/** Up to where the pass band reaches, as a ratio of the lower of both Nyquist frequencies. */
const PASSBAND = 0.88;

/** More positions than this are interpolated, which costs 119 dB at worst and bounds the bank. */
const MAX_PHASES = 1024;

/** Banks kept. A run meets few rates. */
const MAX_BANKS = 8;

const banks = new Map<string, FilterBank>();

/**
 * The same audio at another rate: `round(n · toHz / fromHz)` samples, in place in time (no delay).
 *
 * A polyphase FIR filter: each output sample is the sum of the input around it, weighted by a sinc
 * that is windowed by Kaiser. With f = min(fromHz, toHz) / 2, the pass band ends at 0.88 f and the
 * stop band begins at f, so that nothing folds back; cutoff is the middle, 0.94 f. β and the taps
 * follow Kaiser's formulas (Kaiser 1974; Oppenheim and Schafer, Discrete-Time Signal Processing,
 * §7.6) for A = 120 dB and a transition of Δω radians a sample of the input:
 * β = 0.1102 (A - 8.7), taps = (A - 7.95) / (2.285 Δω) + 1: 392 for 48 to 16 kHz, 132 for 16 to 24.
 * Every row is scaled to a gain of 1 at 0 Hz. Beyond both ends lies silence.
 *
 * @throws {RangeError} where a rate is no whole number from 1
 */
export function resample(
  samples: Float32Array<ArrayBuffer>,
  fromHz: number,
  toHz: number,
): Float32Array<ArrayBuffer> {
  requireRate(fromHz);
  requireRate(toHz);
  if (fromHz === toHz) return samples;
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const up = toHz / divisor;
  const down = fromHz / divisor;
  const bank = bankOf(up, down);
  const output = new Float32Array(Math.round(samples.length * up / down));
  const padded = pad(samples, bank.taps);
  const exact = bank.phases === up;
  for (let i = 0; i < output.length; i++) {
    const position = i * down;
    const first = Math.floor(position / up);
    const phase = (position - first * up) / up * bank.phases;
    const row = exact ? Math.round(phase) : Math.floor(phase);
    const here = dot(bank, row, padded, first);
    output[i] = exact
      ? here
      : here + (phase - row) * (dot(bank, row + 1, padded, first) - here);
  }
  return output;
}

/** Four sums at a time: one alone would wait for each addition to end. */
function dot(
  bank: FilterBank,
  row: number,
  input: Float64Array,
  first: number,
): number {
  const { rows, taps } = bank;
  const start = row * taps;
  let a = 0, b = 0, c = 0, d = 0;
  for (let i = 0; i < taps; i += 4) {
    const x = first + i;
    const h = start + i;
    a += input[x]! * rows[h]!;
    b += input[x + 1]! * rows[h + 1]!;
    c += input[x + 2]! * rows[h + 2]!;
    d += input[x + 3]! * rows[h + 3]!;
  }
  return a + b + c + d;
}

/** Silence on both sides, so that no tap reaches outside: tap `taps/2 - 1` lies on the sample. */
function pad(samples: Float32Array, taps: number): Float64Array {
  const padded = new Float64Array(samples.length + 2 * taps);
  padded.set(samples, taps / 2 - 1);
  return padded;
}

function bankOf(up: number, down: number): FilterBank {
  const key = `${up}/${down}`;
  const kept = banks.get(key);
  if (kept !== undefined) return kept;
  const bank = designBank(up, down);
  const [oldest] = banks.keys();
  if (banks.size >= MAX_BANKS && oldest !== undefined) banks.delete(oldest);
  banks.set(key, bank);
  return bank;
}

function designBank(up: number, down: number): FilterBank {
  const nyquist = Math.min(1, up / down);
  const transition = Math.PI * nyquist * (1 - PASSBAND);
  const length = (STOPBAND_DB - 7.95) / (2.285 * transition) + 1;
  const taps = Math.ceil(length / 4) * 4;
  const beta = 0.1102 * (STOPBAND_DB - 8.7);
  const cutoff = nyquist * (1 + PASSBAND) / 2;
  const phases = Math.min(up, MAX_PHASES);
  const rows = new Float64Array((phases + 1) * taps);
  for (let phase = 0; phase <= phases; phase++) {
    const row = rows.subarray(phase * taps, (phase + 1) * taps);
    for (let tap = 0; tap < taps; tap++) {
      const at = tap - (taps / 2 - 1) - phase / phases;
      row[tap] = sinc(cutoff * at) * kaiser(at / (taps / 2), beta);
    }
    const gain = row.reduce((sum, weight) => sum + weight, 0);
    for (let tap = 0; tap < taps; tap++) row[tap]! /= gain;
  }
  return { phases, taps, rows };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** The Kaiser window over -1…1, up to a constant: I0(β √(1 - x²)). */
function kaiser(x: number, beta: number): number {
  return Math.abs(x) > 1 ? 0 : besselI0(beta * Math.sqrt(1 - x * x));
}

/** The modified Bessel function of the first kind, order 0, by its power series. */
function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * Number.EPSILON; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function requireRate(rateHz: number): void {
  if (Number.isSafeInteger(rateHz) && rateHz >= 1) return;
  const message =
    `Cannot resample as a rate must be a whole number of Hz from 1: current value is ${rateHz}`;
  throw new RangeError(message);
}
