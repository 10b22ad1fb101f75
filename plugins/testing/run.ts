import type {
  Progress,
  Report,
  RunInfo,
  StageReport,
  Summary,
} from "../../core/report.ts";
import type { Sample } from "../../core/sample.ts";

/** All that a reporter hears of a run. */
export interface TestRun {
  readonly info: RunInfo;
  readonly samples: Sample[];
  readonly progress: Progress;
  readonly stage: StageReport;
  readonly report: Report;
}

/** A small run with one of each. */
export function testRun(): TestRun {
  const info: RunInfo = {
    earshot: { version: "0.0.0" },
    run: {
      id: "00000000-0000-4000-8000-000000000000",
      startedAt: "2026-01-01T00:00:00.000Z",
      epochMs: Date.UTC(2026, 0, 1),
      seed: 1,
      loadingMs: 1,
      config: {
        backend: { name: "echo", options: {}, facts: { model: "none" } },
        dataset: { name: "repeat", options: { text: "hello" } },
        load: "concurrent=1",
        stop: { requests: 3 },
        normalizer: "basic",
      },
    },
  };
  const stage = fullStage();
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
    schema: "earshot.report/1",
    ...info,
    stages: [stage],
    skipped: { count: 0, items: [] },
    interrupted: false,
  };
  return { info, samples: samples(), progress, stage, report };
}

/** One answered, one failed after some output, one that timed out with nothing. */
function samples(): Sample[] {
  const base: Sample = {
    id: 0,
    session: { id: 'with "quotes", commas\nand lines', turn: 0 },
    stage: 0,
    phase: "measure",
    input: { audioId: "clip", audioMs: 400, reference: "hello world" },
    scheduledMs: 0,
    dispatchedMs: 1,
    marks: { connected: 2, ready: 3, streamStart: 4, endSent: 404, final: 450 },
    reads: { count: 2, bytes: 80 },
    deltas: [{ atMs: 200, kind: "text", text: "" }, {
      atMs: 440,
      kind: "text",
      text: "hello world",
      tokens: 2,
    }],
    audioSent: [{ dueMs: 104, atMs: 104.5, endMs: 100 }],
    output: {
      text: "hello world",
      usage: { inputTokens: 5, outputTokens: 2 },
      finishReason: "stop",
    },
    endedMs: 451,
    outcome: { status: "ok" },
  };
  const failure = {
    class: "connect_error",
    message: "Refused, as nobody listens\nthere",
  };
  return [
    base,
    {
      ...base,
      id: 1,
      output: { text: "hel" },
      outcome: {
        status: "error",
        failure: { ...failure, code: "ECONNREFUSED" },
      },
    },
    {
      ...base,
      id: 2,
      input: {},
      marks: {},
      reads: { count: 0, bytes: 0 },
      deltas: [],
      audioSent: [],
      output: {},
      outcome: {
        status: "timeout",
        failure: { class: "connect_timeout", message: "Too late" },
      },
    },
  ];
}

/** A stage in which no request succeeded. */
export function emptyStage(): StageReport {
  return {
    name: "1 stream",
    load: { kind: "concurrent", concurrency: 1 },
    window: { stageStartMs: 0, startMs: 0, endMs: 1000, warmupMs: 0 },
    stopped: "requests",
    counts: {
      ok: 0,
      error: 0,
      timeout: 0,
      cancelled: 0,
      dropped: 0,
      emptyOutputs: 0,
      retried: 0,
      warmup: 0,
      failures: {},
    },
    failures: [],
    metrics: {},
    rates: {},
    quality: {},
    client: {},
    verdict: { status: "failed", reasons: ["No request succeeded"] },
  };
}

function fullStage(): StageReport {
  const summary: Summary = {
    n: 1,
    mean: 450,
    min: 450,
    max: 450,
    p5: 450,
    p50: 450,
    p90: 450,
    p95: 450,
    p99: 450,
    p999: 450,
  };
  const wer = {
    value: 0,
    s: 0,
    d: 0,
    i: 0,
    n: 2,
    normalizer: "basic",
    utterances: 1,
    emptyReferenceInsertions: 0,
  };
  return {
    ...emptyStage(),
    counts: {
      ...emptyStage().counts,
      ok: 1,
      error: 1,
      timeout: 1,
      failures: { connect_error: 1, connect_timeout: 1 },
    },
    failures: [
      {
        class: "connect_error",
        code: "ECONNREFUSED",
        message: "Refused, as nobody listens\nthere",
        count: 1,
      },
      { class: "connect_timeout", message: "Too late", count: 1 },
    ],
    metrics: {
      latency: { unit: "ms", ...summary },
      ttft: { unit: "ms", ...summary, sd: 1, quantileError: 0.01 },
    },
    rates: { errorRate: 2 / 3, requestsPerSecond: 1, rtfxAggregate: 0.4 },
    quality: { wer, cer: { ...wer, n: 11 } },
    client: {
      scheduleLag: summary,
      chunkLateness: summary,
      chunkMs: 100,
      loopDelay: summary,
      cpu: 0.1,
      rssBytes: 1e8,
    },
    verdict: { status: "valid", reasons: [] },
  };
}
