import type {
  Configured,
  Instances,
  OpenContext,
  Report,
  Reporter,
} from "../../plugins/mod.ts";

/** The context that a plugin is opened with in a test. */
export const context: OpenContext = {
  env: () => undefined,
  signal: new AbortController().signal,
  warn: () => {},
};

/** Opens a reporter. */
export function open(
  reporter: Configured<"reporter">,
): Promise<Instances["reporter"]> {
  return reporter.open(context);
}

/** Ends a reporter as a run does. */
export async function finish(
  reporter: Reporter,
  report: Report,
): Promise<void> {
  try {
    await reporter.report(report);
  } finally {
    await reporter[Symbol.asyncDispose]?.();
  }
}

/** Creates a temporary folder, removed after the test. */
export async function scratch(): Promise<
  { at: (name: string) => string } & AsyncDisposable
> {
  const folder = await Deno.makeTempDir();
  return {
    at: (name) => `${folder}/${name}`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Pipes a report from another process into a shell command; returns that process's exit code and the output of the command. */
export async function reportInto(
  reporter: string,
  command: string,
): Promise<{ code: number; printed: string; errors: string }> {
  const script = new URL("print_report.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: [
      "-c",
      `"$0" run -A "$1" "$2" | ${command}; echo "code \${PIPESTATUS[0]}"`,
      Deno.execPath(),
      script,
      reporter,
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  const [, printed = "", code] = /^(.*)code (\d+)\n$/s.exec(text) ?? [];
  return {
    code: Number(code),
    printed,
    errors: new TextDecoder().decode(stderr),
  };
}
