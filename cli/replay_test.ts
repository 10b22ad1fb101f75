import assert from "node:assert/strict";
import { tempFolder } from "../tests/support/datasets.ts";
import {
  concurrent,
  type Configured,
  constant,
  echo,
  jsonlReporter,
  jsonReporter,
  repeat,
  type Report,
  type Reporter,
  run,
  type RunOptions,
} from "../mod.ts";
import { UsageError } from "../plugins/mod.ts";
import { replay } from "./replay.ts";

/** A real run of two stages and twelve requests, saved; its report. */
async function savedRun(path: string): Promise<Report> {
  return await run({
    backend: echo({ text: "one two" }),
    dataset: repeat({ text: "hello" }),
    load: concurrent({ streams: [1, 2] }),
    stop: { requests: 6 },
    reporters: [jsonlReporter({ path })],
  });
}

const QUIET = { reporters: [], warn: () => {} };

Deno.test("replay() makes the same report again, byte for byte", async () => {
  await using folder = await tempFolder();
  const path = folder.at("s.jsonl");
  const report = await savedRun(path);
  assert.equal(
    JSON.stringify(await replay(path, QUIET)),
    JSON.stringify(report),
  );
});

/** Every way in which a run ends, and what else changes what a report says. */
const ENDINGS: Readonly<Record<string, Partial<RunOptions>>> = {
  "a duration after a warm-up": { stop: { warmupMs: 20, durationMs: 60 } },
  "requests after a warm-up": { stop: { warmupMs: 20, requests: 10 } },
  // The last of the requests ends behind the window.
  "requests just before the duration": {
    backend: echo({ delayMs: 50 }),
    stop: { requests: 4, durationMs: 80 },
  },
  "the end of the data, items skipped": { dataset: someOfUse() },
  "the end of the data under a strict eye": {
    dataset: someOfUse(),
    strict: true,
  },
  "arrivals dropped": {
    backend: echo({ delayMs: 30 }),
    load: constant({ rates: [200, 400], maxInFlight: 2 }),
    stop: { warmupMs: 20, durationMs: 60 },
  },
  "requests given up": {
    backend: echo({ delayMs: 10_000 }),
    stop: { durationMs: 20, drainMs: 10 },
  },
  "a warm-up and a cool-down by number": {
    backend: echo({ delayMs: 3 }),
    stop: { warmupRequests: 7, requests: 20, cooldownRequests: 5 },
  },
  "a warm-up by number, a duration and a cool-down": {
    backend: echo({ delayMs: 3 }),
    stop: { warmupRequests: 7, durationMs: 40, cooldownAuto: true },
  },
  "a warm-up without a steady load": {
    backend: echo({ delayMs: 3 }),
    stop: {
      warmupMs: 30,
      warmupAuto: true,
      durationMs: 40,
      cooldownShare: 0.5,
    },
  },
  "the last request of the run": {
    backend: echo({ delayMs: 3 }),
    stop: { durationMs: 60, warmupMs: 10, drainMs: 1 },
    stopRun: { requests: 25 },
  },
  "the end of the run in a warm-up": {
    backend: echo({ delayMs: 3 }),
    stop: { warmupRequests: 100, durationMs: 60 },
    stopRun: { durationMs: 30 },
  },
  "silence": {
    backend: echo({ delayMs: 10_000 }),
    stop: { requests: 10, silenceMs: 100 },
  },
  "an interrupt": {
    backend: echo({ delayMs: 30 }),
    stop: { warmupMs: 20, durationMs: 10_000 },
  },
};

for (const [ending, options] of Object.entries(ENDINGS)) {
  Deno.test(`replay() makes the same report again after ${ending}`, async () => {
    await using folder = await tempFolder();
    const path = folder.at("s.jsonl");
    const interrupt = new AbortController();
    let report: Report | undefined;
    let ended = 0;
    const ear: Reporter = {
      samples(batch) {
        ended += batch.length;
        if (ending === "an interrupt") interrupt.abort(new Error("Ctrl-C"));
      },
      report: (given) => void (report = given),
    };
    await run({
      backend: echo({ text: "one two" }),
      dataset: repeat({ text: "hello" }),
      load: concurrent({ streams: [2, 3] }),
      signal: interrupt.signal,
      ...options,
      reporters: [jsonlReporter({ path }), configured(ear)],
    }).catch((error) => assert.match(String(error), /"bad" cannot be used/));
    assert.ok(report && ended > 0);
    assert.equal(
      JSON.stringify(await replay(path, QUIET)),
      JSON.stringify(report),
    );
  });
}

Deno.test("replay() shows a report without samples to a reporter that can do without", async () => {
  await using folder = await tempFolder();
  const path = folder.at("run.json");
  const report = await run({
    backend: echo({ text: "one" }),
    dataset: repeat({ text: "hello" }),
    load: concurrent({ streams: [1] }),
    stop: { requests: 1 },
    reporters: [jsonReporter({ path })],
  });
  const given: Reporter = { samples() {}, report() {} };
  const able = { ...given, worksWithoutSamples: true };
  assert.equal(
    JSON.stringify(await replay(path, { ...QUIET, reporters: [able] })),
    JSON.stringify(report),
  );
  await assert.rejects(replay(path, { ...QUIET, reporters: [given, able] }), {
    name: "UsageError",
  });
});

/** A backend whose requests overlap, with connections to open ahead and a network to measure. */
function networked(): Configured<"backend"> {
  const inner = echo({ delayMs: 3, text: "one two" });
  return {
    ...inner,
    async open(context) {
      return {
        ...await inner.open(context),
        connect: (count) =>
          Promise.resolve(Array.from({ length: count }, (_, i) => 1.1 * i)),
        roundTripMs: () => Promise.resolve(0.7),
      };
    },
  };
}

