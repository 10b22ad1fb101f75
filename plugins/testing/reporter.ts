import type { Reporter } from "../../core/contract.ts";
import { Digest, stageReport } from "../../core/metrics/digest.ts";
import type {
  Progress,
  Report,
  RunInfo,
  StageReport,
} from "../../core/report.ts";
import type { Sample } from "../../core/sample.ts";
import type { Configured } from "../plugin.ts";
import { must, Suite, type SuiteOptions } from "./checks.ts";

/**
 * Registers a test for every promise that a reporter makes. Each test overwrites the files that the reporter writes.
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
  const suite = new Suite(plugin, options);
  const check = (
    promise: string,
    run: (reporter: Reporter) => Promise<void> | void,
  ) =>
    suite.check(
      promise,
      (reporter) => suite.within(run(reporter), "reporter"),
    );

  check("reports a whole run", (reporter) => reportAll(reporter, testRun()));
  check("does not change the data that it receives", async (reporter) => {
    const given = testRun();
    const before = JSON.stringify(given);
    await reportAll(reporter, frozen(given));
    const isSame = JSON.stringify(given) === before;
    must(isSame, "data must be the same after the reporter received it");
  });
  check("returns nothing while the run continues", (reporter) => {
    const { info, samples, progress, stage } = testRun();
    const results = {
      start: reporter.start?.(info),
      samples: reporter.samples?.(samples),
      progress: reporter.progress?.(progress),
      stage: reporter.stage?.(stage),
    };
    for (const [name, result] of Object.entries(results)) {
      const rule = "must return nothing, as the run does not wait for it";
      must(result === undefined, `${name}() ${rule}`);
    }
  });
  check("accepts many samples", async (reporter) => {
    const { info, samples, report } = testRun();
    reporter.start?.(info);
    for (let batch = 0; batch < 50; batch++) {
      reporter.samples?.(Array.from({ length: 100 }, (_, i) => ({
        ...samples[i % samples.length]!,
        id: batch * 100 + i,
      })));
    }
    await reporter.report(report);
  });
  check(
    "reports a run without stages",
    (reporter) => reporter.report({ ...testRun().report, stages: [] }),
  );
  check("reports a stage without observations", async (reporter) => {
    const { info, report } = testRun();
    const stage = stageOf([]);
    reporter.start?.(info);
    reporter.samples?.([]);
    reporter.stage?.(stage);
    await reporter.report({ ...report, stages: [stage] });
  });
  check("reports an interrupted run with skipped data", (reporter) => {
    const run = testRun();
    const items = [{ id: "bad.wav", reason: "ends early" }];
    const skipped = { count: 21, items };
    const report = { ...run.report, interrupted: true, skipped };
    return reportAll(reporter, { ...run, report });
  });
  check(
    "reports a run from its report alone",
    (reporter) => reporter.report(testRun().report),
  );
  check("can be disposed of without a report", (reporter) => {
    const { info, samples } = testRun();
    reporter.start?.(info);
    reporter.samples?.(samples);
  });
}

/** Freezes plain data recursively, so that a change throws. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) {
    return value;
  }
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

/** Calls every method of a reporter, as a run does. */
async function reportAll(
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

/** All data of a run that a reporter receives. */
export interface TestRun {
  readonly info: RunInfo;
  readonly samples: Sample[];
  readonly progress: Progress;
  readonly stage: StageReport;
  readonly report: Report;
}

/** Returns a small run with one of each kind of data. */
export function testRun(): TestRun {
  const info: RunInfo = {
    earshot: { version: "0.0.0" },
    run: {
      id: "00000000-0000-4000-8000-000000000000",
      startedAt: "2026-01-01T00:00:00.000Z",
      epochMs: Date.UTC(2026, 0, 1),
      loadingMs: 1,
      config: {
        version: 1,
        backend: { use: "echo", with: {} },
        data: [{ use: "repeat", with: { text: "hello" } }],
        load: { use: "concurrent", with: { streams: [1] } },
        stop: { requests: 3 },
        slos: [],
        seed: 1,
        normalizer: "basic",
        strict: false,
        reports: [],
      },
      facts: { backend: { model: "none" } },
    },
  };
  const stage = stageOf(samples());
  const progress: Progress = {
    atMs: 500,
    stage: 0,
    name: "1 stream",
    phase: "measure",
    inFlight: 1,
    counts: { ok: 1, error: 0, timeout: 0, cancelled: 0, dropped: 0 },
    requestsPerSecond: 2,
    medians: { latency: 500 },
    remainingRequests: 2,
  };
  const report: Report = {
    schema: "earshot.report/2",
    ...info,
    stages: [stage],
    skipped: { count: 0, items: [] },
    interrupted: false,
  };
  return { info, samples: samples(), progress, stage, report };
}

/** Returns three samples: answered, failed after some output, timed out without output. */
function samples(): Sample[] {
  const answered: Sample = {
    id: 0,
    session: { id: 'with "quotes", commas\nand lines', turn: 0 },
    stage: 0,
    phase: "measure",
    input: { audioId: "clip", audioMs: 400, reference: "hello world" },
    scheduledMs: 0,
    dispatchedMs: 1,
    marks: { connected: 2, ready: 3, streamStart: 4, endSent: 404, final: 450 },
    reads: { count: 2, bytes: 80 },
    deltas: [
      { atMs: 200, kind: "text", text: "" },
      { atMs: 440, kind: "text", text: "hello world", tokens: 2 },
    ],
    audioSent: [{ dueMs: 104, atMs: 104.5, endMs: 100 }],
    output: {
      text: "hello world",
      usage: { inputTokens: 5, outputTokens: 2 },
      finishReason: "stop",
    },
    endedMs: 451,
    outcome: { status: "ok" },
  };
  const refused = {
    class: "connect_error",
    message: "connection refused\nby the server",
    code: "ECONNREFUSED",
  };
  const empty = { input: {}, marks: {}, deltas: [], audioSent: [], output: {} };
  const late = { class: "connect_timeout", message: "timed out" };
  return [
    answered,
    {
      ...answered,
      id: 1,
      output: { text: "hel" },
      outcome: { status: "error", failure: refused },
    },
    {
      ...answered,
      ...empty,
      id: 2,
      reads: { count: 0, bytes: 0 },
      outcome: { status: "timeout", failure: late },
    },
  ];
}

/** Returns the report of a stage with these samples. */
export function stageOf(samples: readonly Sample[]): StageReport {
  const window = { stageStartMs: 0, startMs: 0, endMs: 1000, warmupMs: 0 };
  const sums = new Digest({ startMs: 0, endMs: 1000, normalizer: "basic" });
  for (const sample of samples) sums.add(sample);
  return stageReport(sums, {
    name: "1 stream",
    load: { kind: "concurrent", concurrency: 1 },
    window,
    stopped: "requests",
    dropped: 0,
    client: samples.length > 0 ? { cpu: 0.1, rssBytes: 1e8 } : {},
  });
}
