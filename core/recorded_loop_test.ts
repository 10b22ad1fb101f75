import assert from "node:assert/strict";
import fc from "fast-check";
import type { StopRules } from "./config.ts";
import type { Backend, Dataset } from "./contract.ts";
import type { StageReport } from "./report.ts";
import type { Session, Turn } from "./request.ts";
import type { Sample } from "./sample.ts";
import type { Shard } from "./shard.ts";
import { runStages } from "./run.ts";
import { manualClock } from "../plugins/testing/manual_clock.ts";

interface Options {
  readonly speed?: number;
  readonly stop?: StopRules;
  readonly shard?: Shard;
  readonly maxInFlight?: number;
  /** Time that each answer takes. @default {0} */
  readonly answerMs?: number;
  /** Requests of a stage before, where the data is not begun again for the replay. @default {no stage} */
  readonly requestsBefore?: number;
}

interface Replayed {
  /** Number of connections that were opened before the stage. */
  readonly connections: number | undefined;
  readonly samples: readonly Sample[];
  readonly stage: StageReport;
  readonly skips: readonly string[];
}

const TURN: Turn = { columns: { text: "a" } };

/** Sessions at these times; one with a problem where the item is given so. */
function datasetOf(
  items: readonly (number | { at?: number; problem: string })[],
  turns: readonly Turn[] = [TURN],
): Dataset {
  return {
    async *sessions() {
      for (const [i, item] of items.entries()) {
        const id = `s${i}`;
        const session: Session = typeof item === "number"
          ? { id, turns, startMs: item }
          : {
            id,
            turns,
            problem: item.problem,
            ...(item.at !== undefined && { startMs: item.at }),
          };
        yield session;
      }
    },
  };
}

/** Replays data on a manual clock. */
async function replay(dataset: Dataset, options: Options): Promise<Replayed> {
  const { speed = 1, stop = {}, shard, maxInFlight, answerMs = 0 } = options;
  const { requestsBefore: requests } = options;
  const clock = manualClock();
  const backend: Backend = {
    needs: ["text"],
    connect: (count) => {
      connections = count;
      return Promise.resolve([]);
    },
    async send(_request, call) {
      if (answerMs > 0) {
        await call.clock.sleepUntil(call.clock.now() + answerMs);
      }
      return {};
    },
  };
  const samples: Sample[] = [], skips: string[] = [];
  let over = false;
  let connections: number | undefined;
  const running = runStages({
    backend,
    dataset,
    load: function* () {
      if (requests !== undefined) {
        const arrivals = { concurrency: 1 };
        yield { name: "before", load: {}, arrivals, stop: { requests } };
      }
      yield {
        continuesData: true,
        name: "replay",
        load: { kind: "replay", speed },
        arrivals: { speed },
        ...(maxInFlight !== undefined && { maxInFlight }),
      };
    },
    ...{ stop, clock, seed: 1, normalizer: "basic", strict: false },
    ...(shard && { shard }),
    signal: new AbortController().signal,
    listener: {
      samples: (batch) => void samples.push(...batch),
      skip: (id) => void skips.push(id),
      start() {},
      progress() {},
      stage() {},
      late() {},
    },
  }).finally(() => over = true);
  running.catch(() => {});
  await clock.settle();
  for (let steps = 0; !over; steps++) {
    assert.ok(steps < 100_000, "the run hangs");
    if (!await clock.tick()) await clock.settle();
  }
  const { stages, error } = await running;
  if (error !== undefined) throw error;
  const last = stages.length - 1;
  samples.splice(0, Infinity, ...samples.filter(({ stage }) => stage === last));
  samples.sort((a, b) => a.scheduledMs - b.scheduledMs || a.id - b.id);
  return { samples, skips, connections, stage: stages.at(-1)! };
}

function starts({ samples }: Pick<Replayed, "samples">): [string, number][] {
  return samples.map(({ session, scheduledMs }) => [session.id, scheduledMs]);
}

Deno.test("a replay starts each session at its recorded time, whether or not earlier ones have ended", async () => {
  const data = datasetOf([500, 510, 510, 2500]);
  const { stage, connections, ...ran } = await replay(data, { answerMs: 700 });
  assert.equal(connections, 3, "one for each session of the first second");
  assert.deepEqual(starts(ran), [
    ["s0", 0],
    ["s1", 10],
    ["s2", 10],
    ["s3", 2000],
  ]);
  assert.deepEqual(
    ran.samples.map(({ dispatchedMs }) => dispatchedMs),
    [0, 10, 10, 2000],
  );
  assert.equal(stage.stopped, "data");
  assert.deepEqual(stage.load, {
    kind: "replay",
    speed: 1,
    sessions: 4,
    recordedMs: 2000,
  });
});

Deno.test("a replay divides times and pauses by its speed", async () => {
  const turns = [TURN, { ...TURN, thinkMs: 1000 }];
  const ran = await replay(datasetOf([0, 3000], turns), { speed: 2 });
  assert.deepEqual(starts(ran), [
    ["s0", 0],
    ["s0", 500],
    ["s1", 1500],
    ["s1", 2000],
  ]);
});

