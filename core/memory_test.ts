import assert from "node:assert/strict";
import type { RequestError } from "./errors.ts";
import { MemoryBudget, type MemoryShare, sampleBytes } from "./memory.ts";
import { sample } from "../tests/support/sample.ts";

/** A budget of 100 bytes a request and 250 in all, and who had to be given up. */
function opened() {
  const budget = new MemoryBudget({ requestBytes: 100, totalBytes: 250 });
  const failed: [name: string, code: string | undefined][] = [];
  const open = (name: string): MemoryShare =>
    budget.open((error: RequestError) => {
      assert.equal(error.class, "too_large");
      failed.push([name, error.code]);
    });
  return { open, failed };
}

Deno.test("MemoryBudget gives up a request that takes more than its share, once", () => {
  const { open, failed } = opened();
  const share = open("a");
  share.add(100);
  assert.deepEqual(failed, []);
  share.add(1);
  share.add(1);
  assert.deepEqual(failed, [["a", undefined]]);
  const other = open("b");
  other.add(100);
  assert.equal(failed.length, 1);
});

Deno.test("MemoryBudget gives up the largest request if all together take too much", () => {
  const { open, failed } = opened();
  const [a, b, c] = [open("a"), open("b"), open("c")];
  a!.add(80);
  b!.add(90);
  c!.add(75);
  assert.deepEqual(failed, []);
  a!.add(6);
  assert.deepEqual(failed, [["b", "client_memory"]]);
  open("d").add(89);
  assert.deepEqual(failed, [["b", "client_memory"]], "its share is free again");
});

Deno.test("MemoryBudget takes back the bytes that a request gives back, and the rest when it ends", () => {
  const { open, failed } = opened();
  for (let i = 0; i < 20; i++) {
    const share = open("a");
    share.add(90);
    share.add(-50);
    share.add(60);
    share.close();
    share.close();
    share.add(1000);
  }
  assert.deepEqual(failed, []);
});

Deno.test("sampleBytes() counts each piece of output and each chunk sent", () => {
  const delta = { atMs: 0, kind: "text", text: "x".repeat(1000) } as const;
  const one = sampleBytes(sample({ deltas: [delta] }));
  assert.ok(one > 1000);
  const bare = sampleBytes(sample({ deltas: [] }));
  assert.equal(
    sampleBytes(sample({ deltas: [delta, delta] })) - bare,
    2 * (one - bare),
  );
});
