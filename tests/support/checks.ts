/** One test of a contract suite. */
export interface Check {
  readonly name: string;
  run(): Promise<void>;
}

/** Returns the tests that a contract suite registers. */
export function checksOf<Plugin, Options>(
  suite: (plugin: Plugin, options: Options) => void,
  plugin: Plugin,
  options?: Options,
): Check[] {
  const checks: Check[] = [];
  const test = (name: string, run: Check["run"]) =>
    void checks.push({ name, run });
  suite(plugin, { ...options, test } as Options);
  return checks;
}
