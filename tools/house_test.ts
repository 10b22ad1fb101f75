/**
 * Checks the files of the product: none imports itself through others (imports of types count, dynamic imports do not),
 * and none is longer than 450 lines.
 *
 * @module
 */
import assert from "node:assert/strict";

/** The files that each file imports, by path. */
type Graph = ReadonlyMap<string, readonly string[]>;

const ROOT = new URL("../", import.meta.url);

/** Folders without product files. */
const SKIPPED = /^(\.|bench\/|coverage\/|dist\/|examples\/|tests\/|tools\/)/;

/** Returns the paths of all product files, those of workers included. */
async function productFiles(folder = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder || ".", ROOT))) {
    const path = folder + entry.name + (entry.isDirectory ? "/" : "");
    if (SKIPPED.test(path)) continue;
    if (entry.isDirectory) files.push(...await productFiles(path));
    else if (/(?<!_test)\.ts$/.test(path)) files.push(path);
  }
  return files;
}

/** Reads the import graph of files from `deno info`, which resolves them in one run. */
async function importGraph(files: readonly string[]): Promise<Graph> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const imports = files.map((file) => `import "${new URL(file, ROOT)}";`);
    await Deno.writeTextFile(entry, imports.join("\n"));
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", "deno.json", entry],
      cwd: ROOT,
      stderr: "inherit",
    }).output();
    assert.ok(success, "deno info failed");
    return readGraph(JSON.parse(new TextDecoder().decode(stdout)), ROOT.href);
  } finally {
    await Deno.remove(entry);
  }
}

/** Returns the imports below a root, from the JSON of `deno info`. */
function readGraph(
  { modules }: { readonly modules: readonly InfoModule[] },
  root: string,
): Graph {
  const isOwn = (specifier: string) => specifier.startsWith(root);
  const path = (specifier: string) => specifier.slice(root.length);
  return new Map(
    modules.filter(({ specifier }) => isOwn(specifier)).map((module) => {
      const targets = (module.dependencies ?? [])
        .filter(({ isDynamic }) => !isDynamic)
        .flatMap(({ code, type }) => [code?.specifier, type?.specifier])
        .filter((target) => target !== undefined).filter(isOwn);
      return [path(module.specifier), [...new Set(targets.map(path))]];
    }),
  );
}

interface InfoModule {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

/** Returns the shortest circle through each file that is part of one, each circle once. */
function circlesIn(graph: Graph): string[][] {
  const circles = new Map<string, string[]>();
  for (const file of graph.keys()) {
    const circle = circleThrough(file, graph);
    const key = circle?.toSorted().join("\n");
    if (circle && !circles.has(key!)) circles.set(key!, circle);
  }
  return [...circles.values()];
}

/** Returns the shortest path of imports from a file back to itself, by breadth-first search. */
function circleThrough(start: string, graph: Graph): string[] | undefined {
  const importers = new Map<string, string>();
  const queue = [start];
  for (const file of queue) {
    for (const next of graph.get(file) ?? []) {
      if (next === start) return pathTo(file, importers);
      if (importers.has(next)) continue;
      importers.set(next, file);
      queue.push(next);
    }
  }
}

function pathTo(
  end: string,
  importers: ReadonlyMap<string, string>,
): string[] {
  const path: string[] = [];
  for (let at: string | undefined = end; at; at = importers.get(at)) {
    path.unshift(at);
  }
  return path;
}

Deno.test("circlesIn() finds each circle once, by its shortest path", () => {
  const graph = new Map([
    ["a", ["b", "c"]],
    ["b", ["c"]],
    ["c", ["a", "d"]],
    ["d", ["e"]],
    ["e", ["f", "d"]],
    ["f", ["f"]],
    ["g", ["a", "missing"]],
  ]);
  assert.deepEqual(circlesIn(graph), [
    ["a", "c"],
    ["b", "c", "a"],
    ["d", "e"],
    ["f"],
  ]);
  const tree = new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", []]]);
  assert.deepEqual(circlesIn(tree), []);
});

Deno.test("readGraph() keeps imports of types, and omits dynamic and foreign imports", () => {
  const to = (specifier: string) => ({ specifier });
  const modules = [
    {
      specifier: "file:///x/a.ts",
      dependencies: [
        { code: to("file:///x/b.ts") },
        { type: to("file:///x/c.ts") },
        { code: to("file:///x/d.ts"), isDynamic: true },
        { code: to("npm:zod"), type: to("file:///y/e.ts") },
        { code: {} },
      ],
    },
    { specifier: "file:///y/e.ts" },
    { specifier: "file:///x/b.ts" },
  ];
  assert.deepEqual(
    readGraph({ modules }, "file:///x/"),
    new Map([["a.ts", ["b.ts", "c.ts"]], ["b.ts", []]]),
  );
});

Deno.test("no product file imports itself through others", async () => {
  const files = await productFiles();
  const graph = await importGraph(files);
  assert.deepEqual(
    files.filter((file) => !graph.has(file)),
    [],
    "all are read",
  );
  const circles = circlesIn(graph)
    .map((circle) => [...circle, circle[0]].join(" → "));
  assert.deepEqual(circles, []);
});

Deno.test("no product file is longer than 450 lines", async () => {
  const long: string[] = [];
  for (const file of await productFiles()) {
    const lines = (await Deno.readTextFile(new URL(file, ROOT))).split("\n");
    if (lines.length > 451) long.push(`${file}: ${lines.length - 1}`);
  }
  assert.deepEqual(long, []);
});
