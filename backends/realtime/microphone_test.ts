import fc from "fast-check";
import { abortedBy } from "../../plugins/testing/backend.ts";
import assert from "node:assert/strict";
import { vllmDialect as vllm } from "./dialects/vllm.ts";
import {
  frameCache,
  type Frames,
  framesOf,
  openMicrophone,
} from "./microphone.ts";
import type { Audio, AudioSent, Call, Instant } from "../../plugins/mod.ts";
import { manualClock } from "../../plugins/testing/manual_clock.ts";

const { signal } = new AbortController();

function audioOf(samples: Int16Array, id = "a"): Audio & { decoded: number } {
  return {
    id,
    decoded: 0,
    durationMs: samples.length / 16,
    file: () => Promise.reject(new Error("not asked for")),
    pcm16(rate) {
      assert.equal(rate, 16_000);
      this.decoded++;
      return Promise.resolve(samples);
    },
  };
}

const bytesIn = (message: Frames["chunks"][number]) =>
  Uint8Array.fromBase64(JSON.parse(String(message)).audio);

Deno.test("framesOf() cuts audio so that its pieces make the whole, byte for byte", async () => {
  await fc.assert(fc.asyncProperty(
    fc.int16Array({ minLength: 1, maxLength: 3000 }),
    fc.double({ min: 10, max: 60, noNaN: true }),
    async (samples, chunkMs) => {
      const frames = await framesOf(audioOf(samples), {
        dialect: vllm,
        dialectName: "vllm",
        chunkMs,
        signal,
      });
      const bytes = frames.chunks.flatMap((message) => [...bytesIn(message)]);
      assert.deepEqual(new Int16Array(new Uint8Array(bytes).buffer), samples);
      assert.equal(frames.chunks.length, frames.endsMs.length);
      assert.equal(frames.endsMs.at(-1), samples.length / 16);
      assert.equal(frames.durationMs, samples.length / 16);
      const step = Math.round(chunkMs * 16);
      assert.equal(frames.chunks.length, Math.ceil(samples.length / step));
      frames.endsMs.slice(0, -1).forEach((endMs, i) =>
        assert.equal(endMs, (i + 1) * step / 16)
      );
    },
  ));
});

Deno.test("framesOf() writes little-endian samples", async () => {
  const frames = await framesOf(audioOf(Int16Array.of(1, -2)), {
    dialect: vllm,
    dialectName: "vllm",
    chunkMs: 100,
    signal,
  });
  assert.deepEqual([...bytesIn(frames.chunks[0]!)], [1, 0, 254, 255]);
});

for (
  const [encoding, bytes] of [
    ["pcm16", [0, 0, 255, 127, 0, 128]],
    ["float32", [0, 0, 0, 0, 0, 254, 127, 63, 0, 0, 128, 191]],
    ["mulaw", [0xff, 0x80, 0x00]],
    ["alaw", [0xd5, 0xaa, 0x2a]],
  ] as const
) {
  Deno.test(`framesOf() encodes samples as ${encoding}`, async () => {
    const samples = Int16Array.of(0, 32767, -32768);
    const dialect = {
      sampleRateHz: 16_000,
      encoding,
      append: (audio: Uint8Array) => [audio, "next"],
    };
    const { chunks } = await framesOf(audioOf(samples), {
      dialect,
      dialectName: "x",
      chunkMs: 100,
      signal,
    });
    assert.deepEqual(chunks, [[Uint8Array.from(bytes), "next"]]);
  });
}

Deno.test("framesOf() takes a part of a larger buffer for what it is", async () => {
  const part = Int16Array.of(9, 1, 2, 9).subarray(1, 3);
  const frames = await framesOf(audioOf(part), {
    dialect: vllm,
    dialectName: "vllm",
    chunkMs: 100,
    signal,
  });
  assert.deepEqual([...bytesIn(frames.chunks[0]!)], [1, 0, 2, 0]);
});

Deno.test("framesOf() refuses audio without a sample", async () => {
  await assert.rejects(
    framesOf(audioOf(new Int16Array()), {
      dialect: vllm,
      dialectName: "vllm",
      chunkMs: 100,
      signal,
    }),
    { message: "Cannot stream a: it has no samples" },
  );
});

Deno.test("framesOf() names the dialect and the step if append returns no message", async () => {
  const dialect = { ...vllm, append: () => undefined as never };
  const options = { dialect, dialectName: "toy", chunkMs: 100, signal };
  await assert.rejects(framesOf(audioOf(Int16Array.of(1)), options), {
    message:
      "dialect toy: append must return a message or a list of messages, but returned undefined",
  });
});

