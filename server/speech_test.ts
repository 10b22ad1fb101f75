import assert from "node:assert/strict";
import { distance } from "fastest-levenshtein";
import { resample } from "../audio/mod.ts";
import { bundledClips } from "../clips/mod.ts";
import { random } from "../lib/random.ts";
import { clipSamples } from "../tests/support/files.ts";
import {
  CLIP_LEVELS,
  createMeter,
  createRecognizer,
  type TimedWord,
  withErrors,
} from "./speech.ts";

const RATE = 16_000;
const clips = await Promise.all(
  bundledClips.map(async (clip) => ({
    ...clip,
    samples: await clipSamples(clip),
  })),
);

interface Found extends TimedWord {
  /** Length of the audio before the word was found. */
  readonly atMs: number;
}

function recognize(samples: Int16Array, chunkMs = 100): Found[] {
  const words: Found[] = [];
  let audioMs = 0;
  const recognizer = createRecognizer({
    random: random(1, "test"),
    wordsPerSecond: 2.5,
    found: (word) => words.push({ ...word, atMs: audioMs }),
  });
  const chunk = chunkMs * RATE / 1000;
  for (let i = 0; i < samples.length; i += chunk) {
    audioMs += chunkMs;
    recognizer.audio(samples.subarray(i, i + chunk));
  }
  recognizer.end();
  return words;
}

const textOf = (words: readonly TimedWord[]) =>
  words.map(({ text }) => text).join(" ");

function joined(...parts: readonly Int16Array[]): Int16Array {
  return Int16Array.from(parts.flatMap((part) => [...part]));
}

const silence = (ms: number) => new Int16Array(ms * RATE / 1000);

Deno.test("CLIP_LEVELS has the levels of every clip as it sounds now", () => {
  const levels = clips.map(({ id, samples }) => [
    id,
    [...createMeter()(samples)].slice(0, 8).map(Math.round),
  ]);
  assert.deepEqual(CLIP_LEVELS, Object.fromEntries(levels));
});

/** Changes of a clip on its way to the server. */
const CHANGES: Readonly<Record<string, (samples: Int16Array) => Int16Array>> = {
  "without a change": (samples) => samples,
  "through 8 kHz": (samples) => {
    const float = Float32Array.from(samples, (s) => s / 32_768);
    const back = resample(resample(float, RATE, 8000), 8000, RATE);
    return Int16Array.from(back, (s) => Math.round(s * 32_767));
  },
  "with noise 20 dB below": (samples) => {
    const chance = random(3, "noise");
    const power = samples.reduce((sum, s) => sum + s * s, 0) / samples.length;
    const width = Math.sqrt(12 * power / 100);
    return samples.map((s) => {
      const noisy = s + width * (chance() - 0.5);
      return Math.abs(s) > 300 ? noisy : s;
    });
  },
};

for (const [change, changed] of Object.entries(CHANGES)) {
  Deno.test(`createRecognizer() recognizes every clip ${change}`, () => {
    for (const clip of clips) {
      const words = recognize(changed(clip.samples));
      assert.equal(textOf(words), clip.transcript, clip.id);
    }
  });
}

Deno.test("createRecognizer() decides before the first word is due, for every size of chunks", () => {
  for (const clip of clips) {
    for (const chunkMs of [20, 100, 330]) {
      const [first] = recognize(clip.samples, chunkMs);
      const dueMs = clip.words[0]!.endMs + 480;
      assert.ok(
        first!.atMs <= Math.ceil(dueMs / chunkMs) * chunkMs,
        `${clip.id} in chunks of ${chunkMs} ms: ${first!.atMs} of ${dueMs}`,
      );
    }
  }
});

Deno.test("createRecognizer() times the words of a clip as the manifest does", () => {
  for (const clip of clips) {
    assert.deepEqual(
      recognize(clip.samples).map(({ atMs: _, ...word }) => word),
      clip.words,
    );
  }
});

Deno.test("createRecognizer() makes up words for other sound at the pace of speech, and none for silence", () => {
  assert.deepEqual(recognize(silence(5000)), []);
  const tone = Int16Array.from(
    { length: 4 * RATE },
    (_, i) => 8000 * Math.sin(i / 5) * Math.sin(i / 900),
  );
  const sound = joined(silence(1000), tone, silence(1000));
  const words = recognize(sound);
  assert.ok(words.length >= 8 && words.length <= 10, `${words.length}`);
  assert.ok(
    words.every(({ startMs, endMs }) =>
      startMs >= 900 && endMs <= 5100 && endMs > startMs
    ),
  );
  assert.deepEqual(recognize(sound), words);
});

Deno.test("createRecognizer() does not take speech played backwards for a clip", () => {
  for (const clip of clips) {
    const words = recognize(clip.samples.toReversed());
    assert.notEqual(textOf(words), clip.transcript, clip.id);
    assert.equal(
      words.find(({ text }) => clip.words.some((word) => word.text === text)),
      undefined,
      clip.id,
    );
  }
});

/** Word errors between two texts: the words are coded as characters for a string distance. */
function wordErrors(said: readonly string[], meant: readonly string[]): number {
  const codes = new Map<string, string>();
  const coded = (words: readonly string[]) =>
    words.map((word) => {
      const code = codes.get(word) ?? String.fromCharCode(0x100 + codes.size);
      codes.set(word, code);
      return code;
    }).join("");
  return distance(coded(said), coded(meant));
}

Deno.test("withErrors() gives the word error rate that was asked for", () => {
  const meant = Array.from({ length: 5000 }, (_, i) => `w${i % 97}`);
  for (const rate of [0.02, 0.1, 0.3]) {
    const chance = random(11, `errors ${rate}`);
    const said = meant.flatMap((word) => withErrors(word, rate, chance));
    const measured = wordErrors(said, meant) / meant.length;
    const deviation = 4 * Math.sqrt(rate * (1 - rate) / meant.length);
    assert.ok(
      Math.abs(measured - rate) < deviation + rate * rate / 10,
      `${measured} of ${rate}`,
    );
  }
});

Deno.test("withErrors() changes nothing at rate 0 and every word at rate 1", () => {
  const chance = random(1, "edges");
  for (let i = 0; i < 200; i++) {
    assert.deepEqual(withErrors("word", 0, chance), ["word"]);
    const said = withErrors("word", 1, chance);
    assert.ok(said.length !== 1 || said[0] !== "word", said.join(" "));
  }
});
