import assert from "node:assert/strict";
import fc from "fast-check";
import { type Task, TaskQueue } from "./task_heap.ts";

const times = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 });

Deno.test("TaskQueue returns tasks by time, then by order of addition, for any mix of additions and removals", () => {
  fc.assert(fc.property(times, fc.infiniteStream(fc.nat(99)), (all, chance) => {
    const queue = new TaskQueue();
    const tasks = all.map((atMs) => queue.add(atMs, () => {}));
    const kept = tasks.filter((task) => {
      const stays = chance.next().value! < 60;
      if (!stays) queue.remove(task);
      return stays;
    });
    const expected = kept.toSorted((a, b) =>
      a.atMs - b.atMs || a.order - b.order
    );
    assert.equal(queue.size, expected.length);
    assert.deepEqual(drain(queue), expected.map(({ order }) => order));
  }));
});

Deno.test("TaskQueue ignores the removal of a task that was removed", () => {
  const queue = new TaskQueue();
  const first = queue.add(1, () => {});
  const second = queue.add(2, () => {});
  queue.remove(first);
  queue.remove(first);
  assert.equal(queue.size, 1);
  assert.equal(queue.peek(), second);
});

Deno.test("TaskQueue rejects NaN as a time, as no task after it would ever run", () => {
  assert.throws(() => new TaskQueue().add(NaN, () => {}), RangeError);
});

function drain(queue: TaskQueue): number[] {
  const orders: number[] = [];
  for (let task: Task | undefined; (task = queue.peek());) {
    queue.remove(task);
    orders.push(task.order);
  }
  return orders;
}
