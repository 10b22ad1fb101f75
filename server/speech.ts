import { createHash } from "node:crypto";
import { decodeAudio, downmix, resample, toPcm16 } from "../audio/mod.ts";
import { bundledClips } from "../clips/mod.ts";
import { type Random, random } from "../lib/random.ts";
import type { Options } from "./settings.ts";

/** Sample rate of the audio that a recognizer takes. */
export const SAMPLE_RATE_HZ = 16_000;

/**
 * Recognizes a bundled clip by the levels of its first {@linkcode CLIP_FRAMES} frames, before its first word is due, and
 * finds its words. In any other audio it finds made-up words, at the pace of speech as long as there is sound.
 *
 * @param found Called with each word, in order.
 */
export function createRecognizer(
  { random, wordsPerSecond, found }: {
    random: Random;
    wordsPerSecond: number;
    found: (word: TimedWord) => void;
  },
) {
  const meter = createMeter();
  const levels: number[] = [];
  const wordMs = 1000 / wordsPerSecond;
  let isClip = false;
  let decided = false;
  let frames = 0;
  let soundMs = 0;

  function decide(): void {
    decided = true;
    const clip = knownClip(levels);
    if (!clip) return levels.forEach(makeWords);
    isClip = true;
    for (const { text, startMs, endMs } of clip.words) {
      found({ text, startMs, endMs });
    }
  }

  /** Makes up the words of a frame: one after each `wordMs` of sound. */
  function makeWords(level: number): void {
    const endMs = ++frames * FRAME_MS;
    if (level <= SILENCE_DB) return;
    for (soundMs += FRAME_MS; soundMs >= wordMs; soundMs -= wordMs) {
      found({ text: pseudoWord(random), startMs: endMs - wordMs, endMs });
    }
  }

  return {
    /** Takes more audio. */
    audio(samples: Int16Array): void {
      for (const level of meter(samples)) {
        if (isClip) return;
        if (decided) makeWords(level);
        else if (levels.push(level) === CLIP_FRAMES) decide();
      }
    },
    /** Ends the audio. */
    end(): void {
      if (!decided) decide();
    },
  };
}

/** The levels of each clip's first frames in dB, as our decoders give them. */
export const CLIP_LEVELS: Readonly<Record<string, readonly number[]>> = {
  short: [-60, -60, -35, -19, -26, -31, -28, -22],
  telephone: [-60, -60, -60, -60, -35, -23, -31, -55],
  question: [-60, -60, -60, -21, -19, -27, -14, -23],
  instructions: [-60, -36, -28, -18, -20, -30, -41, -60],
  names: [-60, -60, -45, -27, -22, -25, -33, -22],
  noisy: [-46, -36, -41, -36, -19, -22, -35, -34],
  numbers: [-60, -60, -60, -21, -15, -23, -38, -16],
  long: [-60, -60, -23, -33, -23, -20, -35, -42],
};

const CLIP_FRAMES = 8;
const FRAME_MS = 100;
const FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS / 1000;
const FLOOR_DB = -60;
/** Quieter frames have no words. */
const SILENCE_DB = -50;
/** Two clips differ by 3.4 dB or more on average, a clip through 8 kHz and back from itself by less than 2. */
const SAME_DB = 2.5;
/** Most that a frame counts, so that a consonant lost to a low sample rate does not decide. */
const MAX_FRAME_DB = 12;

function knownClip(levels: readonly number[]) {
  if (levels.length < CLIP_FRAMES) return undefined;
  return bundledClips.find(({ id }) => {
    const differences = CLIP_LEVELS[id]?.map((level, i) =>
      Math.min(MAX_FRAME_DB, Math.abs(level - levels[i]!))
    ) ?? [MAX_FRAME_DB];
    const sum = differences.reduce((sum, difference) =>
      sum + difference, 0);
    return sum / differences.length < SAME_DB;
  });
}

/** Measures the level of each whole frame of a signal that comes in pieces. */
export function createMeter(): (samples: Int16Array) => Generator<number> {
  let filled = 0;
  let energy = 0;
  return function* (samples) {
    for (let i = 0; i < samples.length;) {
      const end = Math.min(samples.length, i + FRAME_SAMPLES - filled);
      filled += end - i;
      for (; i < end; i++) energy += samples[i]! ** 2;
      if (filled < FRAME_SAMPLES) return;
      const power = energy / FRAME_SAMPLES / 32_768 ** 2;
      filled = energy = 0;
      yield Math.max(FLOOR_DB, 10 * Math.log10(power + 1e-12));
    }
  };
}

/** Transcribes an utterance, each word once it is due. */
export type Transcriber = ReturnType<typeof createTranscriber>;

