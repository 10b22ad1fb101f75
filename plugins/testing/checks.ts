import type { Configured, Instances, Kind } from "../plugin.ts";

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

/** Registers the tests of a plugin's contract. */
export class Suite<K extends Kind> {
  /** Time limit for stopping after the signal has aborted, in milliseconds. */
  readonly graceMs: number;
  /** Time limit of everything else, in milliseconds. */
  readonly timeoutMs: number;
  readonly #plugin: Configured<K>;
  readonly #options: SuiteOptions;

  constructor(plugin: Configured<K>, options: SuiteOptions) {
    this.#plugin = plugin;
    this.#options = options;
    this.graceMs = options.graceMs ?? 1000;
    this.timeoutMs = options.timeoutMs ?? 30_000;
  }

  /**
   * Registers a test that runs with an instance of the plugin.
   *
   * @param promise The promise that is tested, as a sentence that begins with the plugin's name.
   */
  check(promise: string, run: Use<K>): void {
    const { test = Deno.test } = this.#options;
    test(`${this.#plugin.name} ${promise}`, () => this.use(run));
  }

  /** Opens the plugin, runs a function with the instance, and disposes of it. */
  async use(run: Use<K>): Promise<void> {
    const secrets = new Set<string>();
    const instance: Instances[K] & Partial<AsyncDisposable> = await this.within(
      this.#plugin.open({
        env: (name) => {
          const value = this.#options.env?.[name];
          if (value) secrets.add(value);
          return value;
        },
        signal: never(),
        warn() {},
      }),
      "open()",
    );
    try {
      await run(instance, secrets);
    } finally {
      await this.within(instance[Symbol.asyncDispose]?.(), "disposal");
    }
  }

  /** Waits for a promise, and rejects if it takes too long. */
  async within<T>(
    promise: PromiseLike<T> | T,
    what: string,
    limitMs = this.timeoutMs,
  ): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error(`${what} must settle within ${limitMs} ms`)),
      limitMs,
    );
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Runs with an instance of a plugin, and the secrets that it has read from environment variables. */
type Use<K extends Kind> = (
  instance: Instances[K],
  secrets: ReadonlySet<string>,
) => void | Promise<void>;

/** Returns a signal that never aborts. */
export function never(): AbortSignal {
  return new AbortController().signal;
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

/** Asserts that a value is a string that is not empty. */
export function mustBeName(value: unknown, name: string): void {
  const isName = typeof value === "string" && value !== "";
  must(isName, `${name} must be a string that is not empty`, value);
}

/** Asserts that a value is one of a list. */
export function mustBeOneOf(
  value: unknown,
  list: readonly unknown[],
  name: string,
): void {
  must(
    list.includes(value),
    `${name} must be one of ${list.join(", ")}`,
    value,
  );
}

/** Asserts that a value is a whole number above 0. */
export function mustBeCount(value: unknown, name: string): void {
  const isCount = Number.isInteger(value) && Number(value) > 0;
  must(isCount, `${name} must be a whole number above 0`, value);
}

/** Asserts that a value is a finite number from 0 on, or absent. */
export function mustBeAmount(value: number | undefined, name: string): void {
  const isAmount = value === undefined || (value >= 0 && value < Infinity);
  must(isAmount, `${name} must be a number from 0 on`, value);
}

/** Asserts that two readings gave the same items, each as text. */
export function mustBeSame(
  here: readonly string[],
  there: readonly string[],
  { rule, item }: { rule: string; item: string },
): void {
  must(
    here.length === there.length,
    `${rule}, but ${here.length} and ${there.length} ${item}s were read`,
  );
  const at = here.findIndex((each, i) => each !== there[i]);
  must(at < 0, `${rule}, but ${item} ${at} differs`);
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
