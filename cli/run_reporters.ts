import type { PluginConfig } from "../core/config.ts";
import { type Configured, messageOf } from "../plugins/mod.ts";
import type { ProgressReporter } from "./progress.ts";

/** Returns the reporter; what the console prints while the run continues does not mix with the line of progress. */
export function printBeside(
  { aside }: Pick<ProgressReporter, "aside">,
  plugin: Configured<"reporter">,
): Configured<"reporter"> {
  if (plugin.name !== "console") return plugin;
  return {
    ...plugin,
    async open(context) {
      const reporter = await plugin.open(context);
      return {
        start: (info) => aside(() => reporter.start?.(info)),
        stage: (stage) => aside(() => reporter.stage?.(stage)),
        report: (report) => reporter.report(report),
        [Symbol.asyncDispose]: async () =>
          await reporter[Symbol.asyncDispose]?.(),
      };
    },
  };
}

/** Name of the variable in which GitHub gives the file of a step's summary. */
const STEP_SUMMARY = "GITHUB_STEP_SUMMARY";

/**
 * Returns a reporter that appends the report as Markdown to the summary of the step, if the run is one of GitHub's
 * Actions and has no such report yet. A file that cannot be written is a warning: the run has its result.
 */
export function stepSummary(
  reports: readonly PluginConfig[],
  env: (name: string) => string | undefined,
): Configured<"reporter"> | undefined {
  const path = env(STEP_SUMMARY);
  if (!path || reports.some((each) => each.with["path"] === path)) return;
  return {
    kind: "reporter",
    name: "step summary",
    options: {},
    open: ({ warn }) =>
      Promise.resolve({
        async report(report) {
          const { renderMarkdown } = await import("../reporters/markdown.ts");
          try {
            await Deno.writeTextFile(path, renderMarkdown(report), {
              append: true,
            });
          } catch (error) {
            warn(`${STEP_SUMMARY}: cannot write: ${messageOf(error)}`);
          }
        },
      }),
  };
}