Deno.test("framesOf() stops in a long file when nobody wants it any more", async () => {
  const abort = new AbortController();
  const made = framesOf(audioOf(new Int16Array(16_000 * 60)), {
    dialect: vllm,
    dialectName: "vllm",
    chunkMs: 100,
    signal: abort.signal,
  });
  abort.abort(new Error("enough"));
  await assert.rejects(made, { message: "enough" });
});

Deno.test("frameCache() makes the frames of an audio once, however many ask at once", async () => {
  const cache = frameCache({
    dialect: vllm,
    dialectName: "vllm",
    chunkMs: 100,
    signal,
    maxBytes: 1e6,
  });
  const audio = audioOf(new Int16Array(1600));
  const all = await Promise.all([cache(audio), cache(audio)]);
  all.push(await cache(audio));
  assert.equal(new Set(all).size, 1);
  assert.equal(audio.decoded, 1);
});

Deno.test("frameCache() lets go what was unused for longest, and never the latest", async () => {
  const [a, b, c] = ["a", "b", "c"].map((id) =>
    audioOf(new Int16Array(1600), id)
  );
  const { bytes } = await framesOf(a!, {
    dialect: vllm,
    dialectName: "vllm",
    chunkMs: 100,
    signal,
  });
  const cache = frameCache({
    dialect: vllm,
    dialectName: "vllm",
    chunkMs: 100,
    signal,
    maxBytes: 2 * bytes,
  });
  for (const audio of [a!, b!, a!, c!, a!, b!]) await cache(audio);
  assert.deepEqual([a!.decoded, b!.decoded, c!.decoded], [2, 2, 1]);
  const small = frameCache({
    dialect: vllm,
    dialectName: "vllm",
    chunkMs: 100,
    signal,
    maxBytes: 1,
  });
  await small(c!);
  await small(c!);
  assert.equal(c!.decoded, 2);
});

Deno.test("frameCache() tries again after a failure", async () => {
  let isBroken = true;
  const audio: Audio = {
    ...audioOf(new Int16Array(1)),
    pcm16: () =>
      isBroken
        ? Promise.reject(new Error("no"))
        : Promise.resolve(new Int16Array(1)),
  };
  const cache = frameCache({
    dialect: vllm,
    dialectName: "vllm",
    chunkMs: 100,
    signal,
    maxBytes: 1,
  });
  await assert.rejects(cache(audio), { message: "no" });
  isBroken = false;
  assert.equal((await cache(audio)).chunks.length, 1);
});

function framesEnding(lengthsMs: readonly number[], size = 4): Frames {
  let endMs = 0;
  const endsMs = lengthsMs.map((lengthMs) => endMs += lengthMs);
  const chunks = lengthsMs.map((_, i) => String(i).padEnd(size, "."));
  return { chunks, endsMs, durationMs: endMs, bytes: 0 };
}

function studio(frames: Frames, { speed = 1, nowMs = 0 } = {}) {
  const clock = manualClock({ nowMs });
  const log: string[] = [];
  const sent: AudioSent[] = [];
  const marks: Partial<Record<Instant, number>> = {};
  const socket = { bufferedBytes: 0 };
  const connection = {
    bufferedBytes: () => socket.bufferedBytes,
    send: (text: string) => void log.push(text),
  };
  const call: Call = {
    clock,
    ...abortedBy(new AbortController().signal),
    read: () => clock.now(),
    output: () => {},
    buffered: () => {},
    event: () => {},
    ended: () => {},
    retried: () => {},
    sendWaited: () => {},
    arrived() {},
    waitingSince: () => 0,
    mark: (instant, atMs = clock.now()) => void (marks[instant] = atMs),
    audioSent: (chunk) => void sent.push(chunk),
  };
  const ended = () => void log.push("ended");
  const microphone = openMicrophone(frames, { connection, call, speed, ended });
  return { clock, log, sent, marks, connection, socket, microphone };
}

Deno.test("openMicrophone() sends each chunk when a microphone would have recorded it", async () => {
  const { clock, log, sent, marks } = studio(framesEnding([100, 100, 40]), {
    nowMs: 5,
  });
  assert.deepEqual(marks, { streamStart: 5 });
  await clock.advance(99.9);
  assert.deepEqual(log, []);
  await clock.advance(1000);
  assert.deepEqual(sent, [
    { dueMs: 105, atMs: 105, endMs: 100 },
    { dueMs: 205, atMs: 205, endMs: 200 },
    { dueMs: 245, atMs: 245, endMs: 240 },
  ]);
  assert.deepEqual(log, ["0...", "1...", "2...", "ended"]);
  assert.equal(clock.pending, 0);
});

