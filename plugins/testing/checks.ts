import type { Configured, Instances, Kind, OpenContext } from "../plugin.ts";

/** A promise of a contract, as a test. */
export interface Check {
  /** The promise, as a sentence that begins with the plugin's name. */
  readonly name: string;
  /** Rejects with the broken rule and the value that broke it. */
  run(): Promise<void>;
}

/** Options that every suite has. */
export interface SuiteOptions {
  /** Registers one test with a test framework. @default Deno.test */
  readonly test?: (name: string, run: () => Promise<void>) => void;
  /** Environment variables, for plugins that read secrets from them. @default {none} */
  readonly env?: Readonly<Record<string, string>>;
  /** Time limit for stopping after the signal has aborted, in milliseconds. @default {1000} */
  readonly graceMs?: number;
  /** Time limit of everything else, in milliseconds. @default {30000} */
  readonly timeoutMs?: number;
}

/** Time limits of a suite. */
export interface Limits {
  readonly graceMs: number;
  readonly timeoutMs: number;
}

/** Returns the time limits of a suite, with their defaults. */
export function limitsOf(
  { graceMs = 1000, timeoutMs = 30_000 }: SuiteOptions,
): Limits {
  return { graceMs, timeoutMs };
}

/** Registers every check with a test framework. */
export function register(
  checks: readonly Check[],
  { test = Deno.test }: SuiteOptions,
): void {
  for (const { name, run } of checks) test(name, run);
}

/** Creates a check that runs with an instance of a plugin, and disposes of it. */
export type CheckMaker<K extends Kind> = (
  promise: string,
  run: (
    instance: Instances[K],
    secrets: ReadonlySet<string>,
  ) => void | Promise<void>,
) => Check;

/** Returns a function that creates the checks of a plugin. */
export function checkMaker<K extends Kind>(
  plugin: Configured<K>,
  options: SuiteOptions,
): CheckMaker<K> {
  const { timeoutMs } = limitsOf(options);
  return (promise, run) => ({
    name: `${plugin.name} ${promise}`,
    async run() {
      const context = contextOf(options.env);
      const instance: Instances[K] & Partial<AsyncDisposable> = await within(
        plugin.open(context),
        timeoutMs,
        "open()",
      );
      try {
        await run(instance, context.secrets);
      } finally {
        await within(instance[Symbol.asyncDispose]?.(), timeoutMs, "disposal");
      }
    },
  });
}

/** Returns a context that opens plugins, and the secrets that they read from it. */
export function contextOf(
  env: Readonly<Record<string, string>> = {},
): OpenContext & { readonly secrets: ReadonlySet<string> } {
  const secrets = new Set<string>();
  return {
    secrets,
    env(name) {
      const value = env[name];
      if (value) secrets.add(value);
      return value;
    },
    signal: new AbortController().signal,
    warn() {},
  };
}

/**
 * Asserts that a rule holds.
 *
 * @throws {Error} With the rule, and the value that broke it.
 */
export function must(
  holds: unknown,
  rule: string,
  value?: unknown,
): asserts holds {
  if (holds) return;
  const shown = value instanceof Error
    ? String(value)
    : JSON.stringify(value) ?? String(value);
  throw new Error(value === undefined ? rule : `${rule}, but was ${shown}`);
}

/** Asserts that a value is a string, or absent. */
export function mustBeText(value: unknown, name: string): void {
  const isText = value === undefined || typeof value === "string";
  must(isText, `${name} must be a string`, value);
}

/** Waits for a promise, and rejects if it takes too long. */
export async function within<T>(
  promise: PromiseLike<T> | T,
  ms: number,
  what: string,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`${what} must settle within ${ms} ms`)),
    ms,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits in real time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Returns how a promise ended; a rejection must be an `Error`. */
export async function outcomeOf<T>(
  promise: Promise<T>,
  what: string,
): Promise<{ value: T } | { error: Error }> {
  try {
    return { value: await promise };
  } catch (error) {
    must(error instanceof Error, `${what} must reject with an Error`, error);
    return { error };
  }
}

/** Asserts that a value survives JSON, and contains no secret. */
export function mustBePlain(
  value: unknown,
  what: string,
  secrets: ReadonlySet<string> = new Set(),
): void {
  const path = pathNotPlain(value, what);
  must(path === undefined, `${path} must be plain JSON`);
  const text = JSON.stringify(value) ?? "";
  for (const secret of secrets) {
    must(!text.includes(secret), `${what} must not contain a secret`);
  }
}

/** Returns the path of a value that JSON cannot represent. */
function pathNotPlain(value: unknown, path: string): string | undefined {
  if (value === null || ["string", "boolean"].includes(typeof value)) return;
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : path;
  }
  if (value === undefined && path.includes(".")) return;
  if (typeof value !== "object") return path;
  const isPlain = Array.isArray(value) ||
    [Object.prototype, null].includes(Object.getPrototypeOf(value));
  if (!isPlain) return path;
  for (const [key, item] of Object.entries(value)) {
    const found = pathNotPlain(item, `${path}.${key}`);
    if (found !== undefined) return found;
  }
}