/** Creates the transcriber of one utterance. */
export function createTranscriber(options: Options, random: Random) {
  const { jitterMs, wordErrorRate: rate, wordsPerSecond } = options;
  const delayMs = options.mode === "segments" ? 0 : options.delayMs;
  const queue: (TimedWord & { readonly dueMs: number })[] = [];
  let samplesReceived = 0;
  let lastDueMs = 0;
  let said = 0;
  const recognizer = createRecognizer({
    random,
    wordsPerSecond,
    found(word) {
      const jitter = jitterMs && jitterMs * (2 * random() - 1);
      lastDueMs = Math.max(lastDueMs, word.endMs + delayMs + jitter);
      for (const text of withErrors(word.text, rate, random)) {
        queue.push({ ...word, text, dueMs: lastDueMs });
      }
    },
  });
  const say = () => (said++ > 0 ? " " : "") + queue.shift()!.text;

  return {
    /** Takes more audio. */
    audio(samples: Int16Array): void {
      samplesReceived += samples.length;
      recognizer.audio(samples);
    },
    /** Ends the audio. */
    end(): void {
      recognizer.end();
      const audioMs = samplesReceived / SAMPLE_RATE_HZ * 1000;
      const kept = queue.filter((word) => isSpoken(word, audioMs));
      queue.splice(0, queue.length, ...kept);
    },
    /** Returns the next word, with the space before it, if it is due after that much audio; else an empty text. */
    next: (audioMs: number) =>
      queue[0] && queue[0].dueMs <= audioMs ? say() : "",
    /** Returns every word that is left. */
    rest(): string {
      let text = "";
      while (queue.length > 0) text += say();
      return text;
    },
  };
}

/** Whether most of a word sounds before the audio ends. */
export function isSpoken(
  { startMs, endMs }: TimedWord,
  audioMs: number,
): boolean {
  return (startMs + endMs) / 2 <= audioMs;
}

/** Words found in an audio file. */
export interface FileSpeech {
  readonly durationMs: number;
  readonly words: readonly TimedWord[];
}

/** Finds the words of a file, the same for the same bytes. Rejects if it is not audio. */
export type RecognizeFile = ReturnType<typeof createFileRecognizer>;

/** Keeps the words of the newest `limit` files, so that only a file's first request takes the server's time. */
export function createFileRecognizer(seed: number, limit = 1000) {
  const known = new Map<string, Promise<FileSpeech>>();
  return (
    bytes: Uint8Array<ArrayBuffer>,
    wordsPerSecond: number,
  ): Promise<FileSpeech> => {
    const hash = createHash("sha1").update(bytes).digest("hex");
    const key = `${hash} ${wordsPerSecond}`;
    const found = known.get(key) ??
      recognize(bytes, random(seed, `speech ${hash}`), wordsPerSecond);
    known.set(key, found);
    if (known.size > limit) known.delete(known.keys().next().value!);
    return found;
  };
}

async function recognize(
  bytes: Uint8Array<ArrayBuffer>,
  random: Random,
  wordsPerSecond: number,
): Promise<FileSpeech> {
  const { channels, sampleRateHz } = await decodeAudio(bytes, "file");
  const mono = downmix(channels);
  const durationMs = mono.length / sampleRateHz * 1000;
  const words: TimedWord[] = [];
  const recognizer = createRecognizer({
    random,
    wordsPerSecond,
    found: (word) => isSpoken(word, durationMs) && words.push(word),
  });
  recognizer.audio(toPcm16(resample(mono, sampleRateHz, SAMPLE_RATE_HZ)));
  recognizer.end();
  return { durationMs, words };
}

/** A word and when it sounds. */
export interface TimedWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** Makes up a word of one to three syllables, of no language. */
export function pseudoWord(random: Random): string {
  const pick = (from: string) => from[Math.floor(random() * from.length)]!;
  let word = "";
  for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
    word += pick("bdfgklmnprstvz") + pick("aeiou");
  }
  return word + pick("kmnrst");
}

/**
 * Recognizes a word with errors, at a word error rate: the result is the word itself, another word, no word, or the word
 * and one more; substitutions, deletions and insertions come 3 : 1 : 1. A word has one error at most, so that the expected
 * rate is `rate`.
 */
export function withErrors(
  word: string,
  rate: number,
  random: Random,
): readonly string[] {
  if (rate <= 0 || random() >= rate) return [word];
  const kind = random() * 5;
  if (kind < 3) return [otherWord(word, random)];
  return kind < 4 ? [] : [word, otherWord(word, random)];
}

function otherWord(word: string, random: Random): string {
  let other = pseudoWord(random);
  while (other === word) other = pseudoWord(random);
  return other;
}
