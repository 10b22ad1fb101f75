import { createHash } from "node:crypto";
import { decodeAudio, downmix, resample, toPcm16 } from "../../audio/mod.ts";
import { type Random, random } from "../../lib/random.ts";
import type { SessionOptions } from "../settings.ts";
import { createRecognizer, SAMPLE_RATE_HZ } from "../speech.ts";
import { type TimedWord, withErrors } from "./words.ts";

/** Transcribes an utterance, each word once it is due. */
export type Transcriber = ReturnType<typeof createTranscriber>;

/** Creates the transcriber of one utterance. */
export function createTranscriber(options: SessionOptions, random: Random) {
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
      for (const text of withErrors(word.text, { rate, random })) {
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
export type RecognizeFile = (
  bytes: Uint8Array<ArrayBuffer>,
  wordsPerSecond: number,
) => Promise<FileSpeech>;

/** Keeps the words of the newest `limit` files, so that only a file's first request takes the server's time. */
export function createFileRecognizer(
  seed: number,
  limit = 1000,
): RecognizeFile {
  const known = new Map<string, Promise<FileSpeech>>();
  return (bytes, wordsPerSecond) => {
    const hash = createHash("sha1").update(bytes).digest("hex");
    const key = `${hash} ${wordsPerSecond}`;
    const found = known.get(key) ??
      recognize(bytes, { purpose: `speech ${hash}`, seed, wordsPerSecond });
    known.set(key, found);
    if (known.size > limit) known.delete(known.keys().next().value!);
    return found;
  };
}

async function recognize(
  bytes: Uint8Array<ArrayBuffer>,
  { purpose, seed, wordsPerSecond }: {
    purpose: string;
    seed: number;
    wordsPerSecond: number;
  },
): Promise<FileSpeech> {
  const { channels, sampleRateHz } = await decodeAudio(bytes, "file");
  const mono = downmix(channels);
  const durationMs = mono.length / sampleRateHz * 1000;
  const words: TimedWord[] = [];
  const recognizer = createRecognizer({
    random: random(seed, purpose),
    wordsPerSecond,
    found: (word) => isSpoken(word, durationMs) && words.push(word),
  });
  recognizer.audio(toPcm16(resample(mono, sampleRateHz, SAMPLE_RATE_HZ)));
  recognizer.end();
  return { durationMs, words };
}
