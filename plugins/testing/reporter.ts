import type { Reporter } from "../../core/contract.ts";
import type { Configured } from "../plugin.ts";
import {
  type Check,
  contextOf,
  frozen,
  limitsOf,
  must,
  register,
  type SuiteOptions,
  within,
} from "./checks.ts";
import { emptyStage, type TestRun, testRun } from "./run.ts";

/**
 * Registers a test for every promise that a reporter makes. Files that it writes are written again by each.
 *
 * @example Usage
 * ```ts ignore
 * import { testReporter } from "@earshot/earshot/testing";
 * import mine from "./mine.ts";
 *
 * testReporter(mine({ path: await Deno.makeTempFile() }));
 * ```
 */
export function testReporter(
  plugin: Configured<"reporter">,
  options: SuiteOptions = {},
): void {
  register(reporterChecks(plugin, options), options);
}

/** The promises that a reporter makes, for those who register them on their own. */
export function reporterChecks(
  plugin: Configured<"reporter">,
  options: SuiteOptions = {},
): Check[] {
  const { timeoutMs } = limitsOf(options);
  const check = (
    promise: string,
    run: (reporter: Reporter) => Promise<void> | void,
  ): Check => ({
    name: `${plugin.name} ${promise}`,
    async run() {
      const context = contextOf(options.env);
      const reporter = await within(plugin.open(context), timeoutMs, "open()");
      try {
        await within(run(reporter), timeoutMs, "The reporter");
      } finally {
        await within(reporter[Symbol.asyncDispose]?.(), timeoutMs, "disposal");
      }
    },
  });

  return [
    check("reports a whole run", (reporter) => tell(reporter, testRun())),
    check("changes nothing of what it is given", async (reporter) => {
      const given = testRun();
      const before = JSON.stringify(given);
      await tell(reporter, frozen(given));
      must(
        JSON.stringify(given) === before,
        "What a reporter is given must stay as it is",
      );
    }),
    check("answers at once while the run goes on", (reporter) => {
      const { info, samples, progress, stage } = testRun();
      const answers = {
        start: reporter.start?.(info),
        samples: reporter.samples?.(samples),
        progress: reporter.progress?.(progress),
        stage: reporter.stage?.(stage),
      };
      for (const [name, answer] of Object.entries(answers)) {
        must(
          answer === undefined,
          `${name}() must return nothing: the run does not wait for it`,
        );
      }
    }),
    check("takes many samples", async (reporter) => {
      const whole = testRun();
      const { info, samples, report } = whole;
      reporter.start?.(info);
      for (let batch = 0; batch < 50; batch++) {
        reporter.samples?.(Array.from({ length: 100 }, (_, i) => ({
          ...samples[i % samples.length]!,
          id: batch * 100 + i,
        })));
      }
      await reporter.report(report);
    }),
    check(
      "reports a run without stages",
      (reporter) => reporter.report({ ...testRun().report, stages: [] }),
    ),
    check("reports a stage in which nothing was observed", async (reporter) => {
      const { info, report } = testRun();
      const stage = emptyStage();
      reporter.start?.(info);
      reporter.samples?.([]);
      reporter.stage?.(stage);
      await reporter.report({ ...report, stages: [stage] });
    }),
    check(
      "reports a run that was interrupted, and data that was skipped",
      (reporter) =>
        tell(reporter, {
          ...testRun(),
          report: {
            ...testRun().report,
            interrupted: true,
            skipped: {
              count: 21,
              items: [{ id: "bad.wav", reason: "It ends early" }],
            },
          },
        }),
    ),
    check(
      "reports of what it was not there for",
      (reporter) => reporter.report(testRun().report),
    ),
    check("lets go of a run that came to no report", (reporter) => {
      const { info, samples } = testRun();
      reporter.start?.(info);
      reporter.samples?.(samples);
    }),
  ];
}

async function tell(
  reporter: Reporter,
  { info, samples, progress, stage, report }: TestRun,
): Promise<void> {
  reporter.start?.(info);
  reporter.progress?.(progress);
  reporter.samples?.(samples);
  reporter.samples?.([]);
  reporter.stage?.(stage);
  await reporter.report(report);
}
