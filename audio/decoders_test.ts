import assert from "node:assert/strict";
import type { Audio } from "../core/request.ts";
import type { AudioClip } from "./clip.ts";
import { decodeAudio } from "./decode.ts";
import { DecodePool } from "./decode_pool.ts";
import { openDecoders } from "./decoders.ts";
import { AudioError } from "./format.ts";
import { downmix, toPcm16 } from "./pcm.ts";
import { resample } from "./resample.ts";
import { type AudioSource, bytesSource, fileSource } from "./source.ts";
import { encodeWav } from "./wav_samples.ts";
import {
  chirpPcm16,
  chunk,
  constantFlac,
  fixture,
  fmt,
  riff,
} from "../tests/support/signals.ts";

const WORKER = new URL("./decode_worker.ts", import.meta.url);

function wavSource(
  pcm: Int16Array = chirpPcm16(16_000),
  rateHz = 16_000,
): AudioSource {
  return bytesSource(encodeWav(pcm, rateHz), "chirp.wav", { id: "chirp" });
}

/** A source that counts how often it is opened. */
function counting(source: AudioSource): AudioSource & { opened: () => number } {
  let count = 0;
  return {
    ...source,
    opened: () => count,
    open: () => (count++, source.open()),
  };
}

Deno.test("Decoders.clip() keeps 16-bit mono at its own rate bit for bit", async () => {
  await using decoders = openDecoders();
  const clip = await decoders.clip(wavSource());
  assert.equal(clip.id, "chirp");
  assert.equal(clip.durationMs, 500);
  assert.deepEqual(await clip.pcm16(16_000), chirpPcm16(16_000));
});

Deno.test("AudioClip can be used as the audio of a dataset", async () => {
  await using decoders = openDecoders();
  const audio: Audio = await decoders.clip(wavSource());
  assert.equal(audio.durationMs, 500);
});

Deno.test("Decoders.clip() mixes stereo down and resamples to the given rate", async () => {
  await using decoders = openDecoders({ threads: 1 });
  const left = chirpPcm16(48_000);
  const frames = Int16Array.from(
    { length: left.length * 2 },
    (_, i) => i % 2 === 0 ? left[i / 2]! : 0,
  );
  const bytes = riff([
    chunk("fmt ", fmt({ channels: 2, rateHz: 48_000 })),
    chunk("data", new Uint8Array(frames.buffer)),
  ]);
  const clip = await decoders.clip(bytesSource(bytes, "stereo.wav"));
  const { channels } = await decodeAudio(bytes, "stereo.wav");
  for (const rateHz of [16_000, 24_000, 48_000]) {
    const expected = toPcm16(resample(downmix(channels), 48_000, rateHz));
    assert.equal(expected.length, rateHz / 2);
    assert.deepEqual(await clip.pcm16(rateHz), expected);
  }
});

for (
  const file of ["chirp.flac", "chirp.mp3", "chirp.opus", "chirp.ogg"]
) {
  Deno.test(`Decoders.clip() decodes ${file} in a worker as in this thread`, async () => {
    await using decoders = openDecoders({ threads: 1 });
    const path = new URL(`testdata/${file}`, import.meta.url).pathname;
    const clip = await decoders.clip(fileSource(path));
    const { channels, sampleRateHz } = await decodeAudio(fixture(file), file);
    const expected = toPcm16(resample(downmix(channels), sampleRateHz, 16_000));
    assert.deepEqual(await clip.pcm16(16_000), expected);
  });
}

Deno.test("AudioClip.pcm16() shares the result between simultaneous calls, and keeps nothing", async () => {
  await using decoders = openDecoders({ threads: 1 });
  const source = counting(wavSource());
  const clip = await decoders.clip(source);
  assert.equal(source.opened(), 1);
  const [a, b, other] = await Promise.all([
    clip.pcm16(16_000),
    clip.pcm16(16_000),
    clip.pcm16(8_000),
  ]);
  assert.equal(a, b);
  assert.equal(other.length, 4000);
  assert.equal(source.opened(), 3);
  const again = await clip.pcm16(16_000);
  assert.notEqual(again, a);
  assert.deepEqual(again, a);
  assert.equal(source.opened(), 4);
});

Deno.test("AudioClip.pcm16() refuses an invalid rate", async () => {
  await using decoders = openDecoders();
  const clip = await decoders.clip(wavSource());
  for (const rateHz of [0, -16_000, 16_000.5, NaN]) {
    await assert.rejects(
      clip.pcm16(rateHz),
      new RangeError(
        `the sample rate must be a whole number of Hz from 1, but was ${rateHz}`,
      ),
    );
  }
});

Deno.test("AudioClip.file() returns the file as it is, with its type and name", async () => {
  await using decoders = openDecoders();
  const path = new URL("testdata/chirp.opus", import.meta.url).pathname;
  const file = await (await decoders.clip(fileSource(path))).file();
  assert.deepEqual(file, {
    bytes: fixture("chirp.opus"),
    mediaType: "audio/ogg",
    name: "chirp.opus",
  });
});

