import assert from "node:assert/strict";
import fc from "fast-check";
import { staticImports } from "./static_imports.ts";

Deno.test("staticImports() sees every static import and re-export", () => {
  const cases: [string, string[]][] = [
    [`import "./a.ts"`, ["./a.ts"]],
    [`import'./a.ts'`, ["./a.ts"]],
    [`import a from "zod"`, ["zod"]],
    [`import * as a from 'npm:zod@4'`, ["npm:zod@4"]],
    [`import { a, b as c } from "x"`, ["x"]],
    [`import a, { b } from "x"`, ["x"]],
    [`import{a}from"x";import{b}from"y"`, ["x", "y"]],
    [`import {\n  a,\n  b,\n} from "x";`, ["x"]],
    [`import { type A, b } from "x"`, ["x"]],
    [`import type from "x"`, ["x"]],
    [`import type, { a } from "x"`, ["x"]],
    [`export * from "x"`, ["x"]],
    [`export * as y from "x"`, ["x"]],
    [`export { a } from "x"`, ["x"]],
    [`import data from "./d.json" with { type: "json" }`, ["./d.json"]],
    [`const a = 1\nimport b from "x"`, ["x"]],
    [`function f() { return /}/ }\nimport b from "x"`, ["x"]],
    ["const t = `a ${ `}` + \"`\" } b`\nimport b from 'x'", ["x"]],
    [`const a = "it's" // "\nimport b from "x"`, ["x"]],
    [`/* c */ import /* d */ b from "x"`, ["x"]],
    [`import a from "x"\nimport b from "x"`, ["x"]],
    [`#!/usr/bin/env deno\nimport a from "x"`, ["x"]],
  ];
  for (const [source, found] of cases) {
    assert.deepEqual(staticImports(source), found, source);
  }
});

Deno.test("staticImports() leaves out types, and what only looks like an import", () => {
  for (
    const source of [
      `import type { A } from "x"`,
      `import type A from "x"`,
      `import type * as A from "x"`,
      `import { type A, type B } from "x"`,
      `export type { A } from "x"`,
      `export type * from "x"`,
      `const a = await import("x")`,
      `import("x")`,
      `import.meta.url`,
      `export const a = 1; const b = 'from "x"'`,
      `export { a }\nconst from = "x"`,
      `// import a from "x"`,
      `/*\nimport a from "x"\n*/`,
      "const code = `\nimport a from 'x'\n`",
      `const code = 'import a from "x"'`,
      `const code = "\\\nimport a from 'x'"`,
      `x.import\nfrom("x")`,
      `function f() {\n  return { import: "x" };\n}`,
      `export default {\n  name: "from", summary: "x",\n}`,
      `export function from(a: "x") {}`,
      `const r = /\nimport/`,
    ]
  ) assert.deepEqual(staticImports(source), [], source);
});

Deno.test("staticImports() ends on any text", () => {
  const soup = fc.array(fc.constantFrom(
    ..."import|export|from|{|}|(|)|`|${|'|\"|/|\\|*|//|/*|\n| |x|=|;|type"
      .split("|"),
  )).map((parts) => parts.join(""));
  fc.assert(
    fc.property(soup, (source) => {
      assert.ok(Array.isArray(staticImports(source)));
    }),
    { numRuns: 2000 },
  );
});
