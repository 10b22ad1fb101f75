import assert from "node:assert/strict";
import { echo } from "../backends/echo.ts";
import { concurrent } from "../loads/concurrent.ts";
import { repeat } from "../datasets/repeat.ts";
import {
  type Configured,
  type Report,
  type Reporter,
  UsageError,
} from "./mod.ts";
import { abandoned, reportToAll, run, type RunOptions } from "./run.ts";

function reporter(
  parts: Partial<Reporter>,
  closed: string[] = [],
): Configured<"reporter"> {
  return {
    kind: "reporter",
    name: "test",
    options: {},
    open: () =>
      Promise.resolve({
        report() {},
        ...parts,
        [Symbol.asyncDispose]: () =>
          Promise.resolve(void closed.push("closed")),
      }),
  };
}

function runWith(options: Partial<RunOptions>): Promise<Report> {
  return run({
    backend: echo({}),
    dataset: repeat({ text: "hello" }),
    load: concurrent({ streams: [2] }),
    stop: { requests: 4 },
    ...options,
  });
}

Deno.test("run() passes the run, its samples, its stages and its report to each reporter, in this order", async () => {
  const received: string[] = [];
  const report = await runWith({
    seed: 5,
    environment: { version: "9.9.9" },
    reporters: [reporter({
      start: ({ run: { config: { seed } } }) =>
        void received.push(`start ${seed}`),
      samples: (batch) =>
        void received.push(...batch.map(({ id }) => `sample ${id}`)),
      stage: ({ counts: { ok } }) => void received.push(`stage ${ok}`),
      report: ({ stages }) => void received.push(`report ${stages.length}`),
    }, received)],
  });
  assert.deepEqual(received, [
    "start 5",
    "sample 0",
    "sample 1",
    "sample 2",
    "sample 3",
    "stage 4",
    "report 1",
    "closed",
  ]);
  assert.deepEqual(report.earshot, { version: "9.9.9" });
  const { backend, data, load, normalizer, stop } = report.run.config;
  assert.equal(backend.use, "inline:echo", "without a catalogue");
  assert.deepEqual(data[0]?.with, { text: "hello" });
  assert.deepEqual(load.with, { streams: [2] });
  assert.deepEqual([normalizer, stop], ["basic", { requests: 4 }]);
  assert.equal(
    Date.parse(report.run.startedAt),
    Math.floor(report.run.epochMs),
  );
});

Deno.test("run() hides secrets in the options from reporters", async () => {
  const received: unknown[] = [];
  const options = {
    target: "http://me:SECRET@host/?key=SECRET",
    headers: { Authorization: "Bearer SECRET" },
  };
  const report = await runWith({
    backend: { ...echo({}), options },
    reporters: [reporter({
      start: (info) => void received.push(info),
      report: (report) => void received.push(report),
    })],
  });
  assert.equal(received.length, 2);
  assert.doesNotMatch(JSON.stringify([received, report]), /SECRET/);
  assert.match(
    JSON.stringify(report.run.config.backend.with),
    /\*\*\*@host/,
  );
});

Deno.test("run() leaves out a reporter that throws, and goes on", async () => {
  const warnings: string[] = [];
  let samples = 0;
  const report = await runWith({
    warn: (message) => void warnings.push(message),
    reporters: [
      reporter({
        samples() {
          throw new Error("Disk full");
        },
        stage: () => assert.fail("called after it had failed"),
      }),
      reporter({ samples: (batch) => void (samples += batch.length) }),
    ],
  });
  assert.equal(report.stages[0]?.counts.ok, 4);
  assert.equal(samples, 4);
  assert.deepEqual(warnings, [
    "a reporter failed and receives only the final report: Disk full",
  ]);
});

Deno.test("run() opens reporters first, and closes what is open when one refuses", async () => {
  const received: string[] = [];
  const refusing: Configured<"reporter"> = {
    ...reporter({}),
    open: () => Promise.reject(new UsageError("Cannot write to x")),
  };
  await assert.rejects(
    runWith({
      reporters: [reporter({}, received), refusing],
      backend: { ...echo({}), open: () => assert.fail("opened too early") },
    }),
    /Cannot write to x/,
  );
  assert.deepEqual(received, ["closed"]);
});

Deno.test("run() refuses data that nothing would end before it opens the backend", async () => {
  const backend: Configured<"backend"> = {
    ...echo({}),
    open: () => Promise.reject(new Error("it must not be opened")),
  };
  await assert.rejects(
    runWith({ backend, stop: {} }),
    (error) =>
      error instanceof UsageError &&
      /^data without end needs a duration or a number of requests/.test(
        error.message,
      ),
  );
});

Deno.test("run() refuses data without the columns that the backend needs", async () => {
  await assert.rejects(
    runWith({
      backend: {
        ...echo({}),
        open: async (context) => ({
          ...await echo({}).open(context),
          needs: ["audio"],
        }),
      },
      stop: { requests: 1 },
      dataset: {
        kind: "dataset",
        name: "one",
        options: {},
        open: () =>
          Promise.resolve({
            async *sessions() {
              yield { id: "a", turns: [{ columns: { text: "hi" } }] };
            },
          }),
      },
    }),
    (error) =>
      error instanceof UsageError &&
      /no column "audio", which the backend needs; there are: text/.test(
        error.message,
      ),
  );
});

Deno.test("run() judges by another limit of the client's share, and refuses one that is not a share", async () => {
  const { run: { config }, stages } = await runWith({
    maxClientShare: 0.5,
    probeRtt: true,
  });
  assert.deepEqual([config.maxClientShare, config.probeRtt], [0.5, true]);
  assert.equal(stages[0]!.verdict.maxClientShare, 0.5);
  for (const maxClientShare of [0, -1, 1.5, NaN]) {
    await assert.rejects(runWith({ maxClientShare }), {
      name: "UsageError",
      message:
        `maxClientShare must be above 0 and at most 1, but was ${maxClientShare}`,
    });
  }
});

Deno.test("run() refuses a number of samples that is not one", async () => {
  const { run: { config } } = await runWith({ minSamples: "mlperf" });
  assert.equal(config.minSamples, "mlperf");
  for (const minSamples of [0, 1.5, NaN]) {
    await assert.rejects(runWith({ minSamples }), {
      message:
        `minSamples must be a whole number from 1 on, or "mlperf", but was ${minSamples}`,
    });
  }
});

Deno.test("reportToAll() reaches every reporter, and throws what went wrong afterwards", async () => {
  const received: string[] = [];
  const good: Reporter = { report: () => void received.push("report") };
  const bad = (message: string): Reporter => ({
    report: () => Promise.reject(new Error(message)),
  });
  const report = {} as Report;
  await assert.rejects(reportToAll([bad("one"), good], report), /^Error: one$/);
  await assert.rejects(
    reportToAll([bad("one"), good, bad("two")], report),
    /one\ntwo/,
  );
  assert.deepEqual(received, ["report", "report"]);
});

Deno.test("abandoned() names the plugin that did not stop", () => {
  assert.equal(
    abandoned(repeat({ text: "x" })),
    'dataset "repeat" did not stop in time and is abandoned',
  );
});
