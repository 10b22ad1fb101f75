import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { linkModules } from "./link_modules.ts";

/** Runs linked modules, which add to a list. */
function run(sources: Record<string, string>): unknown[] {
  const seen: unknown[] = [];
  runInNewContext(linkModules(sources, "./app.ts"), {
    push: (value: unknown) => seen.push(value),
  });
  return seen;
}

Deno.test("linkModules() runs each module once, after those that it imports", () => {
  const seen = run({
    "./app.ts":
      'import { a, type Text } from "./a.ts";\nimport { b as other } from "./b.ts";\nimport type { X } from "../x.ts";\nconst text: Text = a + other(2);\npush(text);\n',
    "./a.ts":
      'import {\n  b,\n} from "./b.ts";\nexport type Text = string;\npush("a");\nexport const a: Text = "a" + b(1);\n',
    "./b.ts":
      'push("b");\nexport function b(n: number): number {\n  return n * 2;\n}\nexport async function later() {}\nexport class Thing {}\nconst a = "own";\npush(a);\n',
  });
  assert.deepEqual(seen, ["b", "own", "a", "a24"]);
});

Deno.test("linkModules() rejects an unknown module, and a circle of imports", () => {
  assert.throws(
    () => run({ "./app.ts": 'import { a } from "./a.ts";' }),
    /unknown module "\.\/a\.ts"/,
  );
  assert.throws(
    () =>
      run({
        "./app.ts": 'import { a } from "./a.ts";',
        "./a.ts": 'import { b } from "./app.ts";',
      }),
    /\.\/app\.ts imports itself/,
  );
});
