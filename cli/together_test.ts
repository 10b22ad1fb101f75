import assert from "node:assert/strict";
import { UsageError } from "../plugins/mod.ts";
import { together } from "./together.ts";

function refuse(message: string): never {
  throw new UsageError(message);
}

Deno.test("together() gives the result of each task by its name", async () => {
  const { a, b } = await together({
    a: () => 1,
    b: () => Promise.resolve("two"),
  });
  assert.deepEqual([a, b], [1, "two"]);
});

Deno.test("together() does every task and tells all that was refused, in order", async () => {
  const done: string[] = [];
  await assert.rejects(
    () =>
      together({
        a: () => refuse("Cannot do a"),
        b: () => void done.push("b"),
        c: () =>
          Promise.reject(
            new UsageError("Cannot do c:\n  x: is wrong", {
              problems: [{ path: "x", message: "is wrong" }],
            }),
          ),
      }),
    (error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(
        error.message,
        "Cannot run for 2 reasons:\n  Cannot do a\n  Cannot do c:\n    x: is wrong",
      );
      assert.deepEqual(
        error.problems.map(({ message }) => message),
        ["Cannot do a", "is wrong"],
      );
      return true;
    },
  );
  assert.deepEqual(done, ["b"]);
});

Deno.test("together() passes on a single refusal, and any other error at once, as they are", async () => {
  await assert.rejects(() => together({ a: () => refuse("Cannot do a") }), {
    message: "Cannot do a",
  });
  const broken = new TypeError("broken");
  await assert.rejects(
    () =>
      together({
        a: () => refuse("Cannot do a"),
        b: () => Promise.reject(broken),
      }),
    broken,
  );
});

Deno.test("together() tells what tasks within tasks refused in one list", async () => {
  const inner = () =>
    together({
      b: () => refuse("Cannot do b"),
      c: () => refuse("Cannot do c"),
    });
  await assert.rejects(
    () => together({ a: () => refuse("Cannot do a"), inner }),
    {
      message:
        "Cannot run for 3 reasons:\n  Cannot do a\n  Cannot do b\n  Cannot do c",
    },
  );
});