Deno.test("AudioClip.file() makes a file name from any name of the source", async () => {
  await using decoders = openDecoders();
  const names = {
    "https://example.com/a/b.wav?x=1": "b.wav",
    "C:\\speech\\c.WAV": "c.WAV",
    "row 3": "row 3.wav",
    "": "audio.wav",
  };
  for (const [called, expected] of Object.entries(names)) {
    const bytes = encodeWav(chirpPcm16(16_000), 16_000);
    const clip = await decoders.clip(bytesSource(bytes, called));
    assert.equal((await clip.file()).name, expected);
  }
});

Deno.test("Decoders.clip() cuts at maxSeconds: length, samples and file", async () => {
  await using decoders = openDecoders({ threads: 1 });
  const path = new URL("testdata/chirp.flac", import.meta.url).pathname;
  const clip = await decoders.clip(fileSource(path), { maxSeconds: 0.2 });
  const expected = chirpPcm16(16_000).subarray(0, 3200);
  assert.equal(clip.durationMs, 200);
  assert.deepEqual(await clip.pcm16(16_000), expected.slice());
  assert.deepEqual(await clip.file(), {
    bytes: encodeWav(expected, 16_000),
    mediaType: "audio/wav",
    name: "chirp.wav",
  });
});

Deno.test("Decoders.clip() reads a long WAV file only up to maxSeconds", async () => {
  await using decoders = openDecoders({ threads: 1 });
  const minute = wavSource(new Int16Array(16_000 * 60).fill(1000));
  let total = 0;
  const source: AudioSource = {
    ...minute,
    async open() {
      const bytes = await minute.open();
      const read = async (start: number, end: number) => {
        const read = await bytes.read(start, end);
        total += read.length;
        return read;
      };
      return { ...bytes, read };
    },
  };
  const clip = await decoders.clip(source, { maxSeconds: 1.5 });
  assert.equal(clip.durationMs, 1500);
  assert.deepEqual(
    await clip.pcm16(16_000),
    new Int16Array(24_000).fill(1000),
  );
  assert.ok(total < 60_000, `${total}`);
});

Deno.test("Decoders.clip() leaves audio shorter than maxSeconds as it is", async () => {
  await using decoders = openDecoders({ threads: 1 });
  const path = new URL("testdata/chirp.flac", import.meta.url).pathname;
  const clip = await decoders.clip(fileSource(path), { maxSeconds: 30 });
  assert.equal(clip.durationMs, 500);
  assert.equal((await clip.pcm16(16_000)).length, 8000);
  assert.equal((await clip.file()).mediaType, "audio/flac");
});

Deno.test("AudioClip.part() is cut to the sample, as samples and as a file", async () => {
  await using decoders = openDecoders({ threads: 1 });
  const path = new URL("testdata/chirp.flac", import.meta.url).pathname;
  const pcm = chirpPcm16(16_000);
  for (const source of [wavSource(), fileSource(path, { id: "chirp" })]) {
    const whole = await decoders.clip(source);
    const part = whole.part({ startMs: 125.03, endMs: 300 });
    assert.equal(part.id, "chirp#t=0.12503,0.3");
    assert.equal(part.durationMs, (4800 - 2000) / 16);
    assert.deepEqual(await part.pcm16(16_000), pcm.slice(2000, 4800));
    const file = await part.file();
    assert.deepEqual(file, {
      bytes: encodeWav(pcm.slice(2000, 4800), 16_000),
      mediaType: "audio/wav",
      name: "chirp.wav",
    });
    const inner = part.part({ startMs: 50, id: "inner" });
    assert.equal(inner.id, "inner");
    assert.deepEqual(await inner.pcm16(16_000), pcm.slice(2800, 4800));
  }
});

Deno.test("AudioClip.part() leaves no samples between consecutive parts", async () => {
  await using decoders = openDecoders({ threads: 1 });
  const whole = await decoders.clip(wavSource());
  const cuts = [0, 33.333, 100.01, 217.77, 500];
  const parts = await Promise.all(
    cuts.slice(1).map((endMs, i) =>
      whole.part({ startMs: cuts[i]!, endMs }).pcm16(16_000)
    ),
  );
  assert.deepEqual(parts.flatMap((part) => [...part]), [
    ...chirpPcm16(16_000),
  ]);
});

Deno.test("AudioClip.part() refuses a part outside of the clip", async () => {
  await using decoders = openDecoders({ threads: 1 });
  const whole = await decoders.clip(wavSource());
  for (
    const span of [{ startMs: -1 }, { endMs: 501 }, { startMs: 9, endMs: 9 }, {
      startMs: 500,
    }, { startMs: NaN }]
  ) {
    assert.throws(
      () => whole.part(span),
      /^RangeError: chirp\.wav: a part must/,
    );
  }
});

