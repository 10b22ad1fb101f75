import assert from "node:assert/strict";
import {
  type Configured,
  define,
  type Kind,
  type OpenContext,
} from "../../plugins/mod.ts";
import type { Check } from "./checks.ts";

/** Creates a plugin from a function that creates its instance. */
export function pluginOf<K extends Kind>(
  kind: K,
  open: (context: OpenContext) => unknown,
): Configured<K> {
  const validate = (value: unknown) => ({ value });
  return define(kind, {
    name: "it",
    summary: "It",
    options: { "~standard": { version: 1, vendor: "test", validate } },
    open: (_options, context) => open(context) as never,
  })({});
}

/** Runs checks, or one of them alone, and returns the messages of those that fail. */
export async function failures(
  checks: readonly Check[],
  only?: string,
): Promise<Record<string, string>> {
  const messages: Record<string, string> = {};
  for (const { name, run } of checks) {
    const promise = name.replace(/^it /, "");
    if (only !== undefined && only !== promise) continue;
    await run().catch((error) => {
      assert.ok(error instanceof Error);
      messages[promise] = error.message;
    });
  }
  await Promise.all(sleeps.splice(0));
  return messages;
}

/** Timers of broken plugins that are still running when their check has failed. */
const sleeps: Promise<void>[] = [];

/** Waits in real time; `failures` waits for it too. */
export function sleep(ms: number): Promise<void> {
  const slept = new Promise<void>((resolve) => setTimeout(resolve, ms));
  sleeps.push(slept);
  return slept;
}

/** Time limits for plugins that keep their promises. */
export const GENEROUS = { graceMs: 2000, timeoutMs: 10_000 };
/** Short time limits for plugins that break them. */
export const LIMITS = { graceMs: 100, timeoutMs: 300 };

/** Runs each case against the check that it must break, and checks that there is a case for every check. */
export async function assertBroken<T>(
  cases: readonly (readonly [promise: string, message: RegExp, broken: T])[],
  promises: readonly Check[],
  run: (broken: T, promise: string) => Promise<Record<string, string>>,
): Promise<void> {
  for (const [promise, message, broken] of cases) {
    const found = await run(broken, promise);
    assert.match(
      found[promise] ?? "(passed)",
      message,
      `${promise}, ${message}`,
    );
  }
  assert.deepEqual(
    new Set(cases.map(([promise]) => promise)),
    new Set(promises.map(({ name }) => name.replace("it ", ""))),
    "every promise has a plugin that breaks it",
  );
}
