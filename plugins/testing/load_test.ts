import assert from "node:assert/strict";
import type { LoadProfile, LoopSlot, Stage } from "../../core/contract.ts";
import {
  assertBroken,
  failures,
  pluginOf,
} from "../../tests/support/broken_plugins.ts";
import { testLoad } from "./mod.ts";
import { checksOf } from "../../tests/support/checks.ts";

Deno.test("testLoad() catches every kind of broken load", async () => {
  const stage: Stage = {
    name: "two",
    load: { kind: "it" },
    arrivals: [0, 5, 5],
  };
  const only = (parts: Partial<Record<keyof Stage, unknown>>): LoadProfile =>
    function* () {
      yield { ...stage, ...parts } as Stage;
    };
  const run = (open: () => LoadProfile, only?: string) => {
    const invalid = [pluginOf("load", open)];
    const options = { invalid: only?.startsWith("rejects") ? invalid : [] };
    return failures(checksOf(testLoad, pluginOf("load", open), options), only);
  };
  assert.deepEqual(await run(() => only({})), {});
  assert.deepEqual(await run(() => only({ arrivals: { concurrency: 2 } })), {});
  const slots = (slots: readonly LoopSlot[]) =>
    only({ arrivals: { concurrency: 2, slots } });
  const reused: LoopSlot[] = [
    { fromMs: 0, untilMs: 1, thinkTimes: [1, 2] },
    { fromMs: 0 },
    { fromMs: 1 },
  ];
  assert.deepEqual(await run(() => slots(reused)), {});
  assert.deepEqual(await run(() => only({ arrivals: { speed: 0.5 } })), {});
  let opens = 0;
  const plain = "yields at least one stage, described in plain data";
  const ascending = "starts requests at ascending, finite times";
  const same = "yields the same stages for the same seed";
  const seeded = "takes every random number from the seed";
  const cases: [string, RegExp, () => LoadProfile][] = [
    [
      "rejects invalid options",
      /must be rejected with a UsageError/,
      () => only({}),
    ],
    [plain, /must have at least one stage/, () => function* () {}],
    [plain, /name must be a string/, () => only({ name: "" })],
    [plain, /load\.at must be plain/, () => only({ load: { at: new Map() } })],
    [ascending, /maxInFlight must be/, () => only({ maxInFlight: 0 })],
    [
      ascending,
      /concurrency must be/,
      () => only({ arrivals: { concurrency: 0.5 } }),
    ],
    [ascending, /readyAhead must be/, () => only({ readyAhead: 0 })],
    [ascending, /at least one slot/, () => slots([])],
    [
      ascending,
      /slots must start .* number 1/,
      () => slots([{ fromMs: 5 }, { fromMs: 4 }]),
    ],
    [
      ascending,
      /slot 0 must end after/,
      () => slots([{ fromMs: 5, untilMs: 5 }]),
    ],
    [
      ascending,
      /open at 2 ms must be at most 2, but was 3/,
      () => slots([{ fromMs: 0 }, { fromMs: 1 }, { fromMs: 2 }]),
    ],
    [
      ascending,
      /think times must be .* slot 0/,
      () => slots([{ fromMs: 0, thinkTimes: [1, NaN] }]),
    ],
    [
      ascending,
      /speed must be a number above 0/,
      () => only({ arrivals: { speed: 0 } }),
    ],
    [ascending, /at least one request/, () => only({ arrivals: [] })],
    [ascending, /number 0/, () => only({ arrivals: [-1] })],
    [ascending, /number 1/, () => only({ arrivals: [5, 4] })],
    [ascending, /number 0/, () => only({ arrivals: [Infinity] })],
    [same, /stage 0 differs/, () => only({ name: `stage ${opens++}` })],
    [
      same,
      /same seed must yield the same stages, but \d and \d stages were read/,
      () =>
        opens++ % 2 ? only({}) : function* () {
          yield stage;
          yield stage;
        },
    ],
    [seeded, /must differ for another seed/, () =>
      function* (stream) {
        stream("a")();
        yield stage;
      }],
    [seeded, /must be the same for every seed/, () => {
      let count = 0;
      return function* () {
        yield { ...stage, load: { count: count++ } };
      };
    }],
    [
      "stops when the run ends early",
      /no stage after return/,
      () =>
        function* () {
          try {
            yield stage;
          } finally {
            yield stage;
            yield stage;
          }
        },
    ],
  ];
  await assertBroken(
    cases,
    checksOf(testLoad, pluginOf("load", () => 0)),
    (open, promise) => run(open, promise),
  );
});
