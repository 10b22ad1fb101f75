import { systemClock } from "../core/clock.ts";
import { disposeInTime } from "../lib/disposal.ts";
import { tellAll } from "../plugins/run.ts";
import { exitCodeOf, sayMissed } from "./exit_code.ts";
import { interruptible } from "./interrupt.ts";
import { replay } from "./replay.ts";
import type { ReportFlags } from "./commands/report.ts";
import { checkPaths } from "./report_paths.ts";
import { normalizerOf, reportersOf } from "./run_plan.ts";
import { warn } from "./warn.ts";

/** `earshot report`: returns the exit code. */
export async function reportCommand(
  path: string,
  flags: ReportFlags,
): Promise<number> {
  using interrupt = interruptible();
  await using open = new AsyncDisposableStack();
  const context = {
    env: (name: string) => Deno.env.get(name),
    signal: interrupt.signal,
    warn,
  };
  const configured = await reportersOf(flags);
  await checkPaths(configured, { what: "the samples", paths: [path] });
  const reporters = [];
  for (const each of configured) {
    const reporter = await each.open(context);
    open.defer(() =>
      disposeInTime(
        `reporter "${each.name}"`,
        () => reporter[Symbol.asyncDispose]?.(),
        { clock: systemClock(), warn },
      )
    );
    reporters.push(reporter);
  }
  const report = await replay(path, {
    ...(flags.normalizer !== undefined && {
      normalizer: normalizerOf(flags.normalizer),
    }),
    reporters,
    warn,
  });
  await tellAll(reporters, report);
  sayMissed(report);
  return exitCodeOf(report);
}
