import assert from "node:assert/strict";
import type { Backend, Dataset } from "./contract.ts";
import type { Audio } from "./request.ts";
import fc from "fast-check";
import { CLOSE_LIMIT_MS, SessionSource, type SourceOptions } from "./source.ts";
import { manualClock } from "../plugins/testing/manual_clock.ts";

/** As many sessions a pass as there are ids. */
function datasetOf(ids: readonly string[]): Dataset {
  return {
    async *sessions() {
      for (const id of ids) yield { id, turns: [{ columns: { text: id } }] };
    },
  };
}

function backendOf(prepare: NonNullable<Backend["prepare"]>): Backend {
  return { needs: ["text"], prepare, send: () => Promise.resolve({}) };
}

function open(given: Partial<SourceOptions> & Pick<SourceOptions, "backend">) {
  return new SessionSource({
    dataset: datasetOf(["a"]),
    seed: 1,
    loop: true,
    signal: new AbortController().signal,
    onSkip: () => {},
    clock: manualClock(),
    onLate: () => {},
    ...given,
  });
}

Deno.test("SessionSource starts again although its only item was taken before it was prepared", async () => {
  const gate = Promise.withResolvers<string>();
  const source = open({ backend: backendOf(() => gate.promise) });
  const first = source.next();
  for (let i = 0; i < 50; i++) await Promise.resolve(); // the pass ends meanwhile
  gate.resolve("ready");
  const found = [await first, await source.next(), await source.next()];
  assert.deepEqual(
    found.map((each) => [each?.session.id, each?.prepared]),
    Array(3).fill(["a", ["ready"]]),
  );
  await source.close();
});

Deno.test("SessionSource ends after one pass without a usable item, and names each", async () => {
  const skipped: string[] = [];
  const source = open({
    dataset: datasetOf(["a", "b"]),
    backend: backendOf(() => Promise.reject(new Error("No use"))),
    onSkip: (id, reason) => skipped.push(`${id}: ${reason}`),
  });
  assert.equal(await source.next(), undefined);
  assert.deepEqual(skipped, ["a: No use", "b: No use"]);
  await source.close();
});

Deno.test("SessionSource gives each of many callers that wait a session", async () => {
  const source = open({ backend: backendOf(() => Promise.resolve()) });
  source.keepAhead(3);
  const take = async () => {
    let taken = 0;
    while (taken < 40 && await source.next() !== undefined) taken++;
    return taken;
  };
  const taken = await Promise.all(Array.from({ length: 16 }, take));
  assert.deepEqual(taken, Array(16).fill(40));
  await source.close();
});

Deno.test("SessionSource keeps no more sessions ready than requested", async () => {
  let begun = 0;
  const source = open({ backend: backendOf(() => Promise.resolve(begun++)) });
  await source.filled(1);
  assert.equal(begun, 1);
  source.keepAhead(4);
  await source.filled(4);
  assert.equal(begun, 4);
  await source.close();
  assert.equal(await source.next(), undefined);
});

Deno.test("SessionSource rejects with the error of the data, after the sessions before it", async () => {
  const source = open({
    dataset: {
      async *sessions() {
        yield { id: "a", turns: [{ columns: { text: "a" } }] };
        throw new Error("The disk is gone");
      },
    },
    backend: backendOf(() => Promise.resolve()),
  });
  assert.equal((await source.next())?.session.id, "a");
  await assert.rejects(() => source.next(), /The disk is gone/);
  await source.close();
});

Deno.test("SessionSource prepares no more than an hour of audio ahead, and one item at least", async () => {
  const minutes = [50, 50, 1, 300, 300, NaN, 1];
  const dataset: Dataset = {
    async *sessions() {
      for (const [i, each] of minutes.entries()) {
        const audio = { id: "a", durationMs: each * 60_000 };
        yield {
          id: String(i),
          turns: [{ columns: { audio: audio as Audio } }],
        };
      }
    },
  };
  const begun: string[] = [];
  const source = open({
    dataset,
    loop: false,
    backend: {
      needs: ["audio"],
      prepare: () => Promise.resolve(begun.push("")),
      send: () => Promise.resolve({}),
    },
  });
  source.keepAhead(16);
  await source.filled(16);
  assert.equal(begun.length, 2);
  const counts: number[] = [];
  for (let i = 0; i < minutes.length; i++) {
    assert.equal((await source.next())?.session.id, String(i));
    await source.filled(16);
    counts.push(begun.length);
  }
  // Ahead of need: 50 + 1 + 300, 1 + 300, 300, 300, then all that is left.
  assert.deepEqual(counts, [4, 4, 4, 5, 7, 7, 7]);
  await source.close();
});

const never = () => new Promise<never>(() => {});

for (
  const [what, parts] of [
    ["dataset", {
      dataset: {
        async *sessions() {
          yield { id: "a", turns: [] };
          await never();
        },
      },
      backend: backendOf(never),
    }],
    ["backend", { backend: backendOf(never), loop: false }],
  ] as const
) {
  Deno.test(`SessionSource leaves the ${what} behind that does not stop, and names it once`, async () => {
    const clock = manualClock();
    const late: string[] = [];
    const source = open({
      ...parts,
      clock,
      onLate: (what) => late.push(what),
    });
    await clock.settle(); // it has begun to read and to prepare
    const closed = Promise.all([source.close(), source.close()]);
    await clock.advance(CLOSE_LIMIT_MS - 1);
    assert.deepEqual(late, []);
    await clock.advance(1);
    await closed;
    assert.deepEqual(late, [what]);
    assert.equal(clock.pending, 0);
  });
}

Deno.test("SessionSource gives nothing more after an abort, whatever is being prepared", async () => {
  const interrupt = new AbortController();
  const source = open({
    backend: backendOf(never),
    signal: interrupt.signal,
  });
  const next = source.next();
  interrupt.abort();
  assert.equal(await next, undefined);
});

Deno.test("SessionSource takes the sessions of its shard: together the shards are the whole, over all passes", async () => {
  const cases = fc.record({
    count: fc.integer({ min: 1, max: 6 }),
    items: fc.integer({ min: 1, max: 20 }),
    passes: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(fc.asyncProperty(cases, async ({ count, items, passes }) => {
    const whole = Array.from({ length: items * passes }, (_, i) => `${i}`);
    const dataset: Dataset = {
      async *sessions({ pass }) {
        for (const id of whole.slice(items * pass, items * (pass + 1))) {
          yield { id, turns: [{ columns: { text: id } }] };
        }
      },
    };
    const taken: string[] = [];
    for (let index = 0; index < count; index++) {
      const source = open({
        dataset,
        backend: backendOf(() => Promise.resolve()),
        shard: { index, count },
      });
      for (let at = index; at < whole.length; at += count) {
        const ready = await source.next();
        assert.equal(ready?.session.id, whole[at]);
        taken.push(ready!.session.id);
      }
      assert.equal(await source.next(), undefined);
      await source.close();
    }
    assert.deepEqual(taken.sort(), whole.toSorted());
  }));
});
