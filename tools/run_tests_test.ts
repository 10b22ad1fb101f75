import assert from "node:assert/strict";
import { exitCodeOf, tally } from "./run_tests.ts";

const SCRIPT = new URL("./run_tests.ts", import.meta.url).pathname;
const GOOD =
  `Deno.test("works", async (t) => { await t.step("so", () => {}); });`;
const BAD = `Deno.test("breaks", () => { throw new Error("no"); });`;
const IGNORED = `Deno.test({ name: "later", ignore: true, fn() {} });`;
const LEAKY = `Deno.test("leaks", () => { setTimeout(() => {}, 9e6); });`;

/** Runs the tool over a project of these files: its exit code and the last line of its output. */
async function outcome(files: Record<string, string>) {
  const cwd = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${cwd}/tests`);
    for (
      const [name, text] of Object.entries({ "deno.json": "{}", ...files })
    ) {
      await Deno.writeTextFile(`${cwd}/${name}`, text);
    }
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-config", SCRIPT],
      cwd,
      stdin: "null",
      stderr: "null",
    }).output();
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    const left = (await Array.fromAsync(Deno.readDir(cwd))).map(({ name }) =>
      name
    ).sort();
    return { code, last: lines.at(-1), left };
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

Deno.test("run_tests counts both parts and leaves nothing behind", async () => {
  const files = { "a_test.ts": GOOD + IGNORED, "tests/b_test.ts": GOOD };
  const { code, last, left } = await outcome(files);
  assert.deepEqual({ code, last }, { code: 0, last: "4 passed, 0 failed" });
  assert.deepEqual(left, ["a_test.ts", "deno.json", "tests"]);
});

Deno.test("run_tests fails with a test that fails, in whichever part", async () => {
  const files = { "a_test.ts": GOOD, "tests/b_test.ts": GOOD + BAD };
  const { code, last } = await outcome(files);
  assert.deepEqual({ code, last }, { code: 1, last: "4 passed, 1 failed" });
});

Deno.test("run_tests fails with a test that leaks", async () => {
  const { code, last } = await outcome({ "a_test.ts": LEAKY });
  assert.deepEqual({ code, last }, { code: 1, last: "0 passed, 1 failed" });
});

Deno.test("run_tests fails with a file that cannot be loaded", async () => {
  const files = {
    "a_test.ts": GOOD,
    "tests/b_test.ts": `throw new Error("no")`,
  };
  const { code, last } = await outcome(files);
  assert.deepEqual({ code, last }, { code: 1, last: "2 passed, 1 failed" });
});

Deno.test("run_tests fails with a type error", async () => {
  const { code, last } = await outcome({
    "a_test.ts": `const x: string = 1; Deno.test("x", () => console.log(x));`,
  });
  assert.deepEqual({ code, last }, { code: 1, last: "0 passed, 1 failed" });
});

Deno.test("run_tests fails where there is nothing to run", async () => {
  const { code, last } = await outcome({});
  assert.deepEqual({ code, last }, { code: 1, last: "0 passed, 0 failed" });
});

Deno.test("tally() adds up suites and is not fooled by their names", () => {
  const xml = `<testsuites name="deno test" tests="9" failures="9">
    <testsuite name="a tests=&quot;7&quot; &gt;" tests="3" disabled="1" errors="0" failures="1"/>
    <testsuite name="b" tests="2" disabled="0" errors="1" failures="0">`;
  assert.deepEqual(tally(xml, 1), { passed: 2, failed: 2 });
  assert.deepEqual(tally("", 0), { passed: 0, failed: 0 });
  assert.deepEqual(tally("", 1), { passed: 0, failed: 1 });
});

Deno.test("exitCodeOf() is 0 only where something passed and nothing failed", () => {
  assert.equal(exitCodeOf({ passed: 1, failed: 0 }), 0);
  assert.equal(exitCodeOf({ passed: 0, failed: 0 }), 1);
  assert.equal(exitCodeOf({ passed: 1, failed: 1 }), 1);
});
