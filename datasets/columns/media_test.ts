import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { bytesSource, inspectAudio } from "../../audio/mod.ts";
import { audioPlace, looksLikeAudio } from "./media.ts";
import { tone } from "../../tests/support/datasets.ts";

const FOLDER = resolve("data");

Deno.test("audioPlace() reads paths relative to the folder", () => {
  const file = (value: unknown, path: string) =>
    assert.deepEqual(audioPlace(value, FOLDER), { kind: "file", path });
  file("a/b.wav", join(FOLDER, "a", "b.wav"));
  file("../b.wav", resolve("b.wav"));
  file(resolve("c.wav"), resolve("c.wav"));
  file(pathToFileURL(resolve("d e.wav")).href, resolve("d e.wav"));
  file({ path: "a.wav", bytes: null }, join(FOLDER, "a.wav"));
  file("UklGR", join(FOLDER, "UklGR"));
  file("//nas/speech/a.wav", resolve("//nas/speech/a.wav"));
});

Deno.test("audioPlace() reads URLs", () => {
  const url = new URL("https://host/a.wav?sig=1");
  const place = { kind: "url", url };
  assert.deepEqual(audioPlace(url.href, FOLDER), place);
  assert.deepEqual(audioPlace({ url: url.href }, FOLDER), place);
  assert.deepEqual(
    audioPlace([{ src: url.href, type: "audio/wav" }], FOLDER),
    place,
  );
});

Deno.test("audioPlace() reads bytes in every notation", () => {
  const wav = tone(20);
  const text = wav.toBase64();
  const written = [
    text,
    `data:audio/wav;base64,${text}`,
    `DATA:audio/wav;codecs=1;BASE64,${encodeURIComponent(text)}`,
    `data:audio/wav,${
      [...wav].map((byte) => "%" + byte.toString(16).padStart(2, "0")).join("")
    }`,
    { bytes: text },
    { bytes: [...wav], path: "a.wav" },
    { bytes: { type: "Buffer", data: [...wav] } },
    { data: `data:audio/wav;base64,${text}` },
    { bytes: wav },
    wav,
  ];
  for (const value of written) {
    assert.deepEqual(audioPlace(value, FOLDER), { kind: "bytes", bytes: wav });
  }
});

Deno.test("audioPlace() reads base64 of any content, in both alphabets", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (content) => {
    const bytes = Uint8Array.from(content);
    for (const alphabet of ["base64", "base64url"] as const) {
      const text = bytes.toBase64({ alphabet });
      assert.deepEqual(audioPlace({ bytes: text }, FOLDER), {
        kind: "bytes",
        bytes,
      });
    }
  }));
});

Deno.test("audioPlace() reads the samples of a decoded row", async () => {
  const array = Array.from({ length: 800 }, (_, i) => Math.sin(i / 10));
  const place = audioPlace({ path: null, array, sampling_rate: 8000 }, FOLDER);
  assert.ok(place.kind === "bytes");
  const info = await inspectAudio(bytesSource(place.bytes, "a"));
  assert.equal(info.durationMs, 100);
  assert.equal(info.sampleRateHz, 8000);
  const other = audioPlace({ array, sample_rate: 8000 }, FOLDER);
  assert.deepEqual(other, place, "by its other name");
});

Deno.test("audioPlace() refuses other values, and shows them", () => {
  const cases: [unknown, RegExp][] = [
    [undefined, /but was missing$/],
    ["", /but was empty$/],
    [7, /but was 7$/],
    [true, /but was true$/],
    [["a.wav", "b.wav"], /but was \["a.wav","b.wav"\]$/],
    [{ sound: 1 }, /must have one of bytes, .*, but had sound$/],
    [{}, /but had nothing$/],
    ["data:audio/wav;base64", /comma/],
    ["data:audio/wav;base64,*", /must be base64/],
    [{ bytes: "a.wav" }, /must be base64.*"a.wav"$/],
    [{ bytes: [1, 256] }, /numbers from 0 to 255/],
    [{ array: [1, "2"], sampling_rate: 1 }, /'array' must be numbers/],
    [{ array: [1] }, /'sampling_rate'.*missing$/],
    ["https://", /well formed.*"https:\/\/"$/],
  ];
  for (const [value, message] of cases) {
    assert.throws(
      () => audioPlace(value, FOLDER),
      message,
      JSON.stringify(value),
    );
  }
});

Deno.test("audioPlace() shows no media in errors", () => {
  const bytes = "A".repeat(10_000) + "*";
  assert.throws(
    () => audioPlace({ bytes }, FOLDER),
    (error) => error instanceof TypeError && error.message.length < 250,
  );
});

Deno.test("looksLikeAudio() distinguishes audio from other values", () => {
  const yes = [
    "a.wav",
    "x/B.FLAC",
    "https://h/a.mp3?x=1#y",
    "data:audio/wav,x",
    tone(20).toBase64(),
    { path: "x" },
    { bytes: null },
    [{ src: "x" }],
  ];
  const no = ["alice", "https://h/page", "", null, undefined, 3, {}, [], [
    "a.wav",
    "b.wav",
  ], { text: "x" }];
  for (const value of yes) {
    assert.ok(looksLikeAudio(value), JSON.stringify(value));
  }
  for (const value of no) {
    assert.ok(!looksLikeAudio(value), JSON.stringify(value));
  }
});
