import assert from "node:assert/strict";
import type { Progress } from "../../plugins/mod.ts";
import { manualClock } from "../../plugins/testing/manual_clock.ts";
import type { PageUpdate } from "../../report_page/page_update.ts";
import {
  goodStage,
  oneStageReport,
  runInfo,
} from "../../tests/support/report.ts";
import { sample } from "../../tests/support/sample.ts";
import { PageEvents } from "./page_events.ts";

const SNAPSHOT: Progress = {
  atMs: 0,
  stage: 0,
  name: "8 streams",
  phase: "measure",
  inFlight: 8,
  counts: { ok: 0, error: 0, timeout: 0, cancelled: 0, dropped: 0 },
  requestsPerSecond: 0,
  medians: {},
};

/** A run whose events are read, on a clock that tests move. */
function begun() {
  const clock = manualClock();
  const events = new PageEvents(clock);
  const { reporter } = events;
  reporter.start?.(runInfo);
  return {
    clock,
    events,
    reporter,
    /** Moves the clock, with a state of the run four times a second. */
    async passes(ms: number) {
      for (const endMs = clock.now() + ms; clock.now() < endMs;) {
        await clock.advance(250);
        reporter.progress?.({ ...SNAPSHOT, atMs: clock.now() });
        await clock.settle();
      }
    },
  };
}

/** Opens a page. Its reader gives updates, and undefined at the end. */
function opened(events: PageEvents) {
  const reader = events.stream().pipeThrough(new TextDecoderStream())
    .getReader();
  return {
    async next(): Promise<PageUpdate | undefined> {
      const { value, done } = await reader.read();
      if (done) return undefined;
      return value === ":\n\n" ? this.next() : JSON.parse(value.slice(6));
    },
    cancel: () => reader.cancel(),
  };
}

Deno.test("PageEvents sends an update a second, and at once where a stage begins or ends", async () => {
  const { events, reporter, passes, clock } = begun();
  const page = opened(events);
  assert.equal((await page.next())?.info?.run.id, runInfo.run.id);
  const times: number[] = [];
  const reading = (async () => {
    while (await page.next()) times.push(clock.now());
  })();
  await passes(3000);
  assert.deepEqual(times, [250, 1250, 2250]);
  await clock.advance(100);
  reporter.stage?.(goodStage);
  await clock.settle();
  assert.deepEqual(times.at(-1), 3100);
  await reporter.report(oneStageReport);
  await reading;
  assert.equal(times.length, 5);
  assert.equal(events.pages, 0);
});

Deno.test("PageEvents sends only what a page does not have, and the running stage", async () => {
  const { events, reporter, passes } = begun();
  const page = opened(events);
  await page.next();
  reporter.samples?.([sample({ id: 3 })]);
  await passes(1000);
  const second = await page.next();
  assert.equal(second?.info, undefined);
  assert.equal(second?.progress?.atMs, 250);
  assert.deepEqual(Object.keys(second!.stages), ["0"]);
  reporter.stage?.(goodStage);
  const third = await page.next();
  assert.deepEqual(Object.keys(third!.stages), ["0"]);
  await passes(1000);
  assert.deepEqual(Object.keys((await page.next())!.stages), ["1"]);
  await page.cancel();
});

Deno.test("PageEvents skips updates that a page is too slow for", async () => {
  const { events, passes } = begun();
  const page = opened(events);
  await page.next();
  await passes(4000);
  // One was made when the page had read the last one; the others became one.
  assert.equal((await page.next())?.progress?.atMs, 250);
  assert.equal((await page.next())?.progress?.atMs, 4000);
  await page.cancel();
  assert.equal(events.pages, 0);
});

Deno.test("PageEvents closes a page that does not read", async () => {
  const { events, passes } = begun();
  const stream = events.stream();
  const reader = stream.getReader();
  await reader.read();
  await reader.read();
  assert.equal(events.pages, 1);
  await passes(9_750);
  assert.equal(events.pages, 1);
  await passes(500);
  assert.equal(events.pages, 0);
  assert.equal((await reader.read()).done, true);
});

Deno.test("PageEvents keeps the requests of the last twenty stages, and every report", async () => {
  const { events, reporter } = begun();
  for (let stage = 0; stage < 25; stage++) {
    reporter.samples?.([sample({ stage })]);
    reporter.stage?.(goodStage);
  }
  const page = opened(events);
  const stages = Object.values((await page.next())!.stages);
  assert.equal(stages.filter(({ report }) => report).length, 25);
  const detailed = stages.flatMap(({ details }, i) => details ? [i] : []);
  assert.deepEqual(detailed, Array.from({ length: 20 }, (_, i) => i + 5));
  await page.cancel();
});

Deno.test("PageEvents sends hostile texts as visible ones, which end no event", async () => {
  const { events, reporter } = begun();
  const name = "</script>\n\ndata: x\u2028\u202e\x1b[2J";
  reporter.progress?.({ ...SNAPSHOT, name });
  const page = opened(events);
  assert.equal(
    (await page.next())?.progress?.name,
    "</script>\n\ndata: x\\u2028\\u202e\\x1b[2J",
  );
  await page.cancel();
});

Deno.test("PageEvents says which part of very many requests it has", async () => {
  const { events, reporter, passes } = begun();
  const page = opened(events);
  assert.equal((await page.next())?.taken, undefined);
  for (let i = 0; i < 4; i++) {
    const ids = Array.from({ length: 2000 }, (_, k) => 2000 * i + k);
    reporter.samples?.(ids.map((id) => sample({ id })));
    await passes(250);
  }
  await passes(1000);
  await page.next();
  const [taken, all] = (await page.next())!.taken!;
  assert.equal(all, 8000);
  assert.ok(taken > 200 && taken < 1000, `${taken}`);
  await page.cancel();
});
