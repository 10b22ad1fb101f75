import assert from "node:assert/strict";
import { analyse } from "scslre";

const ROOT = new URL("../", import.meta.url);
const FOLDERS = [
  "audio",
  "backends",
  "cli",
  "clips",
  "core",
  "datasets",
  "lib",
  "loads",
  "plugins",
  "reporters",
  "server",
  "tokens",
];

/** Number of expressions by file that are built at run time; each takes linear time for its input. */
const DYNAMIC: Readonly<Record<string, number>> = {
  "audio/decode.ts": 1, // 12 bytes at most
  "backends/realtime/transports/upgrade.ts": 1, // one line of a head
  "datasets/columns/names.ts": 1, // no repetition but of digits at the end
  "datasets/synthetic/distribution.ts": 2, // separators between runs of digits
};

interface Found {
  readonly file: string;
  readonly line: number;
  /** The literal; `undefined` for one that is put together. */
  readonly literal: RegExp | undefined;
}

/** The part of an expression that takes more than linear time, if there is one. */
function superLinear(literal: RegExp): readonly string[] {
  return analyse(literal).reports.map(({ type, character }) =>
    `${type} of ${character.literal.source}`
  );
}

Deno.test("superLinear() knows expressions that backtrack", () => {
  assert.deepEqual(superLinear(/^[a-z]+$/), []);
  assert.deepEqual(superLinear(/\([^)]+\)/).length, 1);
  assert.deepEqual(superLinear(/\s+$/).length, 1);
  assert.deepEqual(superLinear(/^(a+)+$/).length, 1);
  assert.deepEqual(superLinear(/^\w*\d*x$/).length, 1);
});

Deno.test("no regular expression of the product takes more than linear time", async () => {
  const slow: string[] = [];
  const dynamic: Record<string, number> = {};
  for (const { file, line, literal } of await allExpressions()) {
    if (!literal) dynamic[file] = (dynamic[file] ?? 0) + 1;
    else {
      const reasons = superLinear(literal);
      if (reasons.length > 0) {
        slow.push(`${file}:${line} ${literal} ${reasons}`);
      }
    }
  }
  assert.deepEqual(slow, []);
  assert.deepEqual(dynamic, DYNAMIC);
});

async function allExpressions(): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const folder of FOLDERS) {
    for await (const file of sources(folder)) {
      found.push(
        ...expressions(file, await Deno.readTextFile(new URL(file, ROOT))),
      );
    }
  }
  assert.ok(found.length > 200, "the product has many");
  return found;
}

async function* sources(folder: string): AsyncIterable<string> {
  for await (
    const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))
  ) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".ts") && !/_test\.ts$|\/testing/.test(path)) {
      yield path;
    }
  }
}

function expressions(file: string, source: string): readonly Found[] {
  const found: Found[] = [];
  const add = (start: number, literal?: RegExp) => {
    const line = source.slice(0, start).split("\n").length;
    found.push({ file, line, literal });
  };
  const constructed = (
    node: Deno.lint.NewExpression | Deno.lint.CallExpression,
  ) => {
    if (node.callee.type === "Identifier" && node.callee.name === "RegExp") {
      add(node.range[0]);
    }
  };
  const plugin: Deno.lint.Plugin = {
    name: "find",
    rules: {
      expressions: {
        create: () => ({
          Literal(node) {
            const [, pattern, flags] = /^\/(.*)\/([a-z]*)$/s.exec(node.raw) ??
              [];
            if (pattern === undefined) return;
            add(node.range[0], new RegExp(pattern, flags));
          },
          NewExpression: constructed,
          CallExpression: constructed,
        }),
      },
    },
  };
  Deno.lint.runPlugin(plugin, file, source);
  return found;
}