Deno.test("openMicrophone() keeps an absolute schedule at any speed and for any chunks", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.double({ min: 1, max: 500, noNaN: true }), {
      minLength: 1,
      maxLength: 30,
    }),
    fc.double({ min: 0.25, max: 10, noNaN: true }),
    fc.double({ min: 0, max: 1e6, noNaN: true }),
    async (lengthsMs, speed, nowMs) => {
      const frames = framesEnding(lengthsMs);
      const { clock, sent } = studio(frames, { speed, nowMs });
      while (await clock.tick());
      assert.deepEqual(
        sent,
        frames.endsMs.map((endMs) => {
          const dueMs = nowMs + endMs / speed;
          return { dueMs, atMs: dueMs, endMs };
        }),
      );
    },
  ));
});

Deno.test("openMicrophone() catches up at once after the loop was held, and records how late it was", () => {
  const tasks: (() => void)[] = [];
  let nowMs = 0;
  const sent: AudioSent[] = [];
  const clock = {
    epochMs: 0,
    now: () => nowMs,
    at: (_atMs: number, task: () => void) => (tasks.push(task), () => {}),
    sleepUntil: () => Promise.resolve(),
  };
  openMicrophone(framesEnding([100, 100, 100]), {
    connection: { bufferedBytes: () => 0, send: () => {} },
    call: {
      clock,
      ...abortedBy(new AbortController().signal),
      read: () => 0,
      output: () => {},
      buffered: () => {},
      event: () => {},
      ended: () => {},
      retried: () => {},
      sendWaited: () => {},
      arrived() {},
      waitingSince: () => 0,
      mark: () => {},
      audioSent: (chunk) => void sent.push(chunk),
    },
    speed: 1,
    ended: () => {},
  });
  nowMs = 250;
  tasks.shift()!();
  tasks.shift()!();
  nowMs = 300;
  tasks.shift()!();
  assert.deepEqual(sent.map(({ dueMs, atMs }) => [dueMs, atMs]), [[100, 250], [
    200,
    250,
  ], [300, 300]]);
});

Deno.test("openMicrophone() stops if asked to, and says how far it came", async () => {
  const { clock, log, microphone } = studio(framesEnding([100, 100, 100]));
  assert.equal(microphone.sentMs(), 0);
  await clock.advance(200);
  microphone.stop();
  assert.equal(microphone.sentMs(), 200);
  assert.equal(clock.pending, 0);
  await clock.advance(1000);
  assert.deepEqual(log, ["0...", "1..."]);
});

Deno.test("openMicrophone() sends unpaced audio at once, without due times", async () => {
  const { clock, log, sent, marks } = studio(framesEnding([100, 100]), {
    speed: 0,
    nowMs: 7,
  });
  await clock.settle();
  assert.deepEqual(log, ["0...", "1...", "ended"]);
  assert.deepEqual(sent, [{ atMs: 7, endMs: 100 }, { atMs: 7, endMs: 200 }]);
  assert.deepEqual(marks, { streamStart: 7 });
});

Deno.test("openMicrophone() waits with unpaced audio while the socket is full", async () => {
  const frames = framesEnding([100, 100, 100]);
  const { clock, log, connection, socket, microphone } = studio(frames, {
    speed: 0,
  });
  const send = connection.send;
  connection.send = (text) => {
    send(text);
    socket.bufferedBytes += 300 * 1024;
  };
  await clock.advance(50);
  assert.deepEqual(log, ["0..."]);
  assert.equal(microphone.sentMs(), 100);
  socket.bufferedBytes = 0;
  await clock.advance(1);
  assert.deepEqual(log, ["0...", "1..."]);
  socket.bufferedBytes = 0;
  await clock.advance(1);
  assert.deepEqual(log, ["0...", "1...", "2...", "ended"]);
  assert.equal(clock.pending, 0);
});

Deno.test("openMicrophone() lets the loop turn in the middle of long unpaced audio", async () => {
  const { clock, log } = studio(
    framesEnding(Array(10).fill(1000), 100 * 1024),
    {
      speed: 0,
    },
  );
  await clock.settle();
  assert.equal(log.length, 3);
  await clock.advance(10);
  assert.equal(log.length, 11);
});
