import assert from "node:assert/strict";
import plugin from "./lint_plugin.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** The problems that the plugin reports for a file with this source, as `rule: message`. */
function found(file: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, ROOT + file, source).map((
    { id, message },
  ) => `${id.replace("house/", "")}: ${message}`);
}

/** Holds that each source is reported once, with these words, and that the other ones are not. */
function holds(
  file: string,
  { bad, good, says }: { bad: string[]; good: string[]; says: string },
): void {
  for (const source of bad) {
    assert.deepEqual(found(file, source), [says], `${file}: ${source}`);
  }
  for (const source of good) {
    assert.deepEqual(found(file, source), [], `${file}: ${source}`);
  }
}

Deno.test("one-way-imports sees every way to import", () => {
  holds("backends/echo.ts", {
    says: "one-way-imports: backends/ may not import reporters/",
    bad: [
      `import "../reporters/jsonl.ts"`,
      `import { x } from "../reporters/jsonl.ts"`,
      `import type { X } from "../reporters/jsonl.ts"`,
      `export * from "../reporters/jsonl.ts"`,
      `export { jsonl } from "../reporters/jsonl.ts"`,
      `export type { X } from "../reporters/jsonl.ts"`,
      `const late = import("../reporters/jsonl.ts")`,
      "const late = import(`../reporters/jsonl.ts`)",
      `let x: import("../reporters/jsonl.ts").X`,
      `let x: typeof import("../reporters/jsonl.ts")`,
      `import x = require("../reporters/jsonl.ts")`,
      `new Worker(new URL("../reporters/jsonl.ts", import.meta.url))`,
      "new URL(`../reporters/jsonl.ts`, import.meta.url)",
      `import.meta.resolve("../reporters/jsonl.ts")`,
      `import "./../backends/../reporters/jsonl.ts?v=1"`,
      `import "file://${ROOT}reporters/jsonl.ts"`,
    ],
    good: [
      `import "../plugins/mod.ts"`,
      `import "../audio/mod.ts"`,
      `import "./other.ts"`,
      `import "node:net"`,
      `import config from "../deno.json" with { type: "json" }`,
      `import { z } from "zod"`,
      `new URL("./worker.ts", import.meta.url)`,
      `new URL("worker.ts", import.meta.url)`,
      `new URL(path, import.meta.url)`,
      `new URL("../reporters/x", "https://example.org")`,
    ],
  });
});

Deno.test("one-way-imports refuses a target that it cannot read", () => {
  holds("backends/echo.ts", {
    says: "one-way-imports: The target of an import must be a literal",
    bad: [
      "import(name)",
      "import(`../${room}/x.ts`)",
      `import("../" + room)`,
    ],
    good: ["export const x = 1", "export { y }; const y = 1"],
  });
});

Deno.test("one-way-imports knows the project by its own name", () => {
  const says = (room: string) =>
    `one-way-imports: datasets/ may not import ${room}`;
  assert.deepEqual(found("datasets/x.ts", `import "@earshot/earshot"`), [
    says("mod.ts"),
  ]);
  assert.deepEqual(found("core/x.ts", `import "@earshot/earshot/plugin"`), [
    "one-way-imports: core/ may not import plugins/",
  ]);
  assert.deepEqual(
    found("datasets/x.ts", `import "@earshot/earshot/plugin"`),
    [],
  );
});

Deno.test("one-way-imports holds every arrow", () => {
  const rooms = [
    "core",
    "audio",
    "clips",
    "plugins",
    "backends",
    "datasets",
    "reporters",
    "server",
    "cli",
    "tools",
    "tests",
    "bench",
  ];
  const allowed: Record<string, string> = {
    core: "core",
    audio: "audio",
    clips: "clips",
    plugins: "core plugins",
    backends: "plugins audio backends",
    datasets: "plugins audio clips datasets",
    reporters: "plugins reporters",
    server: "audio clips server",
    cli: rooms.join(" "),
    tests: rooms.join(" "),
  };
  for (const [from, to] of Object.entries(allowed)) {
    const open = rooms.filter((room) =>
      found(`${from}/x.ts`, `import "../${room}/x.ts"`).length === 0
    );
    assert.deepEqual(open.sort(), to.split(" ").sort(), from);
  }
  const front = rooms.filter((room) =>
    found("mod.ts", `import "./${room}/x.ts"`).length === 0
  );
  assert.deepEqual(
    front.sort(),
    "audio backends clips core datasets plugins reporters".split(" "),
  );
});

Deno.test("one-way-imports lets server/ import the clock of core/, and nothing else of it", () => {
  const imports = (path: string) =>
    found("server/http/x.ts", `import "${path}"`);
  assert.deepEqual(imports("../../core/clock.ts"), []);
  assert.equal(imports("../../core/stage.ts").length, 1);
});

