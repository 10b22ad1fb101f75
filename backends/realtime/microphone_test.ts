import assert from "node:assert/strict";
import fc from "fast-check";
import { abortedBy } from "../../plugins/testing/calls.ts";
import { manualClock } from "../../plugins/testing/manual_clock.ts";
import type { AudioSent, Call, Instant } from "../../plugins/mod.ts";
import type { Frames } from "./frames.ts";
import { openMicrophone } from "./microphone.ts";

function framesOf(lengthsMs: readonly number[], size = 4): Frames {
  let endMs = 0;
  const endsMs = lengthsMs.map((lengthMs) => endMs += lengthMs);
  const messages = lengthsMs.map((_, i) => String(i).padEnd(size, "."));
  return { messages, endsMs, durationMs: endMs, bytes: 0 };
}

function studio(frames: Frames, { speed = 1, nowMs = 0 } = {}) {
  const clock = manualClock({ nowMs });
  const log: string[] = [];
  const sent: AudioSent[] = [];
  const marks: Partial<Record<Instant, number>> = {};
  const connection = {
    bufferedBytes: 0,
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
    mark: (instant, atMs = clock.now()) => void (marks[instant] = atMs),
    audioSent: (chunk) => void sent.push(chunk),
  };
  const ended = () => void log.push("ended");
  const microphone = openMicrophone(frames, { connection, call, speed, ended });
  return { clock, log, sent, marks, connection, microphone };
}

Deno.test("openMicrophone() sends each chunk when a microphone would have recorded it", async () => {
  const { clock, log, sent, marks } = studio(framesOf([100, 100, 40]), {
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
      const frames = framesOf(lengthsMs);
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

Deno.test("openMicrophone() catches up at once after the loop was held, and tells how late it was", () => {
  const tasks: (() => void)[] = [];
  let nowMs = 0;
  const sent: AudioSent[] = [];
  const clock = {
    epochMs: 0,
    now: () => nowMs,
    at: (_atMs: number, task: () => void) => (tasks.push(task), () => {}),
    sleepUntil: () => Promise.resolve(),
  };
  openMicrophone(framesOf([100, 100, 100]), {
    connection: { bufferedBytes: 0, send: () => {} },
    call: {
      clock,
      ...abortedBy(new AbortController().signal),
      read: () => 0,
      output: () => {},
      buffered: () => {},
      event: () => {},
      ended: () => {},
      retried: () => {},
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

Deno.test("openMicrophone() stops when told to, and says how far it came", async () => {
  const { clock, log, microphone } = studio(framesOf([100, 100, 100]));
  assert.equal(microphone.sentMs, 0);
  await clock.advance(200);
  microphone.stop();
  assert.equal(microphone.sentMs, 200);
  assert.equal(clock.pending, 0);
  await clock.advance(1000);
  assert.deepEqual(log, ["0...", "1..."]);
});

Deno.test("openMicrophone() sends unpaced audio at once, without due times", async () => {
  const { clock, log, sent, marks } = studio(framesOf([100, 100]), {
    speed: 0,
    nowMs: 7,
  });
  await clock.settle();
  assert.deepEqual(log, ["0...", "1...", "ended"]);
  assert.deepEqual(sent, [{ atMs: 7, endMs: 100 }, { atMs: 7, endMs: 200 }]);
  assert.deepEqual(marks, { streamStart: 7 });
});

Deno.test("openMicrophone() waits with unpaced audio while the socket is full", async () => {
  const frames = framesOf([100, 100, 100]);
  const { clock, log, connection, microphone } = studio(frames, { speed: 0 });
  const send = connection.send;
  connection.send = (text) => {
    send(text);
    connection.bufferedBytes += 300 * 1024;
  };
  await clock.advance(50);
  assert.deepEqual(log, ["0..."]);
  assert.equal(microphone.sentMs, 100);
  connection.bufferedBytes = 0;
  await clock.advance(1);
  assert.deepEqual(log, ["0...", "1..."]);
  connection.bufferedBytes = 0;
  await clock.advance(1);
  assert.deepEqual(log, ["0...", "1...", "2...", "ended"]);
  assert.equal(clock.pending, 0);
});

Deno.test("openMicrophone() lets the loop turn in the middle of long unpaced audio", async () => {
  const { clock, log } = studio(framesOf(Array(10).fill(1000), 100 * 1024), {
    speed: 0,
  });
  await clock.settle();
  assert.equal(log.length, 3);
  await clock.advance(10);
  assert.equal(log.length, 11);
});