Deno.test("AudioClip.pcm16() refuses a clip that is too large, and names maxSeconds", async () => {
  await using decoders = openDecoders({ threads: 1 });
  const flac = constantFlac(33_000); // 2 h 21 min
  const source = bytesSource(flac, "long.flac");
  const whole = await decoders.clip(source);
  await assert.rejects(
    whole.pcm16(16_000),
    /^AudioError: maxSeconds: must be at most 8388 to decode long\.flac at 16000 Hz \(256 MiB of samples\), but the clip lasts 8448 s$/,
  );
  assert.equal((await whole.file()).bytes.length, flac.length);
  const cut = await decoders.clip(source, { maxSeconds: 2 });
  assert.deepEqual(await cut.pcm16(16_000), new Int16Array(32_000));
});

Deno.test("Decoders.clip() refuses an invalid maxSeconds", async () => {
  await using decoders = openDecoders();
  for (const maxSeconds of [0, -1, NaN]) {
    await assert.rejects(
      decoders.clip(wavSource(), { maxSeconds }),
      /^RangeError: maxSeconds: must be more than 0, but was /,
    );
  }
});

Deno.test("AudioClip.pcm16() refuses a corrupt clip with valid headers, and continues with others", async () => {
  await using decoders = openDecoders({ threads: 1 });
  const bytes = fixture("chirp.flac");
  bytes[3000]! ^= 1;
  const bad = await decoders.clip(bytesSource(bytes, "speech/bad.flac"));
  const good = await decoders.clip(wavSource());
  const [refused, decoded] = await Promise.allSettled([
    bad.pcm16(16_000),
    good.pcm16(16_000),
  ]);
  assert.equal(decoded.status, "fulfilled");
  assert.equal(refused.status, "rejected");
  const { reason } = refused as PromiseRejectedResult;
  assert.ok(reason instanceof AudioError);
  assert.match(reason.message, /^speech\/bad\.flac: /);
});

Deno.test("Decoders.clip() opens hundreds of files at once", async () => {
  await using decoders = openDecoders({ threads: 2 });
  const path = new URL("testdata/chirp.mp3", import.meta.url).pathname;
  const clips: AudioClip[] = await Promise.all(
    Array.from({ length: 2000 }, () => decoders.clip(fileSource(path))),
  );
  assert.ok(clips.every((clip) => clip.durationMs === 500));
  const pcm = await Promise.all(
    clips.slice(0, 40).map((clip) => clip.pcm16(16_000)),
  );
  assert.ok(pcm.every((samples) => samples.length === 8000));
});

Deno.test("openDecoders() refuses waiting and later work when it is disposed", async () => {
  const decoders = openDecoders({ threads: 1 });
  const clip = await decoders.clip(wavSource());
  const waiting = assert.rejects(
    clip.pcm16(16_000),
    /^AudioError: chirp\.wav: the decoders are closed$/,
  );
  await decoders[Symbol.asyncDispose]();
  await waiting;
  await assert.rejects(clip.pcm16(16_000), AudioError);
});

Deno.test("openDecoders() refuses an invalid number of threads", () => {
  for (const threads of [0, -1, 1.5, NaN]) {
    assert.throws(() => openDecoders({ threads }), RangeError);
  }
});

function job(name: string) {
  const bytes = encodeWav(chirpPcm16(16_000), 16_000);
  return { name, bytes, sampleRateHz: 16_000 };
}

/** The URL of a worker with this source. */
function workerOf(source: string): URL {
  return new URL(`data:application/javascript,${encodeURIComponent(source)}`);
}

Deno.test("DecodePool takes over the bytes and returns samples", async () => {
  using pool = new DecodePool(1, WORKER);
  const given = job("a.wav");
  assert.deepEqual(await pool.run(given), chirpPcm16(16_000));
  assert.equal(given.bytes.length, 0);
});

Deno.test("DecodePool decodes in this thread if no worker can be started", async () => {
  const workerUrl = workerOf("throw new Error('no workers here')");
  using pool = new DecodePool(2, workerUrl);
  const all = await Promise.all(["a", "b", "c"].map((n) => pool.run(job(n))));
  for (const pcm of all) assert.deepEqual(pcm, chirpPcm16(16_000));
  assert.deepEqual(await pool.run(job("later")), chirpPcm16(16_000));
  const empty = { ...job("empty.wav"), bytes: new Uint8Array() };
  await assert.rejects(pool.run(empty), AudioError);
});

Deno.test("DecodePool loses one job to a crash, and starts another worker", async () => {
  const workerUrl = workerOf(`
    self.onmessage = ({ data }) => {
      if (data.argument.name === "bad") throw new Error("out of order");
      self.postMessage({ kind: "result", id: data.id, value: new Int16Array(3) });
    };
    self.postMessage({ kind: "ready" });`);
  using pool = new DecodePool(1, workerUrl);
  const [before, bad, after] = await Promise.allSettled([
    pool.run(job("good")),
    pool.run(job("bad")),
    pool.run(job("good")),
  ]);
  assert.equal(before.status, "fulfilled");
  assert.equal(after.status, "fulfilled");
  assert.equal(bad.status, "rejected");
  assert.match(
    String((bad as PromiseRejectedResult).reason),
    /^AudioError: bad: the decoder crashed: .*out of order/,
  );
});
