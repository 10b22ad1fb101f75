import type { SessionOptions } from "../options.ts";
import type { Random } from "../random.ts";
import { createPseudoSpeech } from "./pseudo_speech.ts";

/** What the server knows about speech. */
export interface Speech {
  readonly clips: readonly never[];
}

/** Hears an utterance and says its words. */
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

/** A transcriber for one utterance. */
export function createTranscriber(
  _speech: Speech,
  { options, sampleRateHz, random }: {
    options: SessionOptions;
    sampleRateHz: number;
    random: Random;
  },
): Transcriber {
  const delayMs = options.mode === "segments" ? 0 : options.delayMs;
  const pseudo = createPseudoSpeech({
    sampleRateHz,
    random,
    wordsPerSecond: options.wordsPerSecond,
  });
  let said = 0;
  const say = (text: string) => (said++ > 0 ? " " : "") + text;
  return {
    audio: pseudo.audio,
    end() {},
    next(audioMs) {
      const word = pseudo.words[said];
      return word && word.endMs + delayMs <= audioMs ? say(word.text) : "";
    },
    rest() {
      let text = "";
      for (let word; (word = pseudo.words[said]);) text += say(word.text);
      return text;
    },
  };
}
