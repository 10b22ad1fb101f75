import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeAudio, decodePieces, openAudio } from "./decode.ts";
import { AudioError, type SampleRange } from "./format.ts";
import { encodeWav } from "./wav_samples.ts";
import {
  chirpPcm16,
  chunk,
  constantFlac,
  fixture,
  fmt,
  riff,
} from "../tests/support/signals.ts";

const FILES: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
  ["chirp.wav", encodeWav(chirpPcm16(48_000), 48_000)],
  ...[
    ...["chirp.flac", "chirp_stereo.flac", "chirp.mp3", "chirp_vbr.mp3"],
    ...["chirp_bare.mp3", "chirp.opus", "chirp_pages.opus", "chirp.ogg"],
    "chirp_pages.ogg",
  ].map((file) => [file, fixture(file)] as const),
];

async function read(bytes: Uint8Array<ArrayBuffer>, range?: SampleRange) {
  const job = { bytes, name: "x" };
  const audio = await openAudio(range ? { ...job, range } : job);
  const pieces = await Array.fromAsync(decodePieces(audio));
  const channels = Array.from(
    { length: audio.file.channels },
    (_, i) => pieces.flatMap((piece) => [...piece[i]!]),
  );
  return { pieces, channels, samples: audio.file.samples };
}

for (const [file, bytes] of FILES) {
  Deno.test(`decodePieces() gives any range of ${file} as it is in the whole`, async () => {
    const { channels, samples } = await read(bytes);
    const bound = fc.nat(samples);
    await fc.assert(
      fc.asyncProperty(bound, bound, async (a, b) => {
        const range = { start: Math.min(a, b), end: Math.max(a, b) };
        const part = await read(bytes, range);
        assert.deepEqual(
          part.channels,
          channels.map((each) => each.slice(range.start, range.end)),
        );
      }),
      { numRuns: 12 },
    );
  });
}

Deno.test("decodePieces() decodes hours in small pieces, and no further than asked for", async () => {
  const bytes = constantFlac(5_000, { level: (frame) => frame % 100 });
  const range = { start: 4096 * 1000 + 5, end: 4096 * 1100 + 7 };
  const { pieces, channels } = await read(bytes, range);
  assert.deepEqual(
    channels[0],
    Array.from(
      { length: range.end - range.start },
      (_, i) => Math.floor((range.start + i) / 4096) % 100 / 32768,
    ),
  );
  assert.ok(pieces.every(([first]) => first!.length <= 2 * 65_536));
  // What lies behind the range is not looked at.
  const broken = bytes.slice();
  broken.fill(0, Math.floor(bytes.length * 0.4), Math.floor(bytes.length / 2));
  assert.deepEqual((await read(broken, range)).channels, channels);
  await assert.rejects(decodeAudio(broken, "x"), AudioError);
});

Deno.test("decodePieces() makes pieces the smaller, the more channels there are", async () => {
  const channels = 500;
  const data = new Uint8Array(channels * 1000).fill(192);
  const bytes = riff([
    chunk("fmt ", fmt({ channels, bits: 8 })),
    chunk("data", data),
  ]);
  const { pieces } = await read(bytes);
  assert.ok(pieces.every((piece) => piece[0]!.length * channels <= 65_536));
  assert.equal(pieces.reduce((sum, [first]) => sum + first!.length, 0), 1000);
  assert.ok(pieces.every((piece) => piece.every((each) => each[0] === 0.5)));
});
