import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { UsageError } from "../../plugins/mod.ts";
import { consoleReporter } from "./console.ts";
import { renderReport } from "./render_report.ts";
import { context, open, reportInto } from "../../tests/support/reporters.ts";
import { oneStageReport } from "../../tests/support/report.ts";

async function printed(work: () => void | Promise<void>): Promise<string> {
  const { writeSync } = Deno.stdout;
  const decoder = new TextDecoder();
  let text = "";
  Deno.stdout.writeSync = (bytes) => {
    const some = bytes.subarray(0, 1000);
    text += decoder.decode(some, { stream: true });
    return some.length;
  };
  try {
    await work();
  } finally {
    Deno.stdout.writeSync = writeSync;
  }
  return text;
}

Deno.test("consoleReporter() prints the report, in as many writes as it takes", async () => {
  const reporter = await open(consoleReporter({ color: "never" }));
  const text = await printed(() => reporter.report(oneStageReport));
  assert.equal(text, renderReport(oneStageReport));
});

Deno.test("consoleReporter() uses colour always, or as NO_COLOR has it", async () => {
  const always = await open(consoleReporter({ color: "always" }));
  const text = await printed(() => always.report(oneStageReport));
  assert.notEqual(text, stripVTControlCharacters(text));

  const env = (name: string) => name === "NO_COLOR" ? "1" : undefined;
  const auto = await consoleReporter({}).open({ ...context, env });
  const plain = await printed(() => auto.report(oneStageReport));
  assert.equal(plain, renderReport(oneStageReport));
});

Deno.test("consoleReporter() waits where standard output is full for a while", async () => {
  const reporter = await open(consoleReporter({ color: "never" }));
  let full = 2;
  const text = await printed(async () => {
    const { writeSync } = Deno.stdout;
    Deno.stdout.writeSync = (bytes) => {
      if (full-- > 0) throw new Deno.errors.WouldBlock("full");
      return writeSync(bytes);
    };
    await reporter.report(oneStageReport);
  });
  assert.equal(text, renderReport(oneStageReport));
});

Deno.test("consoleReporter() refuses a width that its tables do not fit in", async () => {
  await assert.rejects(open(consoleReporter({ width: 40 })), UsageError);
});

Deno.test("consoleReporter() gives a slow reader every byte", async () => {
  const { code, printed, errors } = await reportInto(
    "console",
    "(sleep 0.3; cat) | wc -l",
  );
  assert.equal(code, 0, errors);
  assert.ok(Number(printed) > 4000, printed);
});

Deno.test("consoleReporter() ends well where its reader has gone away", async () => {
  const { code, printed, errors } = await reportInto("console", "head -1");
  assert.equal(code, 0, errors);
  assert.match(printed, /^earshot 0\.1\.0/);
  assert.equal(errors, "");
});
