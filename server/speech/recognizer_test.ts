import assert from "node:assert/strict";
import { resample } from "../../audio/mod.ts";
import { bundledClips } from "../../clips/mod.ts";
import { random } from "../../lib/random.ts";
import { clipSamples } from "./fingerprint_clips.ts";
import { knownClips } from "./known_clips.ts";
import type { TimedWord } from "./words.ts";
import { createRecognizer } from "./recognizer.ts";

const RATE = 16_000;
const clips = await Promise.all(
  bundledClips.map(async (clip) => ({
    ...clip,
    samples: await clipSamples(clip),
  })),
);
const known = knownClips();

interface Found extends TimedWord {
  /** How much audio was heard when the word was found. */
  readonly atMs: number;
}

function recognize(samples: Int16Array, chunkMs = 100): Found[] {
  const words: Found[] = [];
  let heardMs = 0;
  const recognizer = createRecognizer(known, {
    sampleRateHz: RATE,
    random: random(1, "test"),
    wordsPerSecond: 2.5,
    found: (word) => words.push({ ...word, atMs: heardMs }),
  });
  const chunk = chunkMs * RATE / 1000;
  for (let i = 0; i < samples.length; i += chunk) {
    heardMs += chunkMs;
    recognizer.audio(samples.subarray(i, i + chunk));
  }
  recognizer.end();
  return words;
}

const textOf = (words: readonly TimedWord[]) =>
  words.map(({ text }) => text).join(" ");

function joined(...parts: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const silence = (ms: number) => new Int16Array(ms * RATE / 1000);

/** A clip as it sounds after another way through. */
const CHANGES: Readonly<Record<string, (samples: Int16Array) => Int16Array>> = {
  "as it is": (samples) => samples,
  "at a third of the gain": (samples) => samples.map((s) => Math.round(s / 3)),
  "behind 137 ms of silence": (samples) => joined(silence(137), samples),
  "behind 3 s of silence": (samples) => joined(silence(3000), samples),
  "without its first 150 ms": (samples) => samples.subarray(2400),
  "through 11,025 Hz": (samples) => {
    const float = Float32Array.from(samples, (s) => s / 32_768);
    const back = resample(resample(float, RATE, 11_025), 11_025, RATE);
    return Int16Array.from(back, (s) => Math.round(s * 32_767));
  },
  "with noise 20 dB below": (samples) => {
    const chance = random(3, "noise");
    const power = samples.reduce((sum, s) => sum + s * s, 0) / samples.length;
    const width = Math.sqrt(12 * power / 100);
    return samples.map((s) => Math.round(s + width * (chance() - 0.5)));
  },
};

for (const [change, changed] of Object.entries(CHANGES)) {
  Deno.test(`createRecognizer() knows every clip ${change}`, () => {
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

Deno.test("createRecognizer() places each word where it sounds", () => {
  const clip = clips[0]!;
  const words = recognize(joined(silence(800), clip.samples));
  for (const [i, word] of clip.words.entries()) {
    assert.ok(Math.abs(words[i]!.endMs - word.endMs - 800) <= 20, word.text);
  }
});

Deno.test("createRecognizer() knows one clip behind another", () => {
  const all = joined(...clips.flatMap((clip) => [clip.samples, silence(400)]));
  const text = clips.map(({ transcript }) => transcript).join(" ");
  assert.equal(textOf(recognize(all)), text);
});

Deno.test("createRecognizer() gives other sound words at the pace of speech, and silence none", () => {
  assert.deepEqual(recognize(silence(5000)), []);
  const tone = Int16Array.from(
    { length: 4 * RATE },
    (_, i) => 8000 * Math.sin(i / 5) * Math.sin(i / 900),
  );
  const words = recognize(joined(silence(1000), tone, silence(1000)));
  assert.ok(words.length >= 8 && words.length <= 10, `${words.length}`);
  assert.ok(
    words.every(({ startMs, endMs }) =>
      startMs >= 900 && endMs <= 5020 && endMs > startMs
    ),
  );
  assert.deepEqual(
    recognize(joined(silence(1000), tone, silence(1000))),
    words,
  );
});

Deno.test("createRecognizer() takes speech played backwards for no clip", () => {
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