for (
  const stop of [
    { warmupMs: 20, durationMs: 100 },
    { warmupMs: 20, requests: 40 },
  ]
) {
  Deno.test(`replay() makes the client's share, the goodput and the network again, with the stop rules ${JSON.stringify(stop)}`, async () => {
    await using folder = await tempFolder();
    const path = folder.at("s.jsonl");
    const report = await run({
      backend: networked(),
      dataset: repeat({ text: "hello" }),
      load: concurrent({ streams: [3, 8], spreadMs: 10 }),
      stop,
      slos: ["latency.p95<5ms", "ttftShare.p99<5s"],
      maxClientShare: 0.25,
      minSamples: 1000,
      probeRtt: true,
      reporters: [jsonlReporter({ path })],
    });
    for (const stage of report.stages) {
      const { client, metrics, rates, verdict, slo } = stage;
      for (const name of ["ttftShare", "latencyShare"] as const) {
        const share = client[name];
        assert.ok(share && share.min >= 0 && share.maxAtMs >= 0, name);
        assert.equal(share.n, metrics["ttft"]!.n);
      }
      assert.ok(client.method && client.rtt && client.connectAhead);
      assert.ok(rates.goodput! <= rates.requestsPerSecond!);
      assert.ok(
        Math.abs(
          metrics["ttft"]!.p50 - metrics["ttftAdjustedForNetwork"]!.p50 - 0.7,
        ) < 1e-9,
      );
      assert.equal(slo![1]!.value, client.ttftShare!.p99);
      assert.equal(verdict.maxClientShare, 0.25);
      assert.equal(metrics["ttft"]!.valuesNeeded!.p50, 1000);
      assert.match(slo![0]!.reason!, /p95 needs 1000/);
      assert.match(verdict.reasons.at(-1)!, /--min-samples/);
      assert.ok(stage.arrivals && stage.series && stage.withinRunIntervals);
    }
    assert.equal(
      JSON.stringify(await replay(path, QUIET)),
      JSON.stringify(report),
    );
  });
}

/** Sessions of two turns with what was said, among them one that cannot be used. */
function someOfUse(): Configured<"dataset"> {
  const turn = { columns: { text: "hello", reference: "one too" } };
  return {
    kind: "dataset",
    name: "some",
    options: {},
    open: () =>
      Promise.resolve({
        async *sessions() {
          yield { id: "a", turns: [turn, turn] };
          yield { id: "bad", turns: [], problem: "It is broken" };
          yield { id: "b", turns: [turn] };
        },
      }),
  };
}

function configured(reporter: Reporter): Configured<"reporter"> {
  const open = () => Promise.resolve(reporter);
  return { kind: "reporter", name: "ear", options: {}, open };
}

Deno.test("replay() passes the run, each sample and each stage to reporters, as during the run", async () => {
  await using folder = await tempFolder();
  const path = folder.at("s.jsonl");
  const { run } = await savedRun(path);
  const calls: string[] = [];
  const reporter: Reporter = {
    start: (info) => void calls.push(`start ${info.run.id === run.id}`),
    samples: (batch) =>
      calls.push(...batch.map(({ stage }) => `sample of ${stage}`)),
    stage: ({ name }) => void calls.push(name),
    report() {},
  };
  await replay(path, { ...QUIET, reporters: [reporter] });
  assert.deepEqual(calls, [
    "start true",
    ...Array(6).fill("sample of 0"),
    ...Array(6).fill("sample of 1"),
    "1 stream",
    "2 streams",
  ]);
});

Deno.test("replay() compares words again under another normalizer, and records it", async () => {
  await using folder = await tempFolder();
  const path = folder.at("s.jsonl");
  await savedRun(path);
  const text = await Deno.readTextFile(path);
  const marked = text.replaceAll(
    '"input":{}',
    '"input":{"reference":"One, two!"}',
  );
  await Deno.writeTextFile(path, marked);
  const rateWith = async (normalizer: "none" | "basic") => {
    const { run, stages } = await replay(path, { ...QUIET, normalizer });
    assert.equal(run.config.normalizer, normalizer);
    return stages[0]!.quality.wer;
  };
  assert.equal((await rateWith("basic"))?.value, 0);
  assert.equal((await rateWith("none"))?.value, 1);
});

Deno.test("replay() makes what it can of a run that was killed at any line, or within one", async () => {
  await using folder = await tempFolder();
  const path = folder.at("s.jsonl");
  const whole = await savedRun(path);
  const text = await Deno.readTextFile(path);
  const lines = text.split("\n").slice(0, -1);
  for (let kept = 1; kept < lines.length; kept++) {
    const cut = folder.at("cut.jsonl");
    const part = lines.slice(0, kept).join("\n");
    for (const end of ["\n", `\n${lines[kept]!.slice(0, 40)}`]) {
      await Deno.writeTextFile(cut, part + end);
      const report = await replay(cut, QUIET);
      assert.equal(report.interrupted, true);
      assert.equal(report.run.id, whole.run.id);
      const samples = lines.slice(0, kept).filter((line) =>
        line.includes('"earshot.sample/1"')
      );
      const counted = report.stages.reduce(
        (sum, { counts }) => sum + counts.ok,
        0,
      );
      assert.equal(counted, samples.length);
    }
  }
});

Deno.test("replay() refuses what holds no run", async () => {
  await using folder = await tempFolder({ "empty.jsonl": "" });
  for (const name of ["empty.jsonl", "none.jsonl"]) {
    await assert.rejects(() => replay(folder.at(name), QUIET), UsageError);
  }
});