Deno.test("one-way-imports reaches into nested folders", () => {
  assert.deepEqual(
    found("backends/realtime/realtime.ts", `import "../../reporters/x.ts"`),
    ["one-way-imports: backends/ may not import reporters/"],
  );
  assert.deepEqual(
    found("backends/realtime/realtime.ts", `import "../../plugins/mod.ts"`),
    [],
  );
  assert.deepEqual(
    found("backends/realtime/realtime.ts", `import "../echo.ts"`),
    [],
  );
});

Deno.test("one-way-imports lets tests import anything", () => {
  assert.deepEqual(
    found("core/x_test.ts", `import "../cli/commands/run.ts"; import "zod"`),
    [],
  );
});

Deno.test("one-way-imports keeps packages out of core", () => {
  holds("core/x.ts", {
    says: "one-way-imports: core/ imports no package",
    bad: [
      `import "zod"`,
      `import fs from "node:fs"`,
      `import "npm:zod"`,
      `import "https://example.org/x.ts"`,
      `let x: import("zod").ZodType`,
    ],
    good: [`import "./clock.ts"`, `import "../core/clock.ts"`],
  });
});

Deno.test("one-clock sees every way to read the time", () => {
  holds("backends/echo.ts", {
    says: "one-clock: Time comes from a Clock: see core/clock.ts",
    bad: [
      "performance.now()",
      "performance.timeOrigin",
      `performance["now"]()`,
      "globalThis.performance.now()",
      `globalThis["performance"].now()`,
      "self.performance",
      "const { now } = performance",
      "const { performance: p } = globalThis",
      "let p; ({ performance: p } = globalThis)",
      "const p = performance",
      `import { performance } from "node:perf_hooks"`,
      `import { performance as p } from "node:perf_hooks"`,
      "Date.now()",
      "globalThis.Date.now()",
      `Date["now"]()`,
      "new Date()",
      "new Date",
      "Date()",
      "const { now } = Date",
      "const D = Date",
      "[1].map(Date.now)",
      "Temporal.Now.instant()",
      "process.hrtime()",
    ],
    good: [
      "new Date(0)",
      "Date.parse(x)",
      "Date.UTC(2026, 1)",
      "x instanceof Date",
      "let x: Date",
      "let x: typeof Date",
      "x.performance",
      "const x = { performance: 1, Date: 2 }",
      "interface X { Date: string; performance: number }",
      "Temporal.Instant.from(x)",
      "setTimeout(x, 1)",
    ],
  });
});

Deno.test("one-clock leaves the clocks, benchmarks and tools alone", () => {
  for (
    const file of [
      "core/clock.ts",
      "bench/main.ts",
      "tools/x.ts",
    ]
  ) assert.deepEqual(found(file, "performance.now(); Date.now()"), [], file);
  assert.equal(found("tests/run_test.ts", "performance.now()").length, 1);
  assert.equal(found("core/other/clock.ts", "performance.now()").length, 1);
});

Deno.test("seeded-random sees every way to draw", () => {
  for (const file of ["core/x.ts", "tests/x_test.ts", "bench/x.ts"]) {
    holds(file, {
      says:
        "seeded-random: Random numbers come from a seeded generator: see lib/random.ts",
      bad: [
        "Math.random()",
        `Math["random"]()`,
        "globalThis.Math.random()",
        "const { random } = Math",
        "const m = Math",
        "const { Math: m } = globalThis",
        "[1].map(Math.random)",
      ],
      good: ["Math.floor(1.5)", "random()", "x.random()", "x.Math.floor"],
    });
  }
});

Deno.test("pure-core keeps the outside out of core", () => {
  const names = [
    "Deno.cwd()",
    "fetch(x)",
    "console.log(1)",
    "process.env",
    "globalThis.fetch(x)",
    "const { fetch: f } = globalThis",
    "new WebSocket(x)",
  ];
  for (const source of names) {
    const [first, ...rest] = found("core/metrics/x.ts", source);
    assert.match(first ?? "", /^pure-core: core\/ may not use /, source);
    assert.deepEqual(rest, [], source);
    assert.deepEqual(found("core/metrics/x_test.ts", source), [], source);
  }
  assert.deepEqual(found("backends/x.ts", "Deno.cwd(); fetch(x)"), []);
  assert.deepEqual(
    found("core/x.ts", "x.fetch(); x.process; let d: Deno.X"),
    [],
  );
});

Deno.test("quiet-library keeps the console to the command line", () => {
  for (const file of ["backends/x.ts", "audio/x.ts", "mod.ts", "server/x.ts"]) {
    holds(file, {
      says: "quiet-library: Only the command line prints to the console",
      bad: [
        "console.log(1)",
        "const { error } = console",
        "globalThis.console",
      ],
      good: ["x.console", "log(1)"],
    });
  }
  for (
    const file of [
      "cli.ts",
      "cli/commands/run.ts",
      "tools/x.ts",
      "audio/x_test.ts",
    ]
  ) {
    assert.deepEqual(found(file, "console.log(1)"), [], file);
  }
});
