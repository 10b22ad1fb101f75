// What people and CI read of a run: the console's text, Markdown, JUnit.

import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { earshot } from "./support/earshot.ts";
import { tempFolder } from "./support/files.ts";

const RUN = [
  "run",
  ...["--backend", "echo=1", "--data", "repeat=hello", "--requests", "20"],
];

Deno.test("run prints the text that report prints of its samples and of its report, and writes Markdown and JUnit", async () => {
  await using folder = await tempFolder();
  const cwd = folder.path;
  const ran = await earshot([
    ...RUN,
    ...["--load", "concurrent=1,2", "--slo", "latency.p50<0.001ms"],
    ...["--report", "json=a.json", "--report", "jsonl=a.jsonl"],
    ...["--report", "markdown=a.md", "--report", "junit=a.xml"],
  ], { cwd });
  assert.equal(ran.code, 3, ran.stderr);
  for (const file of ["a.json", "a.jsonl"]) {
    const again = await earshot(["report", file], { cwd });
    assert.equal(again.stdout, ran.stdout, file);
  }
  const markdown = await earshot(
    ["report", "a.jsonl", "--report", "markdown=-"],
    { cwd },
  );
  assert.equal(markdown.stdout, await Deno.readTextFile(folder.at("a.md")));
  assert.match(markdown.stdout, /^### result: of 2 stages: .*2 missed an SLO/m);
  const xml = await Deno.readTextFile(folder.at("a.xml"));
  assert.equal(xml.match(/<failure type="slo" /g)?.length, 2, xml);
});

Deno.test("run colours its text as --color says, and appends Markdown to the summary of GitHub's step", async () => {
  await using folder = await tempFolder();
  const run = async (color: string, summary: string) => {
    const env = { GITHUB_STEP_SUMMARY: folder.at(summary) };
    const args = [...RUN, "--color", color];
    const { code, stdout, stderr } = await earshot(args, { env });
    assert.ok([0, 4].includes(code), stderr);
    return { stdout, stderr };
  };
  const always = await run("always", "summary.md");
  assert.notEqual(always.stdout, stripVTControlCharacters(always.stdout));
  const never = await run("never", "summary.md");
  assert.equal(never.stdout, stripVTControlCharacters(never.stdout));
  const summary = await Deno.readTextFile(folder.at("summary.md"));
  assert.equal(summary.match(/^## earshot /gm)?.length, 2, "both runs");

  const unwritable = await run("auto", "no/such/folder.md");
  assert.match(
    unwritable.stderr,
    /^warning: GITHUB_STEP_SUMMARY: cannot write: [^\n]+\n(earshot: |$)/,
  );
});

Deno.test("run rejects a --color that it does not have", async () => {
  const { code, stderr } = await earshot([...RUN, "--color", "sometimes"]);
  assert.equal(code, 2);
  assert.equal(
    stderr,
    'earshot: --color must be auto, always or never, but was "sometimes"\n',
  );
});
