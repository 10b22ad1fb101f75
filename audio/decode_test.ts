import assert from "node:assert/strict";
import { decodeAudio } from "./decode.ts";
import { encodeWav } from "./encode_wav.ts";
import { AudioError } from "./errors.ts";
import type { AudioFormat } from "./info.ts";
import { inspectAudio } from "./inspect.ts";
import { pageChecksum } from "./ogg_page.ts";
import { toPcm16 } from "./pcm.ts";
import { bytesSource, fileSource } from "./source.ts";
import {
  chirp,
  chirpPcm16,
  concat,
  fixture,
  snrDb,
} from "../tests/support/signals.ts";

interface Fixture {
  readonly file: string;
  readonly format: AudioFormat;
  readonly mediaType: string;
  readonly rateHz: number;
  readonly channels: number;
  /** What must be left of the chirp, in dB, at no delay at all. */
  readonly snr: number;
}

/** Every file holds the same chirp; their origins stand in testdata/README.md. */
const FIXTURES: readonly Fixture[] = [
  {
    file: "chirp.flac",
    format: "flac",
    mediaType: "audio/flac",
    rateHz: 16_000,
    channels: 1,
    snr: 80,
  },
  {
    file: "chirp_stereo.flac",
    format: "flac",
    mediaType: "audio/flac",
    rateHz: 44_100,
    channels: 2,
    snr: 80,
  },
  {
    file: "chirp.mp3",
    format: "mp3",
    mediaType: "audio/mpeg",
    rateHz: 16_000,
    channels: 1,
    snr: 20,
  },
  {
    file: "chirp_vbr.mp3",
    format: "mp3",
    mediaType: "audio/mpeg",
    rateHz: 32_000,
    channels: 2,
    snr: 15,
  },
  {
    file: "chirp.opus",
    format: "opus",
    mediaType: "audio/ogg",
    rateHz: 48_000,
    channels: 1,
    snr: 10,
  },
  {
    file: "chirp_pages.opus",
    format: "opus",
    mediaType: "audio/ogg",
    rateHz: 48_000,
    channels: 1,
    snr: 10,
  },
  {
    file: "chirp.ogg",
    format: "vorbis",
    mediaType: "audio/ogg",
    rateHz: 16_000,
    channels: 1,
    snr: 10,
  },
  {
    file: "chirp_pages.ogg",
    format: "vorbis",
    mediaType: "audio/ogg",
    rateHz: 44_100,
    channels: 1,
    snr: 10,
  },
];

function inspect(bytes: Uint8Array<ArrayBuffer>, name: string) {
  return inspectAudio(bytesSource(bytes, name));
}

function namesIt(name: string, rule = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof AudioError, String(error));
    assert.ok(
      error.message.startsWith(`Cannot read ${name} as `),
      error.message,
    );
    assert.match(error.message, /: current value is \S/);
    assert.match(error.message, rule);
    return true;
  };
}

/** Where the pages of an Ogg file begin. */
function pageStarts(bytes: Uint8Array): number[] {
  return [...bytes.keys()].filter((at) =>
    String.fromCharCode(...bytes.subarray(at, at + 4)) === "OggS"
  );
}

/** Bytes with one of them changed. */
function flipped(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  changed[at]! ^= 0x10;
  return changed;
}

for (const { file, format, mediaType, rateHz, channels, snr } of FIXTURES) {
  const whole = fixture(file);

  Deno.test(`inspectAudio() tells ${file} from its headers`, async () => {
    const path = new URL(`testdata/${file}`, import.meta.url).pathname;
    assert.deepEqual(await inspectAudio(fileSource(path)), {
      format,
      mediaType,
      sampleRateHz: rateHz,
      channels,
      durationMs: 500,
    });
  });

  Deno.test(`decodeAudio() finds the chirp in ${file}, not a sample late`, async () => {
    const audio = await decodeAudio(whole, file);
    assert.equal(audio.sampleRateHz, rateHz);
    assert.equal(audio.channels.length, channels);
    const ideal = chirp(rateHz);
    const skip = Math.round(rateHz * 0.05);
    for (const samples of audio.channels) {
      assert.equal(samples.length, ideal.length);
      const found = snrDb(ideal, samples, { skip });
      assert.ok(found > snr, `${found} dB`);
      const shift = Math.round(rateHz / 2000);
      const late = snrDb(ideal.subarray(shift), samples, { skip });
      assert.ok(late < found - 10, `${late} dB when ${shift} samples late`);
    }
  });

  Deno.test(`inspectAudio() refuses ${file} cut in half, or by a byte`, async () => {
    for (const length of [whole.length / 2, whole.length - 1, 60, 5, 1]) {
      const cut = whole.slice(0, length);
      await assert.rejects(inspect(cut, file), namesIt(file));
      await assert.rejects(decodeAudio(cut, file), namesIt(file));
    }
  });

  Deno.test(`decodeAudio() refuses ${file} with a byte of its audio changed`, async () => {
    for (const ratio of [0.5, 0.6, 0.8, 0.95]) {
      const at = Math.floor(whole.length * ratio);
      await assert.rejects(
        decodeAudio(flipped(whole, at), file),
        namesIt(file, /MD5|CRC|corrupt|sound|samples/),
      );
    }
  });

  Deno.test(`decodeAudio() passes over what follows the audio of ${file}`, async () => {
    const tag = new TextEncoder().encode("TAG".padEnd(128, " title"));
    const junk = concat([whole, tag]);
    assert.equal((await inspect(junk, file)).durationMs, 500);
    assert.deepEqual(
      await decodeAudio(junk, file),
      await decodeAudio(whole, file),
    );
  });
}

