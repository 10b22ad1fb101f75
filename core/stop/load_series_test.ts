import assert from "node:assert/strict";
import fc from "fast-check";
import { random } from "../../lib/random.ts";
import { sample } from "../../tests/support/sample.ts";
import { PeriodMeans, SaturationWatch } from "./load_series.ts";

Deno.test("the means of periods that were joined are those of all values", () => {
  const values = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 9999 }), fc.integer({ max: 100 })),
    { minLength: 1 },
  );
  fc.assert(fc.property(values, (pairs) => {
    const series = new PeriodMeans(0, 100); // 100 periods, joined to 25
    const late = [...pairs, [9999, 1]] as const;
    for (const [atMs, value] of late) series.add(atMs, value);
    const expected = Array.from({ length: 25 }, (_, i) => {
      const inside = late.filter(([atMs]) => Math.floor(atMs / 400) === i);
      const sum = inside.reduce((sum, [, value]) => sum + value, 0);
      return inside.length > 0 ? sum / inside.length : undefined;
    });
    assert.deepEqual(series.means(10_000), expected);
    assert.deepEqual(series.means(9_999), expected.slice(0, 24));
  }));
});

/** When a queue with eight servers of one second each is found to grow, in seconds of its window; undefined if never. */
function foundAt(
  { load, seed, seconds }: { load: number; seed: number; seconds: number },
): number | undefined {
  const servers = 8, warmup = 20;
  const draw = random(seed, "queue");
  const exponential = () => -Math.log(1 - draw());
  const freeAt = Array<number>(servers).fill(0);
  const starts: number[] = [], ends: { at: number; latency: number }[] = [];
  for (let at = 0; at < warmup + seconds;) {
    at += exponential() / (servers * load);
    const first = freeAt.indexOf(Math.min(...freeAt));
    const from = Math.max(at, freeAt[first]!);
    freeAt[first] = from + exponential();
    starts.push(at);
    ends.push({ at: freeAt[first]!, latency: freeAt[first]! - at });
  }
  ends.sort((a, b) => a.at - b.at);
  const watch = new SaturationWatch(0);
  watch.begin(1000 * warmup);
  let started = 0, ended = 0;
  for (let now = 0; now < warmup + seconds; now += 0.25) {
    while (starts[started]! <= now) started++;
    for (; ends[ended]!.at <= now; ended++) {
      const { at, latency } = ends[ended]!;
      const endedMs = 1000 * at;
      const dispatchedMs = endedMs - 1000 * latency;
      watch.add(sample({ scheduledMs: dispatchedMs, dispatchedMs, endedMs }));
    }
    if (now < warmup) continue;
    if (watch.look(1000 * now, started - ended)) return now - warmup;
  }
  return undefined;
}

Deno.test("a stable queue does not end a stage, and one above capacity does within minutes", () => {
  const runs = Array.from({ length: 30 }, (_, seed) => seed);
  const found = (load: number, seconds: number) =>
    runs.map((seed) => foundAt({ load, seed, seconds }))
      .filter((at) => at !== undefined);
  for (const load of [0.5, 0.8]) assert.deepEqual(found(load, 300), []);
  assert.ok(found(0.9, 300).length <= 2);
  const above = found(1.5, 120);
  assert.equal(above.length, runs.length);
  assert.ok(above.filter((at) => at < 45).length > 20);
});

Deno.test("paced speech is judged by its finalization, whatever its TTFT", () => {
  const watch = new SaturationWatch(0);
  watch.begin(0);
  let growth: ReturnType<SaturationWatch["look"]>;
  for (let second = 1; second <= 60 && !growth; second++) {
    const endedMs = 1000 * second;
    const spokenMs = endedMs - 50 * second; // the finalization grows by 50 ms
    watch.add(sample({
      input: { audioMs: 3000 },
      scheduledMs: spokenMs - 3000,
      dispatchedMs: spokenMs - 3000,
      marks: { endSent: spokenMs, final: endedMs },
      deltas: [{ atMs: spokenMs - 2000, kind: "text", text: "one" }],
      audioSent: [{ dueMs: spokenMs, atMs: spokenMs, endMs: 3000 }],
      endedMs,
    }));
    growth = watch.look(endedMs, 4);
  }
  assert.equal(growth?.metric, "finalization");
  assert.ok(growth.from < growth.to);
});

Deno.test("a stage that fills with long requests is not called growing", () => {
  const draw = random(1, "lengths");
  for (const varies of [false, true]) {
    // Five requests a second, each of 30 s, without a warm-up.
    const starts = Array.from({ length: 1000 }, (_, i) => i / 5);
    const ends = starts.map((start) => ({
      start,
      end: start + (varies ? -30 * Math.log(1 - draw()) : 30),
    })).sort((a, b) => a.end - b.end);
    const watch = new SaturationWatch(0);
    watch.begin(0);
    let ended = 0;
    for (let now = 0; now < 200; now += 0.25) {
      for (; ends[ended]!.end <= now; ended++) {
        const { start, end } = ends[ended]!;
        const [dispatchedMs, endedMs] = [1000 * start, 1000 * end];
        watch.add(sample({ scheduledMs: dispatchedMs, dispatchedMs, endedMs }));
      }
      const inFlight = Math.floor(5 * now) + 1 - ended;
      assert.equal(watch.look(1000 * now, inFlight), undefined, `${now}`);
    }
  }
});
