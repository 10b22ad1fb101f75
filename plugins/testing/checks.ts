import type { OpenContext } from "../plugin.ts";

/** One promise of a contract, checked. */
export interface Check {
  /** What is promised, as a sentence that begins with the plugin's name. */
  readonly name: string;
  /** Rejects with what was promised and what was found. */
  run(): Promise<void>;
}

/** What every suite can be told. */
export interface SuiteOptions {
  /**
   * Registers one test with a framework of your choice.
   *
   * @default Deno.test
   */
  readonly test?: (name: string, run: () => Promise<void>) => void;
  /**
   * Environment variables, for plugins that read secrets from there.
   *
   * @default {none}
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * How long a plugin may take to let go once its signal has aborted, in milliseconds.
   *
   * @default {1000}
   */
  readonly graceMs?: number;
  /**
   * How long anything else may take, in milliseconds.
   *
   * @default {30000}
   */
  readonly timeoutMs?: number;
}

/** The limits of a suite, filled in. */
export interface Limits {
  readonly graceMs: number;
  readonly timeoutMs: number;
}

/** The limits that a suite was given, or their defaults. */
export function limitsOf(
  { graceMs = 1000, timeoutMs = 30_000 }: SuiteOptions,
): Limits {
  return { graceMs, timeoutMs };
}

/** Hands every check to a framework. */
export function register(
  checks: readonly Check[],
  { test = Deno.test }: SuiteOptions,
): void {
  for (const { name, run } of checks) test(name, run);
}

/** What a plugin is opened with in a check, and the secrets that it asked for. */
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

/** Holds that something is so. */
export function must(
  holds: unknown,
  rule: string,
  found?: unknown,
): asserts holds {
  if (holds) return;
  throw new Error(
    found === undefined ? rule : `${rule}: current value is ${shown(found)}`,
  );
}

/** The promise, or a rejection that says what took too long. */
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

/** Lets that much real time pass. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How a promise ended; a rejection is held to be an `Error`. */
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

/** Holds that a value survives JSON, and holds none of the secrets. */
export function mustBePlain(
  value: unknown,
  what: string,
  secrets: ReadonlySet<string> = new Set(),
): void {
  const fault = notPlain(value, what);
  must(fault === undefined, `${fault} must be plain JSON`);
  const text = JSON.stringify(value) ?? "";
  for (const secret of secrets) {
    must(!text.includes(secret), `${what} must not tell a secret`);
  }
}

/** Where a value holds something that JSON cannot. */
function notPlain(value: unknown, path: string): string | undefined {
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
    const fault = notPlain(item, `${path}.${key}`);
    if (fault !== undefined) return fault;
  }
}

/** Freezes plain data all through: whoever changes it throws. */
export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) {
    return value;
  }
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

function shown(value: unknown): string {
  if (value instanceof Error) return String(value);
  return JSON.stringify(value) ?? String(value);
}