Deno.test("a replay drops what comes while too many sessions are in flight", async () => {
  const { samples, stage } = await replay(datasetOf([0, 10, 20, 200]), {
    answerMs: 100,
    maxInFlight: 2,
  });
  assert.equal(stage.counts.dropped, 1);
  assert.deepEqual(samples.map(({ session }) => session.id), [
    "s0",
    "s1",
    "s3",
  ]);
});

Deno.test("a replay starts again after the mean gap if a duration was given", async () => {
  const ran = await replay(datasetOf([0, 100, 400]), {
    stop: { durationMs: 1250 },
  });
  assert.deepEqual(starts(ran).map(([, ms]) => ms), [
    ...[0, 100, 400],
    ...[600, 700, 1000],
    1200,
  ]);
  assert.equal(ran.stage.stopped, "duration");
});

Deno.test("a replay ends after a number of requests without another pass", async () => {
  const ran = await replay(datasetOf([5]), { stop: { requests: 1 } });
  assert.deepEqual(starts(ran), [["s0", 0]]);
});

Deno.test("a replay reports recorded traffic only if all of it was read", async () => {
  const data = datasetOf(Array.from({ length: 500 }, (_, i) => i));
  const { stage } = await replay(data, { stop: { durationMs: 100 } });
  assert.deepEqual(stage.load, { kind: "replay", speed: 1 });
});

Deno.test("a replay that goes on in the data counts times from its own first session", async () => {
  const ran = await replay(datasetOf([100, 110, 150, 350]), {
    requestsBefore: 2,
    stop: { requests: 4 },
  });
  const [first] = ran.samples;
  assert.deepEqual(
    starts(ran).map(([id, ms]) => [id, Math.round(ms - first!.scheduledMs)]),
    [["s2", 0], ["s3", 200], ["s0", 283], ["s1", 293]],
  );
});

Deno.test("a replay needs times that do not go back", async () => {
  const untimed: Dataset = {
    async *sessions() {
      yield { id: "a", turns: [TURN] };
    },
  };
  await assert.rejects(replay(untimed, {}), /"a" has none/);
  await assert.rejects(replay(datasetOf([0, 10, 5]), {}), /must not go back/);
  await assert.rejects(
    replay(datasetOf([1, 1]), { stop: { requests: 3 } }),
    /two times at least/,
  );
});

const COUNTS = [1, 2, 4, 10];
const SHARDS: readonly Shard[] = COUNTS.flatMap((count) =>
  Array.from({ length: count }, (_, index) => ({ index, count }))
);

/** Whether a shard finds a usable item in the first pass in which it has items. */
function findsUsable(
  items: readonly unknown[],
  { index, count }: Shard,
): boolean {
  const pass = Math.floor(index / items.length);
  const first = pass * items.length;
  return items.some((item, i) =>
    typeof item === "number" && (first + i) % count === index
  );
}

Deno.test("a replay in shards has the schedule of the whole, item by item", async () => {
  const item = fc.record({
    gap: fc.integer({ min: 0, max: 300 }),
    isBad: fc.boolean(),
    isTimed: fc.boolean(),
  });
  const cases = fc.record({
    items: fc.array(item, { minLength: 3, maxLength: 30 }),
    speed: fc.constantFrom(0.5, 1, 3),
    passes: fc.constantFrom(undefined, 2.5),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ items, speed, passes }) => {
      let at = 0;
      const recorded = items.map(({ gap, isBad, isTimed }, i) => {
        if (i > 0) at += gap;
        if (!isBad) return at;
        return { ...(isTimed && { at }), problem: "damaged" };
      });
      fc.pre(at > 0 && new Set(recorded.filter(Number.isFinite)).size > 1);
      // Data is not read again for a shard that found nothing usable in it.
      fc.pre(
        passes === undefined ||
          SHARDS.every((shard) => findsUsable(recorded, shard)),
      );
      const data = datasetOf(recorded);
      const stop = passes === undefined
        ? {}
        : { durationMs: Math.ceil(passes * at / speed) };
      const whole = starts(await replay(data, { speed, stop }));
      if (passes === undefined) {
        const usable = recorded.filter((each) => typeof each === "number");
        const first = recorded.map((each) =>
          typeof each === "number" ? each : each.at
        ).find((ms) => ms !== undefined)!;
        assert.deepEqual(
          whole.map(([, ms]) => ms),
          usable.map((ms) => (ms - first) / speed),
          "skipped items take their times along",
        );
      }
      for (const count of COUNTS) {
        const parts: [string, number][] = [];
        for (const shard of SHARDS.filter((shard) => shard.count === count)) {
          const part = replay(data, { speed, stop, shard });
          // A shard without a usable item ends with an error of its own.
          parts.push(...await part.then(starts, () => []));
        }
        const order = ([a, at]: [string, number], [b, bt]: [string, number]) =>
          at - bt || Number(a.slice(1)) - Number(b.slice(1));
        assert.deepEqual(parts.sort(order), whole.toSorted(order));
      }
    }),
    { numRuns: 15 },
  );
});
