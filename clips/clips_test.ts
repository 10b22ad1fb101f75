import assert from "node:assert/strict";
import { type BundledClip, bundledClips, readClip } from "./mod.ts";

const words = (text: string) => text.split(" ");
const differentValues = (values: readonly unknown[]) => new Set(values).size;

for (const clip of bundledClips) {
  Deno.test(`readClip() gives the file of ${clip.id} that the manifest describes`, async () => {
    const digest = await crypto.subtle.digest("SHA-256", await readClip(clip));
    assert.equal(new Uint8Array(digest).toHex(), clip.sha256);
  });

  Deno.test(`bundledClips tells of ${clip.id} when each word of its transcript sounds`, () => {
    assert.deepEqual(clip.words.map((word) => word.text), words(clip.transcript));
    assert.equal(clip.words[0]?.startMs, clip.speechStartMs);
    assert.equal(clip.words.at(-1)?.endMs, clip.speechEndMs);
    assertInOrder([0, ...clip.words.flatMap((w) => [w.startMs, w.endMs]), clip.durationMs]);
    for (const word of clip.words) assert.ok(word.endMs - word.startMs >= 30, word.text);
  });

  Deno.test(`bundledClips has in ${clip.id} an utterance of 2 to 12 s`, () => {
    assert.ok(clip.durationMs >= 2000 && clip.durationMs <= 12_000, `${clip.durationMs}`);
    assert.ok(clip.speechStartMs >= 100, "it begins before the first word");
    assert.ok(clip.durationMs - clip.speechEndMs >= 100, "it ends after the last word");
  });
}

function assertInOrder(times: readonly number[]) {
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
}

Deno.test("bundledClips stay under 700 KB together", async () => {
  const files = await Promise.all(bundledClips.map(readClip));
  const bytes = files.reduce((sum, file) => sum + file.length, 0);
  assert.ok(bytes < 700_000, `${bytes}`);
});

Deno.test("bundledClips vary in voice, format and rate", () => {
  assert.equal(bundledClips.length, 8);
  assert.equal(differentValues(bundledClips.map((clip) => clip.id)), 8);
  assert.ok(differentValues(bundledClips.map((clip) => clip.voice)) >= 4);
  assert.ok(differentValues(bundledClips.map((clip) => clip.format)) >= 4);
  assert.ok(differentValues(bundledClips.map((clip) => clip.sampleRateHz)) >= 4);
  assert.ok(bundledClips.some((clip) => clip.sampleRateHz === 44_100 && clip.channels === 2));
});

Deno.test("readClip() names the clip whose file is missing", async () => {
  const lost: BundledClip = { ...bundledClips[0]!, id: "lost", file: "no_such_file.wav" };
  await assert.rejects(readClip(lost), /^Error: Cannot read the bundled clip lost as .*no_such_file/);
});
