/**
 * What can be said of the compiled binary where its runtime cannot be downloaded: that everything it needs at run
 * time is embedded, and that plugins load without a config, a cache or a network of Deno's own.
 *
 * @module
 */
import assert from "node:assert/strict";
import config from "../deno.json" with { type: "json" };
import { embeddedFiles } from "./embedded_files.ts";

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

Deno.test("compile embeds clips, workers and every built-in plugin", async () => {
  await withFolder(async (folder) => {
    const args = config.tasks.compile.split(" ").slice(1);
    args[args.indexOf("--output") + 1] = `${folder}/earshot`;
    const text = await deno(args, { DENORT_BIN: Deno.execPath() });
    const files = embeddedFiles(text);
    const source = await Deno.readTextFile(new URL("catalogue.ts", ROOT));
    const needed = [...source.matchAll(/import\("\.\/(.+?)"\)/g)]
      .map(([, path]) => path!);
    assert.ok(needed.length >= 11, `${needed}`);
    const rest = ["cli.ts", "audio/decode_worker.ts", "server/thread.ts"];
    for (const path of [...needed, ...rest]) {
      assert.ok(files.includes(path), `${path} is not in:\n${text}`);
    }
    assert.ok(files.some((path) => path.startsWith("clips/")), text);
    const { size } = await Deno.stat(`${folder}/earshot`);
    assert.ok(size > 50e6, `${size}`);
  });
});
