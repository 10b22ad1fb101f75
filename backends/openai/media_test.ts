import assert from "node:assert/strict";
import { bytesSource, inspectAudio } from "../../audio/mod.ts";
import type { Audio, Image } from "../../plugins/mod.ts";
import { bytesOf } from "./json.ts";
import { Media } from "./media.ts";

const BYTES = new Uint8Array([1, 2, 3, 250]);

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function audioOf(mediaType: string, id = mediaType, bytes = BYTES) {
  const read = { file: 0, pcm16: [] as number[] };
  const audio: Audio = {
    id,
    durationMs: 10,
    file: () => {
      read.file++;
      return Promise.resolve({ bytes, mediaType, name: "a" });
    },
    pcm16: (rateHz) => {
      read.pcm16.push(rateHz);
      return Promise.resolve(new Int16Array(160).fill(7));
    },
  };
  return { audio, read };
}

for (
  const [mediaType, format] of [
    ["audio/wav", "wav"],
    ["audio/x-wav", "wav"],
    ["audio/mpeg", "mp3"],
  ] as const
) {
  Deno.test(`inputAudio() sends ${mediaType} unchanged`, async () => {
    const { audio, read } = audioOf(mediaType);
    assert.deepEqual(await new Media().inputAudio(audio), {
      data: bytesOf(BYTES.toBase64()),
      format,
    });
    assert.deepEqual(read.pcm16, []);
  });
}

for (const mediaType of ["audio/flac", "audio/ogg"]) {
  Deno.test(`inputAudio() converts ${mediaType} to WAV, as servers accept no other`, async () => {
    const { audio, read } = audioOf(mediaType);
    const { data, format } = await new Media().inputAudio(audio);
    assert.equal(format, "wav");
    const wav = Uint8Array.fromBase64(textOf(data));
    const info = await inspectAudio(bytesSource(wav, "a.wav"));
    assert.equal(info.format, "wav");
    assert.equal(info.sampleRateHz, 16_000);
    assert.equal(info.durationMs, 10);
    assert.deepEqual(read.pcm16, [16_000]);
  });
}

Deno.test("dataUrl() contains the unchanged file and separates images and audio with the same id", async () => {
  const media = new Media();
  const { audio } = audioOf("audio/flac", "x");
  const image: Image = {
    id: "x",
    file: () =>
      Promise.resolve({
        bytes: new Uint8Array([9]),
        mediaType: "image/png",
        name: "x.png",
      }),
  };
  assert.equal(
    textOf(await media.dataUrl("audio", audio)),
    "data:audio/flac;base64,AQID+g==",
  );
  assert.equal(
    textOf(await media.dataUrl("image", image)),
    "data:image/png;base64,CQ==",
  );
});

Deno.test("dataUrl() is valid in a JSON string for any media type", async () => {
  const { audio } = audioOf('audio/ogg; codecs="opus"', "x");
  const url = textOf(await new Media().dataUrl("audio", audio));
  assert.equal(
    JSON.parse(`"${url}"`),
    'data:audio/ogg; codecs="opus";base64,AQID+g==',
  );
});

Deno.test("Media reads a file once, and again after it was dropped", async () => {
  const media = new Media(10);
  const [a, b] = [audioOf("audio/wav", "a"), audioOf("audio/wav", "b")];
  await Promise.all([media.inputAudio(a.audio), media.inputAudio(a.audio)]);
  await media.inputAudio(a.audio);
  assert.equal(a.read.file, 1);
  await media.inputAudio(b.audio);
  await media.inputAudio(a.audio);
  assert.equal(a.read.file, 2);
});

for (const length of [0, 1, 393_215, 393_216, 393_217, 1_000_000]) {
  Deno.test(`inputAudio() encodes ${length} bytes the same in slices as at once`, async () => {
    const bytes = new Uint8Array(length).map((_, i) => i * i);
    const { audio } = audioOf("audio/wav", "long", bytes);
    const { data } = await new Media().inputAudio(audio);
    assert.ok(textOf(data) === bytes.toBase64());
  });
}
