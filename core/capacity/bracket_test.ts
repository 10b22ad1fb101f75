import assert from "node:assert/strict";
import fc from "fast-check";
import { Bracket, type LevelOutcome, MAX_LEVELS } from "./bracket.ts";

const RATE = { from: 1, max: 100_000, isWhole: false, tolerance: 0.1 };
const STREAMS = { from: 1, max: 100_000, isWhole: true, tolerance: 0.1 };

/** Tries levels until the search ends; returns them with their outcomes. */
function search(
  bracket: Bracket,
  judge: (level: number, times: number) => LevelOutcome,
): string {
  const tried: string[] = [];
  const times = new Map<number, number>();
  for (
    let level = bracket.next();
    level !== undefined;
    level = bracket.next()
  ) {
    assert.ok(tried.length < MAX_LEVELS, "the search must end");
    times.set(level, (times.get(level) ?? 0) + 1);
    const outcome = judge(level, times.get(level)!);
    bracket.record(level, outcome);
    tried.push(`${level} ${outcome}`);
  }
  return tried.join(", ");
}

Deno.test("Bracket doubles until a level is missed, cuts the interval in half, and repeats its ends", () => {
  const bracket = new Bracket(STREAMS);
  const tried = search(bracket, (level) => level <= 11 ? "pass" : "fail");
  assert.equal(
    tried,
    "1 pass, 2 pass, 4 pass, 8 pass, 16 fail, 11 pass, 13 fail, 12 fail, 11 pass, 12 fail",
  );
  assert.deepEqual([bracket.low, bracket.high], [11, 12]);
});

Deno.test("Bracket ends with a narrow interval around any capacity", () => {
  fc.assert(fc.property(
    fc.double({ min: 1, max: 600, noNaN: true }),
    fc.boolean(),
    (capacity, isWhole) => {
      const bracket = new Bracket(isWhole ? STREAMS : RATE);
      search(bracket, (level) => level <= capacity ? "pass" : "fail");
      const { low, high } = bracket;
      assert.ok(low! <= capacity && capacity < high!);
      assert.ok(high! <= low! * 1.1 || (isWhole && high! - low! === 1));
    },
  ));
});

Deno.test("Bracket says nothing above a level that the client limited, and tries it twice", () => {
  const bracket = new Bracket(RATE);
  const tried = search(
    bracket,
    (level) => level < 50 ? "pass" : "client-limited",
  );
  assert.equal(
    tried,
    "1 pass, 2 pass, 4 pass, 8 pass, 16 pass, 32 pass, 64 client-limited, 64 client-limited, 45.3 pass, 53.8 client-limited, 53.8 client-limited, 49.4 pass, 49.4 pass",
  );
  assert.deepEqual([bracket.low, bracket.high], [49.4, undefined]);
});

Deno.test("Bracket never moves an end beyond a level that the client limited", () => {
  fc.assert(fc.property(
    fc.double({ min: 1, max: 600, noNaN: true }),
    fc.double({ min: 1, max: 600, noNaN: true }),
    (capacity, limit) => {
      const bracket = new Bracket(RATE);
      search(
        bracket,
        (level) =>
          level >= limit
            ? "client-limited"
            : level <= capacity
            ? "pass"
            : "fail",
      );
      const { low = 0, high = 0 } = bracket;
      assert.ok(low < limit && high < limit);
    },
  ));
});

Deno.test("Bracket searches on both sides of undecided levels, then tries them once more", () => {
  const bracket = new Bracket(RATE);
  const judge = (level: number, times: number) =>
    level > 20 && level < 30 && times === 1
      ? "undecided"
      : level <= 25
      ? "pass"
      : "fail";
  assert.equal(
    search(bracket, judge),
    "1 pass, 2 pass, 4 pass, 8 pass, 16 pass, 32 fail, 22.6 undecided, 26.9 undecided, 19 pass, 29.3 undecided, 20.7 undecided, 20.7 pass, 22.6 pass, 24.7 undecided, 24.7 pass, 26.9 fail",
  );
  assert.deepEqual([bracket.low, bracket.high], [24.7, 26.9]);
  assert.ok(bracket.isSpent);
});

Deno.test("Bracket searches once more if a repeated level contradicts, and gives up the second time", () => {
  const wrongOnce = new Bracket(STREAMS);
  const tried = search(
    wrongOnce,
    (level, times) =>
      level === 11 && times === 1 ? "pass" : level < 10 ? "pass" : "fail",
  );
  assert.match(tried, /11 pass, 13 fail, 12 fail, 11 fail, 9 pass, 10 fail/);
  assert.deepEqual([wrongOnce.low, wrongOnce.high], [9, 10]);
  assert.ok(!wrongOnce.isContradictory);

  const moody = new Bracket(STREAMS);
  search(
    moody,
    (level, times) =>
      level > 3 && times === 1
        ? level < 7 ? "pass" : "fail"
        : level > 3
        ? "fail"
        : "pass",
  );
  assert.ok(moody.isContradictory);
});

Deno.test("Bracket ends without an interval where nothing was decided or the first level was missed", () => {
  const never = new Bracket({ ...RATE, max: 4 });
  assert.equal(
    search(never, () => "undecided"),
    "1 undecided, 2 undecided, 4 undecided, " +
      "1 undecided, 2 undecided, 4 undecided",
  );
  assert.deepEqual([never.low, never.high], [undefined, undefined]);
  const missed = new Bracket(RATE);
  assert.equal(search(missed, () => "fail"), "1 fail");
  assert.deepEqual([missed.low, missed.high], [undefined, 1]);
  const kept = new Bracket({ ...RATE, max: 4 });
  assert.equal(search(kept, () => "pass"), "1 pass, 2 pass, 4 pass, 4 pass");
  assert.deepEqual([kept.low, kept.high], [4, undefined]);
});

Deno.test("Bracket tries the highest kept level again after one at which nothing succeeded", () => {
  const overloaded = new Bracket(STREAMS);
  assert.equal(
    search(overloaded, (level) => level <= 3 ? "pass" : "failed"),
    "1 pass, 2 pass, 4 failed, 2 pass, 3 pass, 3 pass, 4 failed, 3 pass",
  );
  assert.deepEqual([overloaded.low, overloaded.high], [3, 4]);

  const dying = new Bracket(STREAMS);
  assert.equal(
    search(
      dying,
      (level, times) => level <= 2 && times === 1 ? "pass" : "failed",
    ),
    "1 pass, 2 pass, 4 failed, 2 failed",
  );
  assert.ok(dying.isDead);
  assert.deepEqual([dying.low, dying.high], [2, undefined]);
});

Deno.test("Bracket names the ends whose repetition decided nothing", () => {
  const bracket = new Bracket(STREAMS);
  search(
    bracket,
    (level, times) =>
      times > 1 && level === 12 ? "undecided" : level <= 11 ? "pass" : "fail",
  );
  assert.deepEqual(bracket.unconfirmed, [12]);
});
