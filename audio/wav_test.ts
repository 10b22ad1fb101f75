import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeAudio, inspectAudio } from "./decode.ts";
import { AudioError } from "./format.ts";
import { toPcm16 } from "./pcm.ts";
import { bytesSource } from "./source.ts";
import { encodeWav } from "./wav_samples.ts";
import { chunk, concat, fmt, riff } from "../tests/support/signals.ts";

/** A WAV file of one encoding. */
function wav(
  format: Parameters<typeof fmt>[0],
  data: ArrayBufferView<ArrayBuffer> | number[],
): Uint8Array<ArrayBuffer> {
  const body = Array.isArray(data)
    ? Uint8Array.from(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return riff([chunk("fmt ", fmt(format)), chunk("data", body)]);
}

/** Sixteen times the same samples: a file must last a millisecond. */
function times16<T>(samples: readonly T[]): T[] {
  return Array.from({ length: 16 }, () => samples).flat();
}

async function firstSamples(
  bytes: Uint8Array<ArrayBuffer>,
  count: number,
): Promise<number[]> {
  const { channels } = await decodeAudio(bytes, "a.wav");
  return [...channels[0]!.subarray(0, count)];
}

function inspect(bytes: Uint8Array<ArrayBuffer>) {
  return inspectAudio(bytesSource(bytes, "a.wav"));
}

Deno.test("decodeAudio() reads 8-bit PCM as unsigned", async () => {
  const bytes = wav({ bits: 8 }, times16([0, 128, 192, 255]));
  assert.deepEqual(await firstSamples(bytes, 4), [-1, 0, 0.5, 127 / 128]);
});

Deno.test("decodeAudio() reads 16-bit PCM", async () => {
  const bytes = wav({}, Int16Array.from(times16([-32768, 0, 16384, 32767])));
  assert.deepEqual(
    await firstSamples(bytes, 4),
    [-1, 0, 0.5, 32767 / 32768],
  );
});

Deno.test("decodeAudio() reads 24-bit PCM", async () => {
  const frame = [0, 0, 0x80, 0, 0, 0x40, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff];
  const bytes = wav({ bits: 24 }, times16(frame));
  assert.deepEqual(
    await firstSamples(bytes, 4),
    [-1, 0.5, 1 - 2 ** -23, -(2 ** -23)],
  );
});

Deno.test("decodeAudio() reads 32-bit PCM", async () => {
  const samples = Int32Array.from(times16([-(2 ** 31), 2 ** 30, 1, 0]));
  const bytes = wav({ bits: 32 }, samples);
  assert.deepEqual(await firstSamples(bytes, 4), [-1, 0.5, 2 ** -31, 0]);
});

Deno.test("decodeAudio() reads float of 32 and 64 bits", async () => {
  const samples = times16([-1, 0.25, 0.5, 1.5]);
  const single = wav({ tag: 3, bits: 32 }, Float32Array.from(samples));
  const double = wav({ tag: 3, bits: 64 }, Float64Array.from(samples));
  assert.deepEqual(await firstSamples(single, 4), [-1, 0.25, 0.5, 1.5]);
  assert.deepEqual(await firstSamples(double, 4), [-1, 0.25, 0.5, 1.5]);
});

Deno.test("decodeAudio() refuses float samples that are not finite", async () => {
  const samples = Float32Array.from(times16([0, 0.5]));
  samples[7] = NaN;
  await assert.rejects(
    decodeAudio(wav({ tag: 3, bits: 32 }, samples), "nan.wav"),
    /^AudioError: nan\.wav: its samples must be finite numbers, but was NaN \(sample 7\)$/,
  );
});

Deno.test("decodeAudio() expands µ-law to the values of G.711", async () => {
  // Code words and 14-bit values from ITU-T G.711, table 2.
  const codes = [0x00, 0x0f, 0x80, 0x8f, 0xff, 0x7f, 0xf0, 0x70];
  const values = [-8031, -4191, 8031, 4191, 0, -0, 30, -30];
  const samples = await firstSamples(
    wav({ tag: 7, bits: 8 }, times16(codes)),
    codes.length,
  );
  assert.deepEqual(samples.map((x) => x * 8192 + 0), values.map((v) => v + 0));
});

Deno.test("decodeAudio() expands A-law to the values of G.711", async () => {
  // Code words and 13-bit values from ITU-T G.711, table 1 (even bits inverted).
  const codes = [0xaa, 0x2a, 0xd5, 0x55, 0xc5, 0x45, 0x80, 0x00];
  const values = [4032, -4032, 1, -1, 33, -33, 688, -688];
  const samples = await firstSamples(
    wav({ tag: 6, bits: 8 }, times16(codes)),
    codes.length,
  );
  assert.deepEqual(samples.map((x) => x * 4096), values);
});

Deno.test("decodeAudio() reads extensible headers", async () => {
  const samples = Float32Array.from(times16([0.5, -0.5]));
  const bytes = wav({ subTag: 3, bits: 32 }, samples);
  assert.deepEqual(await firstSamples(bytes, 2), [0.5, -0.5]);
});

Deno.test("decodeAudio() separates any number of channels", async () => {
  const frames = Array.from({ length: 20 }, () => [1, 2, 3, 4, 5]).flat();
  const bytes = wav({ channels: 5 }, Int16Array.from(frames));
  const { channels } = await decodeAudio(bytes, "a.wav");
  assert.equal(channels.length, 5);
  channels.forEach((channel, i) =>
    assert.deepEqual([...channel], new Array(20).fill((i + 1) / 32768))
  );
});

Deno.test("decodeAudio() skips unknown chunks, with the padding of odd ones", async () => {
  const pcm = Int16Array.from({ length: 100 }, (_, i) => i);
  const data = chunk("data", new Uint8Array(pcm.buffer));
  const note = chunk("note", new TextEncoder().encode("odd"));
  const long = chunk("LIST", new Uint8Array(9001));
  const bytes = riff([note, chunk("fmt ", fmt()), long, data, note]);
  assert.deepEqual(
    toPcm16((await decodeAudio(bytes, "a.wav")).channels[0]!),
    pcm,
  );
  assert.equal((await inspect(bytes)).durationMs, 6.25);
});

Deno.test("decodeAudio() keeps 16-bit mono bit for bit", async () => {
  await fc.assert(fc.asyncProperty(
    fc.int16Array({ minLength: 16, maxLength: 200 }),
    fc.integer({ min: 1, max: 16_000 }),
    async (samples, rateHz) => {
      const pcm = Int16Array.from(samples);
      const audio = await decodeAudio(encodeWav(pcm, rateHz), "a.wav");
      assert.equal(audio.sampleRateHz, rateHz);
      assert.deepEqual(toPcm16(audio.channels[0]!), pcm);
    },
  ));
});

/** Placeholders of writers for the size of RIFF, and for that of 640 bytes of data. */
const PLACEHOLDERS: readonly (readonly [string, number, number])[] = [
  ["GStreamer", 0, 0],
  ["a recorder that was ended", 36, 0],
  ["one that fills in RIFF alone", 36 + 640, 0],
  ["ffmpeg", 0xffff_ffff, 0xffff_ffff],
  ["one that takes the headers off", 0xffff_ffff, 0xffff_ffff - 36],
  ["sox", 0x7fff_f024, 0x7fff_f000],
  ["arecord", 0x8000_0024, 0x8000_0000],
  ["one of 31 bits", 0x7fff_ffff, 0x7fff_ffff - 36],
  ["one that counts the headers as data", 36 + 684, 684],
  ["one that counts RIFF's size as data", 36 + 676, 676],
  ["one whose data's size alone is wrong", 36 + 640, 50_000],
];

for (const [writer, riffSize, size] of PLACEHOLDERS) {
  Deno.test(`inspectAudio() reads to the end with the sizes of ${writer}`, async () => {
    const body = new Uint8Array(640).fill(0xee);
    const data = chunk("data", body, { size });
    const bytes = riff([chunk("fmt ", fmt()), data], { size: riffSize });
    assert.equal((await inspect(bytes)).durationMs, 20);
    assert.equal(
      (await decodeAudio(bytes, "a.wav")).channels[0]!.length,
      320,
    );
  });
}

/** An RF64 file with `size` as the size of the data. */
function rf64(size: bigint): Uint8Array<ArrayBuffer> {
  const ds64 = new Uint8Array(28);
  new DataView(ds64.buffer).setBigUint64(8, size, true);
  return riff([
    chunk("ds64", ds64),
    chunk("fmt ", fmt()),
    chunk("data", new Uint8Array(640), { size: 0xffff_ffff }),
    ...size === 640n ? [chunk("note", new Uint8Array(100))] : [],
  ], { form: "RF64", size: 0xffff_ffff });
}

Deno.test("inspectAudio() reads the long sizes of RF64, and their placeholders", async () => {
  for (const size of [640n, 0n, 2n ** 64n - 1n]) {
    assert.equal((await inspect(rf64(size))).durationMs, 20);
  }
  // As large as a placeholder of 32 bits, but not a placeholder of 64.
  await assert.rejects(
    inspect(rf64(0x8000_0000n)),
    /but was truncated, with \d+$/,
  );
});

Deno.test("inspectAudio() finds the data after an odd chunk without padding", async () => {
  const note = chunk("note", new TextEncoder().encode("odd"));
  const data = chunk("data", new Uint8Array(640));
  const head = chunk("fmt ", fmt());
  for (const odd of [note, note.slice(0, -1)]) {
    assert.equal((await inspect(riff([head, odd, data]))).durationMs, 20);
    assert.equal((await inspect(riff([head, data, odd, note]))).durationMs, 20);
  }
});

const SECOND = encodeWav(new Int16Array(160), 16_000);

const TRAILING: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["another WAV file", SECOND, /another WAV file begins at byte 364: split/],
  [
    "a chunk and another WAV file",
    concat([chunk("note", new Uint8Array(3)), SECOND]),
    /another WAV file begins at byte 376/,
  ],
  [
    "another data chunk",
    chunk("data", new Uint8Array(320)),
    /another data chunk begins at byte 364/,
  ],
  [
    "samples that no chunk counts",
    new Uint8Array(5000).fill(1),
    /at most 4096 bytes .*may follow.*there are 5000/,
  ],
  [
    "many zeros",
    new Uint8Array(70_000),
    /at most 4096 bytes .*may follow.*there are 70000/,
  ],
];

