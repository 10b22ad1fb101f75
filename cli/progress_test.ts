import assert from "node:assert/strict";
import type { Progress } from "../plugins/mod.ts";
import { manualClock } from "../plugins/testing/manual_clock.ts";
import {
  progressLine,
  progressRecord,
  progressReporter,
  type Screen,
} from "./progress.ts";

const SNAPSHOT: Progress = {
  atMs: 8000,
  stage: 0,
  name: "8 streams",
  phase: "measure",
  inFlight: 8,
  counts: { ok: 41, error: 1, timeout: 1, cancelled: 0, dropped: 0 },
  requestsPerSecond: 1.94,
  medians: { ttft: 410.4, finalization: 131.6 },
  remainingMs: 11_400,
};

/** A terminal of a few columns that keeps its last line. */
function fakeScreen(columns = 200, live = true) {
  let written = "";
  const screen: Screen = {
    live,
    columns: () => columns,
    write: (text) => void (written += text),
  };
  return {
    screen,
    written: () => written,
    /** The line as a person sees it, each clearing carried out. */
    line: () => written.split("\n").at(-1)!.split("\r\x1b[K").at(-1),
  };
}

const CONTEXT = {
  env: () => undefined,
  signal: new AbortController().signal,
  warn: () => {},
};

Deno.test("progressReporter() shows a line at once, renews it in place, and clears it at the end", async () => {
  const { screen, line, written } = fakeScreen();
  const plugin = progressReporter({ quiet: false, screen });
  assert.equal(line(), "loading …");
  const reporter = await plugin.open(CONTEXT);
  reporter.progress?.(SNAPSHOT);
  assert.equal(line(), progressLine(SNAPSHOT));
  reporter.progress?.({ ...SNAPSHOT, name: "9 streams" });
  assert.match(line()!, /^9 streams/);
  await reporter[Symbol.asyncDispose]?.();
  assert.equal(line(), "");
  assert.ok(!written().includes("\n"), "nothing stays behind");
});

Deno.test("progressReporter() clears its line for what others write, and shows it again below", async () => {
  const { screen, line, written } = fakeScreen();
  const plugin = progressReporter({ quiet: false, screen });
  const reporter = await plugin.open(CONTEXT);
  reporter.progress?.(SNAPSHOT);
  plugin.aside(() => screen.write("warning: something\n"));
  assert.equal(line(), progressLine(SNAPSHOT));
  assert.ok(written().includes("\r\x1b[Kwarning: something\n8 streams"));
});

Deno.test("progressReporter() keeps to one line of the terminal", async () => {
  const { screen, line } = fakeScreen(20);
  const reporter = await progressReporter({ quiet: false, screen }).open(
    CONTEXT,
  );
  reporter.progress?.(SNAPSHOT);
  assert.equal(line()!.length, 19);
});

Deno.test("progressReporter() is silent with quiet, and lets others write", async () => {
  for (const live of [true, false]) {
    const { screen, written } = fakeScreen(80, live);
    const plugin = progressReporter({ quiet: true, screen });
    const reporter = await plugin.open(CONTEXT);
    reporter.progress?.({ ...SNAPSHOT, atMs: 60_000 });
    plugin.aside(() => screen.write("warning\n"));
    await reporter[Symbol.asyncDispose]?.();
    assert.equal(written(), "warning\n");
  }
});

Deno.test("progressReporter() writes a line every 10 s where there is no terminal", async () => {
  const { screen, written } = fakeScreen(80, false);
  const plugin = progressReporter({ quiet: false, screen });
  const reporter = await plugin.open(CONTEXT);
  const clock = manualClock();
  const glance = () => {
    reporter.progress?.({ ...SNAPSHOT, atMs: clock.now() });
    clock.at(clock.now() + 250, glance);
  };
  clock.at(250, glance);
  await clock.advance(9_900);
  assert.equal(written(), "");
  await clock.advance(25_100);
  plugin.aside(() => screen.write("warning\n"));
  await reporter[Symbol.asyncDispose]?.();
  const lines = written().split("\n");
  assert.deepEqual(lines.slice(3), ["warning", ""]);
  assert.deepEqual(
    lines.slice(0, 3),
    [10, 20, 30].map((s) => progressRecord({ ...SNAPSHOT, atMs: s * 1000 })),
  );
});

Deno.test("progressReporter() writes one line after a long silence, and keeps to its seconds", async () => {
  const { screen, written } = fakeScreen(80, false);
  const reporter = await progressReporter({ quiet: false, screen }).open(
    CONTEXT,
  );
  for (const atMs of [34_900, 35_000, 39_999, 40_000]) {
    reporter.progress?.({ ...SNAPSHOT, atMs });
  }
  assert.deepEqual(written().match(/seconds=\d+/g), [
    "seconds=35",
    "seconds=40",
  ]);
});

Deno.test("progressRecord() has a key for each figure, and none for what is not known", () => {
  assert.equal(
    progressRecord(SNAPSHOT),
    'progress seconds=8 stage=0 name="8 streams" phase=measure ok=41 error=1 timeout=1 cancelled=0 dropped=0 ' +
      "inFlight=8 requestsPerSecond=1.94 secondsLeft=12 ttftMs=410 finalizationMs=132",
  );
  const { remainingMs: _, ...bare } = SNAPSHOT;
  assert.equal(
    progressRecord({ ...bare, medians: {}, remainingRequests: 7 }),
    'progress seconds=8 stage=0 name="8 streams" phase=measure ok=41 error=1 timeout=1 cancelled=0 dropped=0 ' +
      "inFlight=8 requestsPerSecond=1.94 requestsLeft=7",
  );
});

Deno.test("progressLine() shows the stage, the remaining time, counts, rate and medians", () => {
  assert.equal(
    progressLine(SNAPSHOT),
    "8 streams · 12 s left · 41 ok, 2 failed · 8 in flight · 1.9/s · ttft 410 ms · finalization 132 ms",
  );
});

Deno.test("progressLine() leaves out what is not known and says which part of the stage it is", () => {
  const { remainingMs: _, ...bare } = SNAPSHOT;
  const counts = { ok: 0, error: 0, timeout: 0, cancelled: 0, dropped: 3 };
  const quiet = { ...bare, medians: {}, counts };
  assert.equal(
    progressLine(quiet),
    "8 streams · 0 ok · 8 in flight · 1.9/s · 3 dropped",
  );
  assert.match(progressLine({ ...quiet, phase: "warmup" }), /· warming up ·/);
  assert.match(
    progressLine({ ...quiet, phase: "drain" }),
    /· waiting for the last ·/,
  );
  assert.match(
    progressLine({ ...quiet, remainingRequests: 7 }),
    /· 7 to start ·/,
  );
});
