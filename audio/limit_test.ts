import assert from "node:assert/strict";
import fc from "fast-check";
import { limit } from "./limit.ts";

Deno.test("limit() runs all tasks in order, never more than max at a time", async () => {
  await fc.assert(fc.asyncProperty(
    fc.integer({ min: 1, max: 5 }),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean()), {
      maxLength: 20,
    }),
    async (max, tasks) => {
      const limited = limit(max);
      const started: number[] = [];
      let running = 0;
      let most = 0;
      const results = await Promise.allSettled(
        tasks.map(([turns, ok], i) =>
          limited(async () => {
            started.push(i);
            most = Math.max(most, ++running);
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            running--;
            if (!ok) throw new Error("failed");
            return i;
          })
        ),
      );
      assert.deepEqual(started, [...tasks.keys()]);
      assert.equal(most, Math.min(max, tasks.length));
      results.forEach((result, i) =>
        assert.equal(result.status, tasks[i]![1] ? "fulfilled" : "rejected")
      );
    },
  ));
});
