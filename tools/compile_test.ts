/**
 * Checks of the compiled binary that do not need its runtime, which may not be downloadable: that everything it needs at run
 * time is embedded, and that plugins load without a config, a cache or a network of Deno's own.
 *
 * @module
 */
import assert from "node:assert/strict";
import config from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** Runs deno from the project's root and returns what it printed. */
async function deno(args: string[], env: Record<string, string> = {}) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout) + decoder.decode(stderr);
  assert.ok(success, text);
  return text;
}

async function withFolder(use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await use(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** The paths in the tree of embedded files that `deno compile` prints; a folder taken whole ends in `/*`. */
function embeddedFiles(text: string): string[] {
  const paths: string[] = [];
  const parents: string[] = [];
  for (const line of text.split("\n")) {
    const [, indent, rest] = line.match(/^([│ ]*)[├└][─┬]+ (.+)$/) ?? [];
    if (indent === undefined || rest === undefined) continue;
    const name = rest.replace(/ \([^()]*\)$/, "");
    const depth = indent.length / 2;
    parents.length = depth;
    paths.push([...parents, name].join("/"));
    parents.push(name);
  }
  return paths;
}

/** Whether a file is among the paths, by itself or in a folder taken whole. */
function isEmbedded(paths: readonly string[], file: string): boolean {
  return paths.some((path) =>
    path === file || (path.endsWith("/*") && file.startsWith(path.slice(0, -1)))
  );
}

Deno.test("compile embeds clips, workers and every built-in plugin", async () => {
  await withFolder(async (folder) => {
    const args = config.tasks.compile.split(" ").slice(1);
    args[args.indexOf("--output") + 1] = `${folder}/earshot`;
    const text = await deno(["compile", "--no-check", ...args.slice(1)], {
      DENORT_BIN: Deno.execPath(),
    });
    const files = embeddedFiles(text);
    const source = await Deno.readTextFile(new URL("catalogue.ts", ROOT));
    const needed = [...source.matchAll(/import\("\.\/(.+?)"\)/g)]
      .map(([, path]) => path!);
    assert.ok(needed.length >= 11, `${needed}`);
    const rest = ["cli.ts", "audio/decode_worker.ts", "server/thread.ts"];
    for (const path of [...needed, ...rest]) {
      assert.ok(isEmbedded(files, path), `${path} is not in:\n${text}`);
    }
    assert.ok(isEmbedded(files, "clips/manifest.json"), text);
    const { size } = await Deno.stat(`${folder}/earshot`);
    assert.ok(size > 50e6, `${size}`);
  });
});

/** A backend in TypeScript that needs nothing. */
const PLUGIN = `export default {
  kind: "backend" as const,
  apiVersion: 1 as const,
  name: "mine",
  summary: "Made by a stranger",
  options: { "~standard": { version: 1 as const, vendor: "none", validate: (value: unknown) => ({ value }) } },
  open: () => ({ needs: [], send: async () => ({}) }),
};`;

Deno.test("loadPlugin() works bundled, where Deno has no config, no packages and no remote modules", async () => {
  await withFolder(async (folder) => {
    const [bundle, file] = [`${folder}/probe.js`, `${folder}/mine.ts`];
    await deno(["bundle", "--output", bundle, "tests/support/loader_probe.ts"]);
    await Deno.writeTextFile(file, PLUGIN);
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      () => new Response(PLUGIN),
    );
    const alone = [
      "run",
      "--allow-all",
      "--no-config",
      "--no-remote",
      "--no-npm",
      "--cached-only",
      bundle,
    ];
    for (const from of [file, `http://127.0.0.1:${server.addr.port}/mine.ts`]) {
      const text = await deno([...alone, from]);
      assert.match(text, /^mine: Made by a stranger\n/, from);
    }
  });
});

Deno.test("embeddedFiles() reads the tree that compile prints", () => {
  const text = `Embedded Files

earshot
├── .deno_compile_node_modules/localhost/ws/8.23.0/* (21.3KB - 21.26KB unique)
├─┬ audio (240B - 120B unique)
│ ├── w.ts (120B)
│ └─┬ deep (120B)
│   └── x/* (120B - 0B unique)
└── cli.ts (450B)

Files: 25.33KB`;
  const found = embeddedFiles(text);
  assert.deepEqual(found, [
    ".deno_compile_node_modules/localhost/ws/8.23.0/*",
    "audio",
    "audio/w.ts",
    "audio/deep",
    "audio/deep/x/*",
    "cli.ts",
  ]);
  assert.ok(isEmbedded(found, "audio/w.ts"));
  assert.ok(isEmbedded(found, "audio/deep/x/y/z.ts"));
  assert.ok(!isEmbedded(found, "audio/other.ts"));
});