for (const [what, trailing, rule] of TRAILING) {
  Deno.test(`inspectAudio() refuses a WAV file followed by ${what}`, async () => {
    const bytes = concat([encodeWav(new Int16Array(160), 16_000), trailing]);
    await assert.rejects(inspect(bytes), (error: unknown) => {
      assert.ok(error instanceof AudioError);
      assert.match(error.message, /^a\.wav: /);
      assert.match(error.message, rule);
      return true;
    });
    await assert.rejects(decodeAudio(bytes, "a.wav"), rule);
  });
}

Deno.test("inspectAudio() skips chunks, tags and junk after the data", async () => {
  const tag = new TextEncoder().encode("TAG".padEnd(9000, " title"));
  for (
    const junk of [
      new Uint8Array(77).fill(7),
      new Uint8Array(30_000),
      chunk("LIST", new Uint8Array(100_001)),
      tag,
    ]
  ) {
    const bytes = concat([encodeWav(new Int16Array(160), 16_000), junk]);
    assert.equal((await inspect(bytes)).durationMs, 10);
  }
});

const REFUSED: readonly (readonly [string, Uint8Array<ArrayBuffer>, RegExp])[] =
  [
    [
      "data cut short",
      encodeWav(new Int16Array(160), 16_000).slice(0, -1),
      /its data chunk must have 320 bytes, but was truncated, with 319$/,
    ],
    [
      "no data chunk",
      riff([chunk("fmt ", fmt())]),
      /must have a data chunk, but was without one in 36 bytes$/,
    ],
    [
      "data before fmt",
      riff([chunk("data", new Uint8Array(100))]),
      /must have a fmt chunk before its data/,
    ],
    [
      "zero seconds",
      encodeWav(new Int16Array(0), 16_000),
      /must last 1 ms or more, but was 0 ms \(0 samples\)$/,
    ],
    [
      "a single sample",
      encodeWav(new Int16Array(1), 16_000),
      /but was 0\.0625 ms \(1 sample\)$/,
    ],
    [
      "a rate of 0",
      wav({ rateHz: 0 }, new Int16Array(100)),
      /its sample rate must be 1 Hz or more, but was 0$/,
    ],
    [
      "no channels",
      wav({ channels: 0 }, new Int16Array(100)),
      /must contain PCM.*but was format 1 of 16 bits, 0 channels/,
    ],
    [
      "ADPCM",
      wav({ tag: 2, bits: 8 }, new Int16Array(100)),
      /must contain PCM of 8, 16, 24 or 32 bits.*format 2 of 8 bits/,
    ],
    [
      "a short fmt chunk",
      riff([
        chunk("fmt ", new Uint8Array(8)),
        chunk("data", new Uint8Array(8)),
      ]),
      /its fmt chunk must have 16 bytes or more, but was 8$/,
    ],
  ];

