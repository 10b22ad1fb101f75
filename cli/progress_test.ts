import assert from "node:assert/strict";
import type { Progress, StageReport } from "../plugins/mod.ts";
import { sample } from "../tests/support/sample.ts";
import { manualClock } from "../plugins/testing/manual_clock.ts";
import { fakeTerminal } from "../tests/support/fake_terminal.ts";
import { progressRecord, progressReporter } from "./progress.ts";

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

const CONTEXT = {
  env: () => undefined,
  signal: new AbortController().signal,
  warn: () => {},
};

/** A pipe, or a terminal that gets plain lines. */
function fakePipe() {
  const terminal = fakeTerminal();
  return { ...terminal, screen: { ...terminal.screen, isTerminal: false } };
}

Deno.test("progressReporter() shows a view at once, renews it in place, and removes it when the stage ends", async () => {
  const { screen, lines } = fakeTerminal();
  using plugin = progressReporter({ stages: 2, screen });
  assert.deepEqual(lines(), ["loading …"]);
  const reporter = await plugin.open(CONTEXT);
  reporter.samples?.([sample({ endedMs: 7000, dispatchedMs: 6000 })]);
  reporter.progress?.(SNAPSHOT);
  assert.equal(lines()[0], "8 streams · stage 1 of 2 · measuring");
  assert.match(lines()[4]!, /^last 2 s, ms +p50 +p95 +p99/);
  reporter.progress?.({ ...SNAPSHOT, name: "9 streams" });
  assert.match(lines()[0]!, /^9 streams/);
  reporter.stage?.({} as StageReport);
  assert.deepEqual(lines(), []);
  reporter.progress?.({ ...SNAPSHOT, stage: 1 });
  assert.match(lines()[0]!, /^8 streams · stage 2 of 2/);
  plugin[Symbol.dispose]();
  assert.deepEqual(lines(), []);
});

Deno.test("progressReporter() removes its view for what others write, and shows it again below", async () => {
  const { screen, lines } = fakeTerminal();
  using plugin = progressReporter({ screen });
  const reporter = await plugin.open(CONTEXT);
  reporter.progress?.(SNAPSHOT);
  const before = lines();
  plugin.aside(() => screen.write("warning: something\n"));
  assert.deepEqual(lines(), ["warning: something", ...before]);
});

Deno.test("progressReporter() removes its view before an interrupt is reported", async () => {
  const { screen, lines } = fakeTerminal();
  const controller = new AbortController();
  using plugin = progressReporter({ screen, signal: controller.signal });
  const reporter = await plugin.open(CONTEXT);
  reporter.progress?.(SNAPSHOT);
  controller.abort();
  screen.write("interrupted\n");
  reporter.progress?.(SNAPSHOT);
  assert.match(lines()[1]!, /^8 streams/);
});

Deno.test("progressReporter() follows the size of the terminal at once", async () => {
  const { screen, lines, resize } = fakeTerminal({ columns: 80 });
  using plugin = progressReporter({ screen });
  resize(70);
  assert.deepEqual(lines(), ["loading …"]);
  const reporter = await plugin.open(CONTEXT);
  reporter.progress?.(SNAPSHOT);
  const [, wide] = lines();
  resize(100);
  assert.equal(lines()[1]!.length, wide!.length + 30);
});

Deno.test("progressReporter() uses colour as it is asked to", async () => {
  for (
    const [color, hasColor, expected] of [
      ["auto", true, true],
      ["auto", false, false],
      ["always", false, true],
      ["never", true, false],
    ] as const
  ) {
    const { screen, written } = fakeTerminal();
    using plugin = progressReporter({ color, screen: { ...screen, hasColor } });
    const reporter = await plugin.open(CONTEXT);
    reporter.progress?.(SNAPSHOT);
    assert.equal(written().includes("\x1b[1m"), expected, color);
  }
});

Deno.test("progressReporter() is silent with quiet, and lets others write", async () => {
  for (const { screen, written } of [fakeTerminal(), fakePipe()]) {
    using plugin = progressReporter({ quiet: true, screen });
    const reporter = await plugin.open(CONTEXT);
    reporter.progress?.({ ...SNAPSHOT, atMs: 60_000 });
    plugin.aside(() => screen.write("warning\n"));
    assert.equal(written(), "warning\n");
  }
});

Deno.test("progressReporter() writes a line every 10 s where there is no terminal", async () => {
  const { screen, written } = fakePipe();
  using plugin = progressReporter({ screen });
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
  const lines = written().split("\n");
  assert.deepEqual(lines.slice(3), ["warning", ""]);
  assert.deepEqual(
    lines.slice(0, 3),
    [10, 20, 30].map((s) => progressRecord({ ...SNAPSHOT, atMs: s * 1000 })),
  );
});

Deno.test("progressReporter() without a live view writes one line after a long silence, and keeps to its seconds", async () => {
  const { screen, written } = fakeTerminal();
  using plugin = progressReporter({ live: false, screen });
  const reporter = await plugin.open(CONTEXT);
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
