import { createHash } from "node:crypto";
import { decodeAudio, downmix, resample, toPcm16 } from "../../audio/mod.ts";
import { random } from "../random.ts";
import type { KnownClip } from "./known_clips.ts";
import type { TimedWord } from "./words.ts";
import { createRecognizer } from "./recognizer.ts";

/** What is heard in an audio file. */
export interface Heard {
  readonly durationMs: number;
  readonly words: readonly TimedWord[];
}

/**
 * Hears whole files. What was heard is kept for the newest of them, so that only a file's first request takes the
 * server's time.
 */
export interface Hearing {
  /**
   * The words of a file: the same for the same bytes.
   *
   * @throws {Error} It is no audio.
   */
  hear(
    bytes: Uint8Array<ArrayBuffer>,
    how: { wordsPerSecond: number },
  ): Promise<Heard>;
}

/** Hearing that knows these clips, and remembers that many files. */
export function createHearing(
  { clips, seed, limit = 1000 }: {
    clips: readonly KnownClip[];
    seed: number;
    limit?: number;
  },
): Hearing {
  const known = new Map<string, Promise<Heard>>();

  async function decode(
    bytes: Uint8Array<ArrayBuffer>,
    { hash, wordsPerSecond }: { hash: string; wordsPerSecond: number },
  ): Promise<Heard> {
    const { channels, sampleRateHz } = await decodeAudio(bytes, "file");
    const mono = downmix(channels);
    const words: TimedWord[] = [];
    const recognizer = createRecognizer(clips, {
      sampleRateHz: SAMPLE_RATE_HZ,
      random: random(seed, `speech ${hash}`),
      wordsPerSecond,
      found: (word) => void words.push(word),
    });
    recognizer.audio(toPcm16(resample(mono, sampleRateHz, SAMPLE_RATE_HZ)));
    recognizer.end();
    const durationMs = mono.length / sampleRateHz * 1000;
    return {
      durationMs,
      words: words.filter(({ startMs, endMs }) =>
        (startMs + endMs) / 2 <= durationMs
      ),
    };
  }

  return {
    hear(bytes, { wordsPerSecond }) {
      const hash = createHash("sha1").update(bytes).digest("hex");
      const key = `${hash} ${wordsPerSecond}`;
      const found = known.get(key);
      if (found) return found;
      const heard = decode(bytes, { hash, wordsPerSecond });
      known.set(key, heard);
      if (known.size > limit) known.delete(known.keys().next().value!);
      return heard;
    },
  };
}

const SAMPLE_RATE_HZ = 16_000;