for (const [what, bytes, message] of REFUSED) {
  Deno.test(`inspectAudio() refuses a WAV file with ${what}`, async () => {
    const named = (error: unknown) => {
      assert.ok(error instanceof AudioError);
      assert.match(error.message, /^a\.wav: /);
      assert.match(error.message, message);
      return true;
    };
    await assert.rejects(inspect(bytes), named);
    await assert.rejects(decodeAudio(bytes, "a.wav"), named);
  });
}

Deno.test("decodeAudio() either reads a damaged WAV file or refuses it by name", async () => {
  const whole = riff([
    chunk("fmt ", fmt({ subTag: 1 })),
    chunk("data", new Uint8Array(100)),
  ]);
  await fc.assert(fc.asyncProperty(
    fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
    fc.nat(whole.length),
    async (changes, length) => {
      const bytes = whole.slice(0, length);
      for (const [at, value] of changes) if (at < length) bytes[at] = value;
      const outcome = await decodeAudio(bytes, "a.wav").catch((e) => e);
      assert.ok(outcome instanceof AudioError || outcome.channels.length > 0);
    },
  ));
});

Deno.test("encodeWav() refuses an invalid rate", () => {
  for (const rate of [0, -1, 0.5, NaN]) {
    assert.throws(() => encodeWav(new Int16Array(1), rate), RangeError);
  }
});
