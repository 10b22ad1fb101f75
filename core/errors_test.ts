import assert from "node:assert/strict";
import { messageOf } from "./errors.ts";

const gone = await Deno.readTextFile("gone").catch((error) => error);

for (
  const [what, error, expected] of [
    ["a text", "odd", "odd"],
    ["no cause", new Error("odd"), "odd"],
    [
      "causes",
      new Error("a", { cause: new Error("b", { cause: new Error("c") }) }),
      "a: b: c",
    ],
    [
      "a cause that is quoted",
      new Error("a, as b", { cause: new Error("b") }),
      "a, as b",
    ],
    [
      "a file that does not exist",
      new Error("cannot read gone", { cause: gone }),
      "cannot read gone: no such file or directory",
    ],
    [
      "the reason of a file",
      new Error(`cannot read gone: ${messageOf(gone)}`, { cause: gone }),
      "cannot read gone: no such file or directory",
    ],
    [
      "Deno's own message about a file",
      new Error(`plugin: ${gone.message}`, { cause: gone }),
      `plugin: ${gone.message}`,
    ],
  ] as const
) {
  Deno.test(`messageOf() of an error with ${what}`, () => {
    assert.equal(messageOf(error), expected);
  });
}
