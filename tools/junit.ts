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