/** An ID3v2 tag of `size` bytes, behind which `padding` more are not counted. */
function id3(size: number, padding = 0): Uint8Array<ArrayBuffer> {
  const tag = new Uint8Array(10 + size + padding);
  tag.set(text("ID3\x04"));
  tag.set([size >> 14 & 127, size >> 7 & 127, size & 127], 7);
  return tag;
}

const TAGGED: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
  ...FIXTURES.map(({ file }) => [file, fixture(file)] as const),
  ["chirp.wav", encodeWav(chirpPcm16(16_000), 16_000)],
];

for (const [file, bytes] of TAGGED) {
  Deno.test(`inspectAudio() goes by what follows the ID3 tags before ${file}`, async () => {
    for (
      const tags of [
        [id3(0)],
        [id3(90_000)],
        [id3(20, 300)],
        [id3(5000), id3(7)],
      ]
    ) {
      const tagged = concat([...tags, bytes]);
      assert.deepEqual(
        await inspect(tagged, file),
        await inspect(bytes, file),
      );
      assert.deepEqual(
        await decodeAudio(tagged, file),
        await decodeAudio(bytes, file),
      );
    }
  });
}

Deno.test("inspectAudio() says what follows an ID3 tag where it cannot be read", async () => {
  const aac = concat([id3(20), Uint8Array.of(0xff, 0xf1, 0x50, 0x80, 0, 0)]);
  await assert.rejects(
    inspect(aac, "a.mp3"),
    namesIt("a.mp3", /AAC \(ADTS\)$/),
  );
});

Deno.test("inspectAudio() refuses two MP3 files in one, of which the tag counts the first", async () => {
  const bytes = fixture("chirp.mp3");
  const two = concat([bytes, bytes]);
  const rule = /^AudioError: two\.mp3: an MP3 file must hold one recording/;
  await assert.rejects(inspect(two, "two.mp3"), rule);
  await assert.rejects(decodeAudio(two, "two.mp3"), rule);
});

Deno.test("inspectAudio() walks an MP3 without a tag", async () => {
  const info = await inspect(fixture("chirp_bare.mp3"), "bare.mp3");
  assert.equal(info.durationMs, 576); // 16 frames of 36 ms
  const { channels } = await decodeAudio(fixture("chirp_bare.mp3"), "bare.mp3");
  assert.equal(channels[0]!.length, 16 * 576);
});

Deno.test("inspectAudio() refuses an MP3 without a tag whose last frame is cut", async () => {
  const bytes = fixture("chirp_bare.mp3");
  await assert.rejects(
    inspect(bytes.slice(0, -1), "bare.mp3"),
    namesIt(
      "bare.mp3",
      /frame 15 must hold 144 bytes: current value is 143 \(truncated\)$/,
    ),
  );
});

Deno.test("inspectAudio() refuses an MP3 without a tag that loses its frames midway", async () => {
  const bytes = fixture("chirp_bare.mp3");
  await assert.rejects(
    inspect(flipped(bytes, 144 * 5 + 1), "bare.mp3"),
    namesIt("bare.mp3", /frame 5 must follow at byte 720.*\(corrupt\)$/),
  );
});

Deno.test("inspectAudio() finds the length of FLAC from an encoder that did not know it", async () => {
  const bytes = fixture("chirp.flac");
  bytes[21]! &= 0xf0;
  bytes.fill(0, 22, 42);
  assert.equal((await inspect(bytes, "pipe.flac")).durationMs, 500);
  assert.equal(
    (await decodeAudio(bytes, "pipe.flac")).channels[0]!.length,
    8000,
  );
  await assert.rejects(
    inspect(bytes.slice(0, -1), "pipe.flac"),
    namesIt("pipe.flac", /must end with a frame|samples/),
  );
});

Deno.test("decodeAudio() gives 16-bit FLAC back bit for bit", async () => {
  const { channels } = await decodeAudio(fixture("chirp.flac"), "chirp.flac");
  assert.deepEqual(toPcm16(channels[0]!), chirpPcm16(16_000));
});

