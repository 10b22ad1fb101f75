import assert from "node:assert/strict";
import fc from "fast-check";
import { isGlob, parseGlob } from "./glob.ts";

Deno.test("parseGlob() divides a pattern into folder and rest", () => {
  const parts = (pattern: string) => {
    const { base, depth } = parseGlob(pattern);
    return [base, depth];
  };
  assert.deepEqual(parts("*.wav"), [".", 1]);
  assert.deepEqual(parts("./clips/**/*.flac"), ["./clips", Infinity]);
  assert.deepEqual(parts("/*.wav"), ["/", 1]);
  assert.deepEqual(parts("/data/*/x/a?.wav"), ["/data", 3]);
});

Deno.test("parseGlob() matches as a shell does", () => {
  const matches = (pattern: string, path: string) =>
    parseGlob(pattern).matches.test(path);
  const yes = [
    ["*.wav", "a.wav"],
    ["**/*.wav", "a.wav"],
    ["**/*.wav", "x/y/a.wav"],
    ["**", "x/y/a.wav"],
    ["x*/**/a.wav", "xy/a.wav"],
    ["a?.wav", "ab.wav"],
    ["a[0-9].wav", "a7.wav"],
    ["a[!0-9].wav", "ax.wav"],
    ["*.{wav,flac}", "a.flac"],
    ["{a,b/c}/*.wav", "b/c/d.wav"],
    ["*(1)+.wav", "x(1)+.wav"],
    ["*,{.wav", "a,{.wav"],
  ] as const;
  const no = [
    ["*.wav", "x/a.wav"],
    ["*.wav", "awav"],
    ["*.wav", "a.wave"],
    ["**/*.wav", "a.flac"],
    ["a?.wav", "a/.wav"],
    ["a[0-9].wav", "ax.wav"],
    ["a[!0-9].wav", "a7.wav"],
    ["*.{wav,flac}", "a.mp3"],
    ["*a|b", "a"],
  ] as const;
  for (const [pattern, path] of yes) {
    assert.ok(matches(pattern, path), `${pattern} ${path}`);
  }
  for (const [pattern, path] of no) {
    assert.ok(!matches(pattern, path), `${pattern} ${path}`);
  }
});

Deno.test("parseGlob() takes every other character for itself", () => {
  const plain = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) =>
    !isGlob(text) && !/[/\]}]/.test(text)
  );
  fc.assert(fc.property(plain, plain, (name, other) => {
    const { matches } = parseGlob(`*/${name}`);
    assert.ok(matches.test(`x/${name}`));
    assert.equal(matches.test(`x/${other}`), name === other);
  }));
});
