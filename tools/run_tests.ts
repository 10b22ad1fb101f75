/**
 * Runs every test and ends with `N passed, N failed`, alone on the last line.
 *
 * Unit tests and runs that hold no times, in tests/untimed/, run in parallel. Other whole runs, in tests/, hold
 * timestamps against each other: they come after, one file at a time, with the machine to themselves. Paths given as
 * arguments are run in place of both.
 *
 * @module
 */
const FLAGS = [
  "test",
  "--allow-all",
  "--frozen",
  "--doc",
  "--permit-no-files",
  "--sanitize-ops",
  "--sanitize-resources",
];

const PARTS = Deno.args.length > 0 ? [Deno.args] : [
  ["--parallel", "--ignore=bench,tests/*_test.ts"],
  ["tests/", "--ignore=tests/untimed,tests/support"],
];

/** Runs `deno test` and counts what it wrote to its JUnit file. */
async function run(args: readonly string[], junitFile: string): Promise<Tally> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [...FLAGS, `--junit-path=${junitFile}`, ...args],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  const xml = await Deno.readTextFile(junitFile).catch(() => "");
  return tally(xml, code);
}

/** Runs the parts and reports on them. */
async function main(): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "earshot-test-" });
  const tallies: Tally[] = [];
  try {
    for (const [i, args] of PARTS.entries()) {
      if (args[0] === "tests/" && !await exists("tests")) continue;
      tallies.push(await run(args, `${folder}/${i}.xml`));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const passed = tallies.reduce((sum, part) => sum + part.passed, 0);
  const failed = tallies.reduce((sum, part) => sum + part.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  Deno.exitCode = exitCodeOf({ passed, failed });
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

/** Numbers of tests by their end. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Counts the tests of a JUnit file as `deno test` writes it, with their steps. It lacks files that
 * could not be loaded, and all of them after a type error: a non-zero exit code counts as one failure.
 */
export function tally(xml: string, exitCode: number): Tally {
  let passed = 0;
  let failed = 0;
  for (const [tag] of xml.matchAll(/<testsuite\s[^>]*>/g)) {
    const bad = count(tag, "failures") + count(tag, "errors");
    failed += bad;
    passed += count(tag, "tests") - count(tag, "disabled") - bad;
  }
  return { passed, failed: exitCode === 0 ? failed : Math.max(1, failed) };
}

/** Returns 0 only if at least one test ran and none failed. */
export function exitCodeOf({ passed, failed }: Tally): number {
  return failed === 0 && passed > 0 ? 0 : 1;
}

function count(tag: string, attribute: string): number {
  return Number(tag.match(new RegExp(`\\b${attribute}="(\\d+)"`))?.[1] ?? 0);
}

if (import.meta.main) await main();
