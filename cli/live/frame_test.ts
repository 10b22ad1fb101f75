import assert from "node:assert/strict";
import fc from "fast-check";
import { random } from "../../lib/random.ts";
import type { Progress } from "../../plugins/mod.ts";
import { createLook, displayWidth } from "../../reporters/console/layout.ts";
import { assertGolden } from "../../tests/support/golden.ts";
import { sample } from "../../tests/support/sample.ts";
import { type FrameLook, liveFrame } from "./frame.ts";
import { LiveStats } from "./live_stats.ts";

const SNAPSHOT: Progress = {
  atMs: 48_000,
  stage: 1,
  name: "32 streams",
  phase: "measure",
  inFlight: 32,
  counts: { ok: 2204, error: 12, timeout: 1, cancelled: 0, dropped: 3 },
  requestsPerSecond: 45.94,
  medians: {},
  remainingMs: 72_000,
};

/** A chat server's answers of 10 s, and some failures. */
function chats(): LiveStats {
  const next = random(1, "chats");
  const stats = new LiveStats();
  stats.progress({ ...SNAPSHOT, atMs: 10_000, remainingMs: 110_000 });
  for (let id = 0; id < 460; id++) {
    const dispatchedMs = 38_000 + id * 20;
    const ttftMs = 90 + 60 * next() / (1.02 - next());
    const gapMs = 8 + 4 * next();
    const deltas = Array.from({ length: 32 }, (_, i) => ({
      kind: "text" as const,
      text: "word ",
      atMs: dispatchedMs + ttftMs + i * gapMs,
    }));
    const client = { sendingMs: 0.1, firstTokenMs: next(), endMs: next() };
    const endedMs = deltas.at(-1)!.atMs;
    stats.samples([
      sample({ id, stage: 1, dispatchedMs, endedMs, deltas, client }),
    ]);
  }
  const failures = [
    ["server_error", "503", "The model is overloaded, try again later"],
    ["server_error", "503", "The model is overloaded, try again later"],
    ["stream_error", undefined, "\x1b[2J\u202eThe stream\nended"],
  ] as const;
  for (const [i, [name, code, message]] of failures.entries()) {
    const failure = { class: name, message, ...(code && { code }) };
    const outcome = { status: "error" as const, failure };
    const endedMs = i < 2 ? 47_000 : 12_000;
    stats.samples([sample({ id: i, stage: 1, endedMs, outcome })]);
  }
  stats.progress(SNAPSHOT);
  return stats;
}

const RUN = { stages: 3, maxClientShare: 0.1 };

function look(width: number, more: Partial<FrameLook> = {}): FrameLook {
  const { paint } = createLook({ width, color: false, charts: true });
  return { width, height: 24, isUnicode: true, paint, ...more };
}

Deno.test("liveFrame() shows a run in 120, 80, 60 and 40 columns", async () => {
  const state = chats().state()!;
  const frames = [120, 80, 60, 40].map((width) =>
    `${width} columns\n${liveFrame(state, RUN, look(width)).join("\n")}\n`
  );
  frames.push(
    `ASCII\n${
      liveFrame(state, RUN, look(80, { isUnicode: false })).join("\n")
    }\n`,
  );
  await assertGolden("live_frames.txt", frames.join("\n"));
});

Deno.test("liveFrame() keeps to its size, whatever the names and numbers", () => {
  const text = fc.string({ unit: "binary", maxLength: 200 });
  const count = fc.nat(1e9);
  const stats = chats();
  fc.assert(
    fc.property(
      text,
      text,
      fc.nat(130),
      fc.nat(30),
      count,
      fc.boolean(),
      (name, message, columns, height, n, isUnicode) => {
        const failure = { class: name, code: message, message };
        stats.samples([
          sample({
            stage: 1,
            endedMs: 47_000,
            outcome: { status: "error", failure },
          }),
        ]);
        stats.progress({
          ...SNAPSHOT,
          name,
          inFlight: n,
          remainingMs: n,
          requestsPerSecond: n / 7,
          counts: { ok: n, error: n, timeout: n, cancelled: n, dropped: n },
        });
        const width = 39 + columns;
        const lines = liveFrame(
          stats.state()!,
          RUN,
          look(width, { height, isUnicode }),
        );
        assert.ok(lines.length <= height);
        for (const line of lines) {
          assert.ok(displayWidth(line) <= width, `${width}: ${line}`);
          assert.doesNotMatch(line, /\p{Cc}|[\u202a-\u202e]/u);
        }
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("liveFrame() shows what is known of a stage that has only begun", () => {
  const stats = new LiveStats();
  const { remainingMs: _, ...bare } = SNAPSHOT;
  const counts = { ok: 0, error: 0, timeout: 0, cancelled: 0, dropped: 0 };
  const begun = { ...bare, counts, phase: "warmup" as const, stage: 0 };
  stats.progress({ ...begun, requestsPerSecond: 0 });
  const frame = (stages?: number) =>
    liveFrame(stats.state()!, { stages, maxClientShare: 0.1 }, look(80));
  assert.deepEqual(frame(1), [
    "32 streams · warming up",
    "running 48 s",
    "0.0 requests/s · 32 in flight · 0 ok",
  ]);
  assert.equal(frame()[0], "32 streams · stage 1 · warming up");
});

Deno.test("liveFrame() shows how long a stage still takes", () => {
  const left = (snapshot: Partial<Progress>) => {
    const { remainingMs: _, ...bare } = SNAPSHOT;
    const stats = new LiveStats();
    stats.progress({ ...bare, ...snapshot });
    return liveFrame(stats.state()!, RUN, look(60))[1]!.split(" %  ").at(-1);
  };
  assert.equal(left({ remainingMs: 11_400 }), "12 s left");
  assert.equal(left({ remainingMs: 125_000 }), "2 min 05 s left");
  assert.equal(left({ remainingMs: 4_820_000 }), "1 h 20 min left");
  assert.equal(
    left({ remainingMs: 11_400, remainingRequests: 7 }),
    "12 s left · 7 to start",
  );
});

Deno.test("liveFrame() marks a client whose share is too high, in colour", () => {
  const stats = new LiveStats();
  const slow = { sendingMs: 20, endMs: 20 };
  stats.samples(
    Array.from({ length: 20 }, () => sample({ endedMs: 100, client: slow })),
  );
  stats.progress({ ...SNAPSHOT, stage: 0, atMs: 1000 });
  const { paint } = createLook({ width: 80, color: true, charts: true });
  const lines = liveFrame(stats.state()!, RUN, look(80, { paint }));
  const share = lines.find((line) => line.includes("share"));
  const text = "client's share of E2E latency: p95 at most 40 ms (40 %)";
  assert.equal(share, `\x1b[33m${text}\x1b[39m`);
});
