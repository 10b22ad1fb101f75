import { run } from "../plugins/run.ts";
import { removeAbandonedFolders } from "../lib/temporary_folder.ts";
import { EXIT, exitCodeOf, sayMissed } from "./exit_code.ts";
import { interruptible } from "./interrupt.ts";
import { progressReporter } from "./progress.ts";
import { planOf } from "./run_plan.ts";
import type { RunFlags } from "./commands/run.ts";
import { warn } from "./warn.ts";

/** `earshot run`: returns the exit code. */
export async function runCommand(flags: RunFlags): Promise<number> {
  using interrupt = interruptible();
  const tidied = removeAbandonedFolders();
  await using plan = await planOf(flags);
  await tidied; // before anything is timed
  const progress = progressReporter({ quiet: flags.quiet ?? false });
  const report = await run({
    ...plan.options,
    reporters: [progress, ...plan.options.reporters],
    signal: interrupt.signal,
    warn: (message) => progress.aside(() => warn(message)),
  });
  sayMissed(report);
  const code = exitCodeOf(report);
  return code === EXIT.interrupted ? interrupt.exitCode : code;
}
