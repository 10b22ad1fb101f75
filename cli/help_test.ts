// Help and lists at the terminal, compared word for word: UPDATE_GOLDEN=1 writes the files.

import assert from "node:assert/strict";
import { earshot } from "../tests/support/earshot.ts";

const GOLDENS: readonly (readonly [string, readonly string[]])[] = [
  ["help", ["--help"]],
  ["run_help", ["run", "--help"]],
  ["report_help", ["report", "--help"]],
  ["serve_help", ["serve", "--help"]],
  ["list_help", ["list", "--help"]],
  ["info_help", ["info", "--help"]],
  ["check_help", ["check", "--help"]],
  ["list", ["list"]],
  ["info_realtime", ["info", "realtime"]],
  ["info_chat", ["info", "chat"]],
  ["info_responses", ["info", "responses"]],
  ["info_embeddings", ["info", "embeddings"]],
  ["info_transcriptions", ["info", "transcriptions"]],
  ["info_concurrent", ["info", "concurrent"]],
  ["info_csv", ["info", "csv"]],
  ["info_synthetic", ["info", "synthetic"]],
];

for (const [name, args] of GOLDENS) {
  Deno.test(`earshot ${args.join(" ")} says what it said`, async () => {
    const { code, stdout, stderr } = await earshot(args);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    const file = new URL(`goldens/${name}.txt`, import.meta.url);
    if (Deno.env.has("UPDATE_GOLDEN")) await Deno.writeTextFile(file, stdout);
    assert.equal(stdout, await Deno.readTextFile(file));
    if (args.includes("--help")) {
      const longest = Math.max(
        ...stdout.split("\n").map((line) => line.length),
      );
      assert.ok(longest <= 80, "it must fit a terminal of 80 columns");
    }
  });
}

Deno.test("earshot without a command prints its usage and exits with 2", async () => {
  const { code, stdout, stderr } = await earshot([]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^Usage: earshot \[options\] \[command\]/);
});

Deno.test("earshot --version and help write to standard output", async () => {
  const { version } = JSON.parse(
    await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
  );
  assert.equal((await earshot(["--version"])).stdout, `${version}\n`);
  const { code, stdout } = await earshot(["help", "run"]);
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: earshot run/);
});

Deno.test("list --json and info --json are the machine's twins of what people read", async () => {
  const all = JSON.parse((await earshot(["list", "--json"])).stdout);
  const text = (await earshot(["list"])).stdout;
  for (const { name, summary, kind } of all) {
    assert.ok(text.includes(summary), name);
    assert.ok(
      ["backend", "dataset", "reporter", "load", "dialect"].includes(kind),
    );
  }
  const [realtime] = JSON.parse(
    (await earshot(["info", "realtime", "--json"])).stdout,
  );
  assert.equal(realtime.primary, "target");
  assert.equal(realtime.options.properties.chunkMs.default, 100);
});