Deno.test("inspectAudio() refuses Ogg that lacks a page, has two streams, or does not end", async () => {
  const bytes = fixture("chirp_pages.opus");
  const starts = pageStarts(bytes);
  const name = "pages.opus";
  const gap = concat([
    bytes.subarray(0, starts[4]),
    bytes.subarray(starts[5]),
  ]);
  await assert.rejects(
    decodeAudio(gap, name),
    namesIt(name, /page 4 must follow: current value is page 5$/),
  );
  const unended = bytes.slice(0, starts.at(-1));
  await assert.rejects(
    inspect(unended, name),
    namesIt(name, /last page must be marked as the end.*truncated/),
  );
  await assert.rejects(
    decodeAudio(concat([bytes, bytes]), name),
    namesIt(name, /Ogg must hold one stream: current value is several$/),
  );
});

Deno.test("inspectAudio() counts Opus from the first page where it was cut from a longer stream", async () => {
  const bytes = fixture("chirp_pages.opus");
  const starts = pageStarts(bytes);
  const cut = concat([
    bytes.subarray(0, starts[2]),
    bytes.subarray(starts[3]),
  ]);
  assert.equal((await inspect(cut, "cut.opus")).durationMs, 400);
});

Deno.test("decodeAudio() reads Opus whose tags, with a picture, take several pages", async () => {
  const bytes = fixture("chirp_pages.opus");
  const [, tags, audio] = pageStarts(bytes);
  const head = bytes.subarray(0, tags);
  const serial = new DataView(bytes.buffer).getUint32(14, true);
  const packet = new Uint8Array(255 * 400 + 7);
  packet.set(new TextEncoder().encode("OpusTags"));
  const pages = [packet.subarray(0, 255 * 255), packet.subarray(255 * 255)]
    .map((body, i) => oggPage(body, { serial, sequence: i + 1 }));
  const stream = renumbered(concat([head, ...pages, bytes.subarray(audio)]));
  assert.deepEqual(
    await decodeAudio(stream, "tagged.opus"),
    await decodeAudio(bytes, "whole.opus"),
  );
});

/** A page with one piece of a packet. */
function oggPage(
  body: Uint8Array,
  { serial, sequence }: { serial: number; sequence: number },
): Uint8Array<ArrayBuffer> {
  const pieces = Math.ceil((body.length + 1) / 255);
  const lacing = new Uint8Array(Math.min(255, pieces)).fill(255);
  if (pieces <= 255) lacing[pieces - 1] = body.length % 255;
  const head = new Uint8Array(27);
  head.set(text("OggS"));
  head[26] = lacing.length;
  const view = new DataView(head.buffer);
  view.setUint32(14, serial, true);
  view.setUint32(18, sequence, true);
  return concat([head, lacing, body]);
}

/** The same stream with its pages numbered from 0 and their checksums made anew. */
function renumbered(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer);
  const starts = pageStarts(bytes);
  starts.forEach((at, i) => {
    view.setUint32(at + 18, i, true);
    const page = bytes.subarray(at, starts[i + 1]);
    view.setUint32(at + 22, pageChecksum(page), true);
  });
  return bytes;
}

const text = (content: string) => new TextEncoder().encode(content);

const FOREIGN: readonly (readonly [string, Uint8Array<ArrayBuffer>, RegExp])[] =
  [
    ["nothing", text(""), /audio must not be empty: current value is 0 bytes$/],
    ["text", text("hello, world\n"), /begins with "hello, world"\)$/],
    ["zeros", new Uint8Array(1000), /current value is no audio known here/],
    ["M4A", text("\0\0\0\x20ftypM4A "), /current value is MP4 or M4A$/],
    [
      "WebM",
      Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3),
      /WebM or Matroska$/,
    ],
    ["AIFF", text("FORM\0\0\0\0AIFFCOMM"), /current value is AIFF$/],
    ["big-endian WAV", text("RIFX\0\0\0\0WAVEfmt "), /big-endian WAV$/],
    ["a RIFF header alone", text("RIFF\0\0\0\0WAVE"), /must have a fmt chunk/],
    ["an ID3 tag alone", text("ID3\x04\0\0\0\0\0\0"), /must hold a frame/],
    ["a FLAC marker alone", text("fLaC"), /must begin with a STREAMINFO/],
    ["an Ogg marker alone", text("OggS"), /first page must be sound/],
  ];

for (const [what, bytes, rule] of FOREIGN) {
  Deno.test(`inspectAudio() refuses ${what} and says what it is`, async () => {
    await assert.rejects(inspect(bytes, "clip.wav"), namesIt("clip.wav", rule));
    await assert.rejects(decodeAudio(bytes, "clip.wav"), namesIt("clip.wav"));
  });
}

Deno.test("inspectAudio() goes by content, not by the name", async () => {
  const info = await inspect(fixture("chirp.flac"), "chirp.mp3");
  assert.equal(info.format, "flac");
});

Deno.test("inspectAudio() refuses a file that is not there, and a folder", async () => {
  const missing = new URL("testdata/none.wav", import.meta.url).pathname;
  await assert.rejects(inspectAudio(fileSource(missing)), namesIt(missing));
  const folder = new URL("testdata", import.meta.url).pathname;
  await assert.rejects(
    inspectAudio(fileSource(folder)),
    namesIt(folder, /must be a readable file/),
  );
});
