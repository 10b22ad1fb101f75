import assert from "node:assert/strict";
import { decodeAudio, inspectAudio } from "./decode.ts";
import { AudioError, type AudioFormat } from "./format.ts";
import { pageChecksum } from "./ogg.ts";
import { toPcm16 } from "./pcm.ts";
import { bytesSource, fileSource } from "./source.ts";
import { encodeWav } from "./wav_samples.ts";
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
  /** Minimum signal-to-noise ratio without delay, in dB. */
  readonly snr: number;
}

/** Every file contains the same chirp; testdata/README.md describes their origins. */
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
    assert.ok(error.message.includes(name), error.message);
    assert.match(error.message, /\bmust\b|^cannot|: cannot/);
    assert.match(error.message, rule);
    return true;
  };
}

/** The offsets of the pages of an Ogg file. */
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

  Deno.test(`inspectAudio() reads the headers of ${file}`, async () => {
    const path = new URL(`testdata/${file}`, import.meta.url).pathname;
    assert.deepEqual(await inspectAudio(fileSource(path)), {
      format,
      mediaType,
      sampleRateHz: rateHz,
      channels,
      durationMs: 500,
    });
  });

  Deno.test(`decodeAudio() decodes the chirp in ${file} without delay`, async () => {
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
      // FLAC that lacks less than a frame is only recognized when it is decoded.
      if (format !== "flac" || length < whole.length - 1) {
        await assert.rejects(inspect(cut, file), namesIt(file));
      }
      await assert.rejects(decodeAudio(cut, file), namesIt(file));
    }
  });

  // A changed byte of MP3 is only recognized if samples are missing.
  if (format !== "mp3") {
    Deno.test(`decodeAudio() refuses ${file} with a byte of its audio changed`, async () => {
      for (const ratio of [0.5, 0.6, 0.8, 0.95]) {
        const at = Math.floor(whole.length * ratio);
        await assert.rejects(
          decodeAudio(flipped(whole, at), file),
          namesIt(file, /MD5|corrupt|samples/),
        );
      }
    });
  }

  Deno.test(`decodeAudio() skips what follows the audio of ${file}`, async () => {
    const tag = new TextEncoder().encode("TAG".padEnd(128, " title"));
    const junk = concat([whole, tag]);
    assert.equal((await inspect(junk, file)).durationMs, 500);
    assert.deepEqual(
      await decodeAudio(junk, file),
      await decodeAudio(whole, file),
    );
  });
}

/** An ID3v2 tag of `size` bytes, followed by `padding` that is not counted. */
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
  Deno.test(`inspectAudio() skips the ID3 tags before ${file}`, async () => {
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

Deno.test("inspectAudio() names the unsupported format after an ID3 tag", async () => {
  const aac = concat([id3(20), Uint8Array.of(0xff, 0xf1, 0x50, 0x80, 0, 0)]);
  await assert.rejects(
    inspect(aac, "a.mp3"),
    namesIt("a.mp3", /AAC \(ADTS\)$/),
  );
});

Deno.test("inspectAudio() refuses two MP3 files in one", async () => {
  const bytes = fixture("chirp.mp3");
  const two = concat([bytes, bytes]);
  const rule = /^AudioError: two\.mp3: an MP3 file must contain one recording/;
  await assert.rejects(inspect(two, "two.mp3"), rule);
  await assert.rejects(decodeAudio(two, "two.mp3"), rule);
});

Deno.test("inspectAudio() counts the frames of an MP3 without a tag", async () => {
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
      /frame 15 must have 144 bytes, but was truncated, with 143$/,
    ),
  );
});

