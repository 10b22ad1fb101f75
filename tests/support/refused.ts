import assert from "node:assert/strict";
import { earshot, type EarshotOptions } from "./earshot.ts";

/** A command line that fails, and texts that its error message contains. */
export interface Case {
  readonly args: readonly string[];
  readonly says: readonly (string | RegExp)[];
  readonly options?: EarshotOptions;
}

/** Runs every case, three at a time, checks each error message, and reports all problems at once. */
export async function refuseAll(
  cases: readonly Case[],
  common: EarshotOptions = {},
): Promise<void> {
  const queue = [...cases];
  const problems: Error[] = [];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      await refuse(next, common).catch((error) => problems.push(error));
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  if (problems.length > 1) {
    throw new Error(problems.map(({ message }) => message).join("\n"));
  }
  if (problems[0]) throw problems[0];
}

async function refuse(
  { args, says, options }: Case,
  common: EarshotOptions,
): Promise<void> {
  const { code, stdout, stderr } = await earshot(args, {
    ...common,
    ...options,
  });
  const shown = `earshot ${args.join(" ")}\n${stderr}`;
  assert.equal(code, 2, `exit code ${code}: ${shown}`);
  assert.equal(stdout, "", shown);
  assert.match(stderr, /^earshot: \S/, shown);
  assert.equal(stderr.match(/^earshot: /gm)?.length, 1, shown);
  assert.doesNotMatch(stderr, /^\s+at .*[:(]/m, `a stack trace: ${shown}`);
  assert.doesNotMatch(stderr, /\[object |undefined|NaN/, shown);
  const missing = says.filter((text) =>
    typeof text === "string" ? !stderr.includes(text) : !text.test(stderr)
  );
  assert.deepEqual(missing, [], `the error must contain ${missing}: ${shown}`);
}
