import assert from "node:assert/strict";
import { type Stage, UsageError } from "../plugins/mod.ts";
import { stagesOf as stages } from "../tests/support/loads.ts";
import { loadOf } from "./loads.ts";

async function stagesOf(text: string): Promise<Stage[]> {
  const load = await loadOf(text);
  const profile = await load.open({
    env: () => undefined,
    signal: new AbortController().signal,
    warn() {},
  });
  return stages(profile);
}

Deno.test("loadOf() makes a stage for each number, in order", async () => {
  assert.deepEqual(
    (await stagesOf("concurrent=1,8,32")).map(({ load }) => load),
    [1, 8, 32].map((concurrency) => ({ kind: "concurrent", concurrency })),
  );
  const rates = await stagesOf("poisson=0.5,2,maxInFlight=100");
  assert.equal(rates.length, 2);
  assert.deepEqual(rates.map(({ maxInFlight }) => maxInFlight), [100, 100]);
  assert.equal((await stagesOf("constant=10"))[0]?.maxInFlight, undefined);
});

Deno.test("loadOf() takes the numbers by the option's name too", async () => {
  assert.deepEqual(
    (await stagesOf("concurrent,streams=2,4")).map(({ name }) => name),
    (await stagesOf("concurrent=2,4")).map(({ name }) => name),
  );
});

Deno.test("loadOf() rejects an unknown load and invalid options, with a hint", async () => {
  const cases = [
    [
      "burst=1",
      /^--load: unknown load "burst"; there are: concurrent, constant, poisson;/,
    ],
    [
      "8",
      /^--load: must name a load, but was "8"; use concurrent=8 for streams/,
    ],
    ["1,8,32", /use concurrent=1,8,32 for streams, or poisson=1,8,32/],
    ["qps=5", /^--load: unknown load "qps"; poisson=RATE or constant=RATE/],
    ["Concurrency=5", /concurrent=N keeps N streams in flight/],
    ["sweep", /give a list, as concurrent=1,2,4,8/],
    ["poison=1", /did you mean "poisson"\?/],
    ["concurrent", /streams must be given/],
    ["concurrent=0", /streams\.0 must be above 0, but was 0/],
    [
      "concurrent=1e9",
      /streams\.0 must be at most 100000, but was 1000000000/,
    ],
    [
      "concurrent=1.5",
      /streams must be a whole number, but was 1\.5/,
    ],
    ["constant=-1", /rates\.0 must be above 0, but was -1/],
    ["constant=1,maxInflight=2", /did you mean "maxInFlight"\?/],
    ["", /a name must come first/],
  ] as const;
  for (const [text, says] of cases) {
    await assert.rejects(loadOf(text), (error) => {
      assert.ok(error instanceof UsageError, text);
      assert.match(error.message, says);
      return true;
    });
  }
});
