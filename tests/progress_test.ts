// Progress on a terminal during a run; cli/progress_test.ts has the details.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { earshot } from "./support/earshot.ts";
import { tempFolder } from "./support/files.ts";

const CLI = fileURLToPath(new URL("../cli.ts", import.meta.url));
const RUN = [
  ...["run", "--backend", "echo=50", "--data", "repeat=hello"],
  ...["--duration", "1s"],
];

/** Command that runs another on a pseudo-terminal (util-linux); undefined if it is not installed. */
const hasTerminal = Deno.build.os === "linux" &&
  await new Deno.Command("script", {
    args: ["--version"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output().then(({ success }) => success, () => false);

Deno.test({
  name: "run shows a progress line on a terminal and removes it at the end",
  ignore: !hasTerminal,
  async fn() {
    await using folder = await tempFolder();
    const command = [Deno.execPath(), "run", "-A", CLI, ...RUN]
      .map((piece) => `'${piece}'`).join(" ");
    const { code, stdout } = await new Deno.Command("script", {
      args: ["-qec", `stty cols 100; ${command}`, "/dev/null"],
      cwd: folder.path,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).output();
    const shown = new TextDecoder().decode(stdout);
    assert.ok(code === 0 || code === 4, shown);
    assert.match(shown, /loading …/);
    const lines = shown.split("\r\x1b[K");
    const live = /^1 stream · 1 s left · \d+ ok · 1 in flight · /;
    assert.ok(lines.some((line) => live.test(line)), shown);
    // What a piece has after its last line break is a line of progress, which the next piece removes.
    const left = lines.map((piece, i) =>
      i === lines.length - 1
        ? piece
        : piece.slice(0, piece.lastIndexOf("\n") + 1)
    ).join("");
    assert.match(stripVTControlCharacters(left), /^earshot [^]*\n {2}verdict /);
    assert.doesNotMatch(
      left,
      / in flight · |loading …/,
      "nothing stays behind but the report",
    );
  },
});

Deno.test("run prints no progress to a pipe", async () => {
  await using folder = await tempFolder();
  const { stdout, stderr } = await earshot(RUN, { cwd: folder.path });
  assert.equal(stderr, "");
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
    assert.equal(code, 0, stderr);
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
