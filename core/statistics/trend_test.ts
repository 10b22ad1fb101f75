import assert from "node:assert/strict";
import fc from "fast-check";
import { type Random, random } from "../../lib/random.ts";
import { isGrowing, isSteady, trendOf } from "./trend.ts";

const BINS = 20;

/** Time of service, whose mean is 1. */
type Service = (random: Random) => number;
const exponential: Service = (random) => -Math.log(1 - random());
const constant: Service = () => 1;

/** Mean number of requests in a queue with eight servers, for each period of a window that begins after a warm-up. */
function inFlight(
  { load, windowTime, seed, service = exponential, warmup = 60 }: {
    load: number;
    windowTime: number;
    seed: number;
    service?: Service;
    warmup?: number;
  },
): number[] {
  const servers = 8, width = windowTime / BINS;
  const draw = random(seed, "queue");
  const freeAt = Array<number>(servers).fill(0);
  const bins = Array<number>(BINS).fill(0);
  for (let at = 0; at < warmup + windowTime;) {
    at += exponential(draw) / (servers * load);
    const first = freeAt.indexOf(Math.min(...freeAt));
    const end = Math.max(at, freeAt[first]!) + service(draw);
    freeAt[first] = end;
    bins.forEach((_, i) => {
      const from = warmup + i * width;
      const time = Math.min(end, from + width) - Math.max(at, from);
      bins[i]! += Math.max(0, time) / width;
    });
  }
  return bins;
}

/** Share of seeded queues that are called growing. */
function alarms(queue: Omit<Parameters<typeof inFlight>[0], "seed">): number {
  const runs = 200;
  let found = 0;
  for (let seed = 0; seed < runs; seed++) {
    if (isGrowing(inFlight({ ...queue, seed }), 3)) found++;
  }
  return found / runs;
}

Deno.test("a queue below capacity is not called growing", () => {
  for (const load of [0.3, 0.5, 0.8]) {
    assert(alarms({ load, windowTime: 60 }) <= 0.005, `${load}`);
    assert(alarms({ load, windowTime: 60, service: constant }) <= 0.005);
  }
  assert(alarms({ load: 0.9, windowTime: 60 }) <= 0.01);
  assert(alarms({ load: 0.95, windowTime: 60 }) <= 0.04);
});

Deno.test("a queue that fills at the beginning and then stops is not called growing", () => {
  assert(alarms({ load: 0.8, windowTime: 60, warmup: 5 }) <= 0.01);
});

Deno.test("a queue above capacity is called growing within 60 times of service", () => {
  assert(alarms({ load: 1.5, windowTime: 60 }) >= 0.99);
  assert(alarms({ load: 2, windowTime: 30 }) >= 0.98);
  assert(alarms({ load: 1.3, windowTime: 60 }) >= 0.93);
  assert(alarms({ load: 1.3, windowTime: 60, service: constant }) >= 0.95);
});

Deno.test("growth that is too small to matter is not called growing", () => {
  const line = Array.from({ length: 20 }, (_, i) => 100 + i);
  assert(!isGrowing(line, 3)); // 13 of 103 are less than 20 %
  assert(isGrowing(line.map((value) => value - 80), 3));
  assert(!isGrowing(line.map((value) => value - 80), 20));
});

Deno.test("a falling or constant series does not grow", () => {
  const line = Array.from({ length: 20 }, (_, i) => 30 - i);
  assert(!isGrowing(line, 0.1));
  assert(!isGrowing(Array(20).fill(5), 0.1));
});

Deno.test("a trend of few values is unknown", () => {
  assert.deepEqual(trendOf(Array.from({ length: 11 }, (_, i) => i)), undefined);
  assert.deepEqual(
    trendOf([undefined, ...Array.from({ length: 12 }, (_, i) => i), undefined]),
    { first: 1.5, last: 9.5, score: Infinity },
  );
});

Deno.test("a trend does not depend on the unit or on what is added", () => {
  const values = fc.array(fc.integer({ min: 0, max: 1000 }), {
    minLength: 12,
    maxLength: 40,
  });
  fc.assert(fc.property(
    values,
    fc.integer({ min: 1, max: 100 }),
    fc.integer({ min: -100, max: 100 }),
    (series, factor, shift) => {
      const plain = trendOf(series)!;
      const other = trendOf(series.map((value) => value * factor + shift))!;
      const isClose = Math.abs(other.score - plain.score) <=
        1e-6 * (1 + Math.abs(plain.score));
      return isClose || Math.abs(plain.score) > 1e6;
    },
  ));
});

Deno.test("noise around a level is steady, a rise is not", () => {
  const draw = random(1, "noise");
  let steady = 0, rising = 0;
  for (let run = 0; run < 200; run++) {
    const noise = Array.from({ length: 16 }, () => 100 + 60 * (draw() - 0.5));
    if (isSteady(noise)) steady++;
    if (isSteady(noise.map((value, i) => value + 8 * i))) rising++;
  }
  assert(steady >= 180, `${steady}`);
  assert(rising <= 2, `${rising}`);
});

Deno.test("a rise that has levelled off long enough is steady", () => {
  const levelled = Array.from({ length: 40 }, (_, i) => Math.min(10, i));
  assert(!isSteady(levelled.slice(4, 12)));
  assert(isSteady(levelled.slice(12)));
  assert(!isSteady(levelled.slice(12, 19)));
});
