// Progress on a terminal during a run; cli/progress_test.ts has the details.

import assert from "node:assert/strict";
import { earshot, hasTerminal, startEarshot } from "./support/earshot.ts";
import { linesOf } from "./support/fake_terminal.ts";
import { tempFolder } from "./support/files.ts";

const ECHO = ["run", "--backend", "echo=50", "--data", "repeat=hello"];
const RUN = [...ECHO, "--duration", "1s"];

/** A terminal that can show the live view. */
const TERMINAL = {
  terminal: 100,
  env: { CI: "", TERM: "xterm", LC_ALL: "C.UTF-8" },
};

/** The text that remains on the screen. */
function screenOf(stdout: string): string {
  return linesOf(stdout).join("\n");
}

Deno.test({
  name: "run shows a live view on a terminal, and leaves only the report",
  ignore: !hasTerminal,
  async fn() {
    await using folder = await tempFolder();
    const { code, stdout } = await earshot(
      [...RUN, "--load", "concurrent=1,2"],
      { cwd: folder.path, ...TERMINAL },
    );
    assert.ok(code === 0 || code === 4, stdout);
    assert.match(stdout, /loading …/);
    assert.match(stdout, /1 stream · stage 1 of 2 · measuring/);
    assert.match(stdout, /2 streams · stage 2 of 2 · measuring/);
    assert.match(stdout, /TTFT +\d+ .* [▁▂▃▄▅▆▇█]/);
    const left = screenOf(stdout);
    assert.match(left, /^earshot [^]*\n {2}verdict /);
    assert.doesNotMatch(left, /loading|measuring|━/);
  },
});

Deno.test({
  name: "run removes its live view on Ctrl-C, and prints the report",
  ignore: !hasTerminal,
  async fn() {
    await using folder = await tempFolder();
    await using running = startEarshot(
      [...ECHO, "--duration", "60s"],
      { cwd: folder.path, ...TERMINAL },
    );
    await running.waitFor(/ ok[^]*TTFT +\d+/);
    await running.press("\x03");
    const { code, stdout } = await running.ended;
    assert.equal(code, 130, stdout);
    assert.doesNotMatch(stdout, /\[\?25l/, "the cursor is never hidden");
    const left = screenOf(stdout);
    assert.match(
      left,
      /^earshot [^]*\nearshot: Interrupted: ending[^]*\n {2}verdict /,
    );
    assert.doesNotMatch(left, /loading|measuring|waiting|━/);
  },
});

Deno.test({
  name: "run prints plain lines with --no-live, TERM=dumb and CI",
  ignore: !hasTerminal,
  async fn() {
    await using folder = await tempFolder();
    for (
      const [flags, env] of [
        [["--no-live"], {}],
        [[], { TERM: "dumb" }],
        [[], { CI: "true" }],
      ] as const
    ) {
      const { stdout } = await earshot(
        [
          "run",
          "--backend",
          "echo",
          "--data",
          "repeat=hello",
          "--requests",
          "3",
          ...flags,
        ],
        { cwd: folder.path, ...TERMINAL, env: { ...TERMINAL.env, ...env } },
      );
      assert.equal(screenOf(stdout).split(" ")[0], "earshot");
    }
  },
});

Deno.test("run prints no progress to a pipe", async () => {
  await using folder = await tempFolder();
  const { stdout, stderr } = await earshot(RUN, { cwd: folder.path });
  assert.doesNotMatch(stderr, /progress|loading|measuring/);
  assert.match(stdout, /^earshot /);
});

Deno.test("run prints the summary in addition to reports in files, unless --quiet is given", async () => {
  await using folder = await tempFolder();
  const printed = async (...more: string[]) => {
    const args = ["run", "--backend", "echo", "--data", "repeat=hello"];
    // On a busy machine, echo is faster than its client.
    const { code, stdout, stderr } = await earshot(
      [...args, "--requests", "20", "--max-client-share", "100%", ...more],
      { cwd: folder.path },
    );
    assert.ok(code === 0 || code === 4, stderr);
    assert.equal(stderr, "");
    return stdout;
  };
  const files = ["--report", "json=a.json", "--report", "jsonl=a.jsonl"];
  assert.match(await printed(...files), /^earshot [^]* 20 ok/);
  assert.equal(await printed(...files, "--quiet"), "");
  assert.match(await printed("--quiet"), /^earshot [^]* 20 ok/);
  assert.equal(
    JSON.parse(await printed("--report", "json=-")).stages.length,
    1,
    "standard output is one report's",
  );
  const again = await earshot(
    ["report", "a.jsonl", "--report", "csv=a.csv"],
    { cwd: folder.path },
  );
  assert.match(again.stdout, /^earshot [^]* 20 ok/);
});
