import assert from "node:assert/strict";
import { oneStageReport } from "../tests/support/report.ts";
import { context, scratch } from "../tests/support/reporters.ts";
import type { Reporter } from "../plugins/mod.ts";
import { printBeside, stepSummary } from "./run_reporters.ts";

/** Environment of a step. */
function envOf(path: string) {
  return (name: string) => name === "GITHUB_STEP_SUMMARY" ? path : undefined;
}

Deno.test("stepSummary() appends Markdown to the file of the step", async () => {
  await using folder = await scratch();
  const path = folder.at("summary.md");
  await Deno.writeTextFile(path, "before\n");
  const reporter = await stepSummary([], envOf(path))!.open(context);
  await reporter.report(oneStageReport);
  const text = await Deno.readTextFile(path);
  assert.match(text, /^before\n## `?earshot 0\.1\.0 [^]*### /);
});

Deno.test("stepSummary() warns once of a file that cannot be written", async () => {
  await using folder = await scratch();
  const warnings: string[] = [];
  const plugin = stepSummary([], envOf(folder.at("no/such/folder.md")))!;
  const warn = (message: string) => void warnings.push(message);
  const reporter = await plugin.open({ ...context, warn });
  await reporter.report(oneStageReport);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /^GITHUB_STEP_SUMMARY: cannot write: /);
});

Deno.test("stepSummary() is left out elsewhere, and if a report already writes that file", () => {
  assert.equal(stepSummary([], () => undefined), undefined);
  assert.equal(stepSummary([], () => ""), undefined);
  const reports = [{ use: "markdown", with: { path: "/s.md" } }];
  assert.equal(stepSummary(reports, envOf("/s.md")), undefined);
});

Deno.test("printBeside() calls the console's reporter beside the progress", async () => {
  const calls: string[] = [];
  const reporter: Reporter = {
    start: () => void calls.push("start"),
    stage: () => void calls.push("stage"),
    report: () => void calls.push("report"),
  };
  const plugin = {
    kind: "reporter",
    name: "console",
    options: {},
    open: () => Promise.resolve(reporter),
  } as const;
  const aside = (write: () => void) => {
    calls.push("clear");
    write();
    calls.push("show");
  };
  const beside = await printBeside({ aside }, plugin).open(context);
  beside.start?.(oneStageReport);
  beside.stage?.(oneStageReport.stages[0]!);
  await beside.report(oneStageReport);
  assert.deepEqual(calls, [
    ...["clear", "start", "show"],
    ...["clear", "stage", "show"],
    "report",
  ]);
  const other = { ...plugin, name: "json" };
  assert.equal(printBeside({ aside }, other), other);
});
