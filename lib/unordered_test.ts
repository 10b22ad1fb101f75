import assert from "node:assert/strict";
import fc from "fast-check";
import { UnorderedList } from "./unordered.ts";

Deno.test("UnorderedList holds the items added and not removed, in any order of steps", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ remove: fc.boolean(), which: fc.nat(20) })),
    (steps) => {
      const things = new UnorderedList<number>();
      const model = new Map<number, () => void>();
      steps.forEach(({ remove, which }, item) => {
        const [key] = [...model.keys()].slice(which);
        if (!remove) return void model.set(item, things.add(item));
        if (key === undefined) return;
        model.get(key)!();
        model.get(key)!(); // once more does nothing
        model.delete(key);
      });
      assert.equal(things.size, model.size);
      assert.deepEqual(
        [...things].toSorted((a, b) => a - b),
        [...model.keys()],
      );
    },
  ));
});

Deno.test("UnorderedList iterates over all items, although they are removed meanwhile", () => {
  const things = new UnorderedList<() => void>();
  const seen: string[] = [];
  for (const name of ["a", "b", "c"]) {
    const leave = things.add(() => {
      seen.push(name);
      leave();
    });
  }
  for (const thing of things) thing();
  assert.deepEqual(seen, ["a", "b", "c"]);
  assert.equal(things.size, 0);
});
