import type { SessionOptions } from "../options.ts";
import type { Random } from "../random.ts";
import type { KnownClip } from "./known_clips.ts";
import type { TimedWord } from "./words.ts";
import { createRecognizer } from "./recognizer.ts";
import { withErrors } from "./word_errors.ts";

/** Hears an utterance and says its words, each once it is due. */
export interface Transcriber {
  /** More audio. */
  audio(samples: Int16Array): void;
  /** There is no more. */
  end(): void;
  /** The next word, with the space before it, if it is due once that much audio was heard; else nothing. */
  next(audioMs: number): string;
  /** All the words left. */
  rest(): string;
}

/** What a transcriber is made of. */
export interface TranscriberOptions {
  readonly clips: readonly KnownClip[];
  readonly options: SessionOptions;
  readonly sampleRateHz: number;
  readonly random: Random;
}

/** A transcriber for one utterance. */
export function createTranscriber(
  { clips, options, sampleRateHz, random }: TranscriberOptions,
): Transcriber {
  const { jitterMs, wordErrorRate, wordsPerSecond } = options;
  const delayMs = options.mode === "segments" ? 0 : options.delayMs;
  const queue: (TimedWord & { readonly dueMs: number })[] = [];
  let samplesHeard = 0;
  let lastDueMs = 0;
  let said = 0;
  const recognizer = createRecognizer(clips, {
    sampleRateHz,
    random,
    wordsPerSecond,
    found(word) {
      const jitter = jitterMs && jitterMs * (2 * random() - 1);
      lastDueMs = Math.max(lastDueMs, word.endMs + delayMs + jitter);
      const texts = wordErrorRate > 0
        ? withErrors(word.text, { rate: wordErrorRate, random })
        : [word.text];
      for (const text of texts) queue.push({ ...word, text, dueMs: lastDueMs });
    },
  });
  const say = () => (said++ > 0 ? " " : "") + queue.shift()!.text;

  return {
    audio(samples) {
      samplesHeard += samples.length;
      recognizer.audio(samples);
    },
    end() {
      recognizer.end();
      const heardMs = samplesHeard / sampleRateHz * 1000;
      const cut = queue.findIndex((word) =>
        (word.startMs + word.endMs) / 2 > heardMs
      );
      if (cut >= 0) queue.length = cut;
    },
    next: (audioMs) => queue[0] && queue[0].dueMs <= audioMs ? say() : "",
    rest() {
      let text = "";
      while (queue.length > 0) text += say();
      return text;
    },
  };
}
