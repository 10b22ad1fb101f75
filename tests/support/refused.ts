import assert from "node:assert/strict";
import { earshot, type EarshotOptions } from "./earshot.ts";

/** A command line, and what must be said of it: what, which value, which rule, what would do. */
export interface Case {
  readonly args: readonly string[];
  readonly says: readonly (string | RegExp)[];
  readonly options?: EarshotOptions;
}

/** Runs every case, a few at a time, and holds each to the rules of a clear error. */
export async function refuseAll(
  cases: readonly Case[],
  common: EarshotOptions = {},
): Promise<void> {
  const queue = [...cases];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      await refuse(next, common);
    }
  };
  // All of them end before any failure is reported, so that no process is left behind.
  const results = await Promise.allSettled([worker(), worker(), worker()]);
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
  }
}

async function refuse(
  { args, says, options }: Case,
  common: EarshotOptions,
): Promise<void> {
  const { code, stdout, stderr } = await earshot(args, {
    ...common,
    ...options,
  });
  const what = `earshot ${args.join(" ")}\n${stderr}`;
  assert.equal(code, 2, what);
  assert.equal(stdout, "", what);
  assert.match(stderr, /^earshot: \S/, what);
  assert.equal(stderr.match(/^earshot: /gm)?.length, 1, what);
  assert.doesNotMatch(stderr, /^\s+at .*[:(]/m, `a stack trace: ${what}`);
  assert.doesNotMatch(stderr, /\[object |undefined|NaN/, what);
  for (const said of says) {
    const found = typeof said === "string"
      ? stderr.includes(said)
      : said.test(stderr);
    assert.ok(found, `it must say ${said}: ${what}`);
  }
}