Deno.test("inspectAudio() refuses an MP3 without a tag that is corrupt in the middle", async () => {
  const bytes = fixture("chirp_bare.mp3");
  await assert.rejects(
    inspect(flipped(bytes, 144 * 5 + 1), "bare.mp3"),
    namesIt("bare.mp3", /after the end at byte 720 \(corrupt/),
  );
});

Deno.test("inspectAudio() finds the length of FLAC whose header lacks it", async () => {
  const bytes = fixture("chirp.flac");
  bytes[21]! &= 0xf0;
  bytes.fill(0, 22, 42);
  assert.equal((await inspect(bytes, "pipe.flac")).durationMs, 500);
  assert.equal(
    (await decodeAudio(bytes, "pipe.flac")).channels[0]!.length,
    8000,
  );
  await assert.rejects(
    decodeAudio(bytes.slice(0, -1), "pipe.flac"),
    namesIt("pipe.flac", /must have 8000 samples/),
  );
});

Deno.test("decodeAudio() keeps 16-bit FLAC bit for bit", async () => {
  const { channels } = await decodeAudio(fixture("chirp.flac"), "chirp.flac");
  assert.deepEqual(toPcm16(channels[0]!), chirpPcm16(16_000));
});

Deno.test("inspectAudio() refuses Ogg with a missing page, two streams, or no end", async () => {
  const bytes = fixture("chirp_pages.opus");
  const starts = pageStarts(bytes);
  const name = "pages.opus";
  const gap = concat([
    bytes.subarray(0, starts[4]),
    bytes.subarray(starts[5]),
  ]);
  await assert.rejects(
    decodeAudio(gap, name),
    namesIt(name, /page 4 must follow, but was page 5$/),
  );
  const unended = bytes.slice(0, starts.at(-1));
  await assert.rejects(
    inspect(unended, name),
    namesIt(name, /last page must be marked as the end.*truncated/),
  );
  await assert.rejects(
    decodeAudio(concat([bytes, bytes]), name),
    namesIt(name, /Ogg must contain one stream, but contains several$/),
  );
});

Deno.test("decodeAudio() reads Opus whose tags, with an image, take several pages", async () => {
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

/** A page with one segment of a packet. */
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

/** The same stream with its pages numbered from 0 and new checksums. */
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
    ["nothing", text(""), /audio must not be empty, but was 0 bytes$/],
    ["text", text("hello, world\n"), /begins with "hello, world"\)$/],
    ["zeros", new Uint8Array(1000), /but was an unknown format/],
    ["M4A", text("\0\0\0\x20ftypM4A "), /but was MP4 or M4A$/],
    [
      "WebM",
      Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3),
      /WebM or Matroska$/,
    ],
    ["AIFF", text("FORM\0\0\0\0AIFFCOMM"), /but was AIFF$/],
    ["big-endian WAV", text("RIFX\0\0\0\0WAVEfmt "), /big-endian WAV$/],
    ["a RIFF header alone", text("RIFF\0\0\0\0WAVE"), /must have a fmt chunk/],
    ["an ID3 tag alone", text("ID3\x04\0\0\0\0\0\0"), /must contain a frame/],
    ["a FLAC marker alone", text("fLaC"), /must begin with a STREAMINFO/],
    ["an Ogg marker alone", text("OggS"), /page at byte 0 must be valid/],
  ];

for (const [what, bytes, rule] of FOREIGN) {
  Deno.test(`inspectAudio() refuses ${what}, and names the format`, async () => {
    await assert.rejects(inspect(bytes, "clip.wav"), namesIt("clip.wav", rule));
    await assert.rejects(decodeAudio(bytes, "clip.wav"), namesIt("clip.wav"));
  });
}

Deno.test("inspectAudio() identifies the format by content, not by name", async () => {
  const info = await inspect(fixture("chirp.flac"), "chirp.mp3");
  assert.equal(info.format, "flac");
});

Deno.test("inspectAudio() refuses a missing file, and a folder", async () => {
  const missing = new URL("testdata/none.wav", import.meta.url).pathname;
  await assert.rejects(inspectAudio(fileSource(missing)), namesIt(missing));
  const folder = new URL("testdata", import.meta.url).pathname;
  await assert.rejects(
    inspectAudio(fileSource(folder)),
    namesIt(folder, /cannot read .*regular file|directory/),
  );
});
