import { tooFewFor } from "../../core/sample_floors.ts";
import type {
  MetricSummary,
  QuantileBounds,
  Report,
  RunInfo,
  ShareSummary,
  StageReport,
  Summary,
  Unit,
} from "../../plugins/mod.ts";

/** Returns a summary with every key, of values around a median. */
export function summary(n: number, median: number): Summary {
  const at = (factor: number) => Math.round(median * factor * 1000) / 1000;
  return {
    n,
    mean: at(1.01),
    sd: at(0.08),
    min: at(0.81),
    max: at(1.26),
    p5: at(0.86),
    p50: median,
    p90: at(1.12),
    p95: at(1.16),
    p99: at(1.22),
    p999: at(1.25),
  };
}

/** Returns the summary of a client's share around a median. */
function share(n: number, median: number): ShareSummary {
  const { p50, p90, p99 } = summary(n, median);
  return { ...summary(n, median), added: { p50, p90, p99 }, maxAtMs: 7010.5 };
}

/** Returns a metric with its unit and summary. */
export function metric(
  unit: Unit,
  n: number,
  median: number,
): MetricSummary {
  const few = tooFewFor({ n });
  return { unit, ...summary(n, median), ...(few && { valuesNeeded: few }) };
}

/** Intervals of 3 % around quantiles. */
function around(
  median: number,
  quantiles: readonly (keyof QuantileBounds)[],
): QuantileBounds {
  const all = summary(100, median);
  return Object.fromEntries(
    quantiles.map((
      name,
    ) => [name, { lower: 0.97 * all[name], upper: 1.03 * all[name] }]),
  );
}

/** Information available when the run began: a realtime backend and the bundled speech. */
export const runInfo: RunInfo = {
  earshot: {
    version: "0.1.0",
    deno: "2.9.6",
    os: "linux x86_64",
    cpu: "AMD EPYC 7B13",
    cores: 8,
  },
  run: {
    id: "0197f2c4-7a51-7c0e-9b1d-3f6a2f0c8e11",
    startedAt: "2026-03-14T09:26:53.589Z",
    epochMs: 1773480413589.793,
    loadingMs: 412.7,
    config: {
      version: 1,
      backend: {
        use: "realtime",
        with: { target: "ws://127.0.0.1:41233", apiKeyEnv: "VLLM_API_KEY" },
      },
      data: [{ use: "clips", with: {} }],
      load: { use: "concurrent", with: { streams: [8, 32] } },
      stop: {
        warmupMs: 5000,
        durationMs: 30000,
        requests: 500,
        drainMs: 30000,
      },
      slos: [],
      seed: 1,
      normalizer: "basic",
      strict: false,
      reports: [],
    },
    facts: {
      backend: {
        url: "ws://127.0.0.1:41233/v1/realtime",
        dialect: "vllm",
        model: "voxtral",
        mode: "stream",
        speed: 1,
        chunkMs: 100,
        transport: "native",
      },
      data: { items: 8 },
    },
  },
};

/** Eight streams without failures. */
export const goodStage: StageReport = {
  name: "8 streams",
  load: { kind: "concurrent", concurrency: 8 },
  window: { stageStartMs: 0, startMs: 5000, endMs: 35000, warmupMs: 5000 },
  stopped: "duration",
  counts: {
    ok: 62,
    error: 0,
    timeout: 0,
    cancelled: 0,
    dropped: 0,
    emptyOutputs: 0,
    retried: 0,
    throttled: 0,
    warmup: 9,
    failures: {},
  },
  failures: [],
  metrics: {
    latency: metric("ms", 62, 4218.4),
    responseTime: metric("ms", 62, 4219.1),
    connect: metric("ms", 62, 2.13),
    setup: metric("ms", 62, 3.4),
    firstEvent: metric("ms", 62, 180.5),
    ttft: metric("ms", 62, 412.3),
    ttftCold: metric("ms", 62, 417.9),
    finalization: metric("ms", 62, 131.2),
    finalizationFromEnd: metric("ms", 62, 130.8),
    deltaGap: metric("ms", 1310, 240.1),
    outputTokens: metric("tokens", 62, 31),
    audioSeconds: metric("s", 62, 4.1),
    rtfxRequest: metric("ratio", 62, 0.97),
  },
  rates: {
    errorRate: 0,
    requestsPerSecond: 62 / 30,
    outputTokensPerSecond: 64.07,
    rtfxAggregate: 7.9,
  },
  quality: {
    wer: {
      value: 14 / 451,
      s: 9,
      d: 4,
      i: 1,
      n: 451,
      normalizer: "basic",
      utterances: 62,
      emptyReferenceInsertions: 0,
    },
    cer: {
      value: 31 / 2318,
      s: 12,
      d: 15,
      i: 4,
      n: 2318,
      normalizer: "basic",
      utterances: 62,
      emptyReferenceInsertions: 0,
    },
  },
  client: {
    scheduleLag: summary(62, 0.21),
    chunkLateness: summary(2540, 0.42),
    chunkMs: 100,
    method: "scheduler",
    ttftShare: share(62, 0.34),
    latencyShare: share(62, 0.41),
    responseTimeShare: share(62, 0.62),
    finalizationShare: share(62, 0.44),
    queued: 0.002,
    loopDelay: summary(1500, 0.31),
    cpu: 0.063,
    rssBytes: 164_626_432,
  },
  verdict: { status: "valid", reasons: [] },
};

/** Thirty-two streams: failures of several kinds and a client that could not keep up. */
export const troubledStage: StageReport = {
  ...goodStage,
  name: "32 streams",
  load: { kind: "concurrent", concurrency: 32 },
  window: {
    stageStartMs: 36211.5,
    startMs: 41211.5,
    endMs: 71211.5,
    warmupMs: 5000,
  },
  counts: {
    ok: 221,
    error: 6,
    timeout: 2,
    cancelled: 1,
    dropped: 3,
    emptyOutputs: 4,
    retried: 3,
    throttled: 1,
    warmup: 35,
    failures: {
      connect_error: 5,
      ready_timeout: 2,
      server_error: 1,
      cancelled: 1,
      dropped: 3,
    },
  },
  failures: [
    {
      class: "connect_error",
      code: "ECONNREFUSED",
      message: "Connection refused (os error 111)",
      count: 5,
    },
    {
      class: "ready_timeout",
      message: "The session was not ready: waited 10000 ms",
      count: 2,
    },
    {
      class: "server_error",
      code: "1011",
      message: "keepalive ping timeout\u001b[2J\nno close frame received",
      count: 1,
    },
  ],
  metrics: {
    ...goodStage.metrics,
    latency: metric("ms", 221, 5870.2),
    responseTime: metric("ms", 221, 5931.6),
    ttft: metric("ms", 221, 1310.4),
    ttftAdjustedForNetwork: metric("ms", 221, 1298),
    finalization: { ...metric("ms", 221, 870.3), quantileError: 0.005 },
    finalizationAdjustedForNetwork: metric("ms", 221, 857.9),
    finalizationFromEnd: metric("ms", 221, 812.2),
  },
  rates: {
    errorRate: 8 / 229,
    requestsPerSecond: 221 / 30,
    goodput: 5.25,
    outputTokensPerSecond: 228.4,
    rtfxAggregate: 28.4,
  },
  withinRunIntervals: {
    confidence: 0.95,
    metrics: {
      ttft: around(1310.4, ["p50", "p90", "p95"]),
      finalization: around(870.3, ["p50", "p90", "p95"]),
      latency: around(5870.2, ["p50", "p90"]),
      rtfxRequest: around(0.97, ["p50", "p90", "p95", "p99"]),
    },
    rates: {
      errorRate: { lower: 0.012, upper: 0.081 },
      requestsPerSecond: { lower: 6.8, upper: 7.9 },
      goodput: { lower: 4.4, upper: 6.1 },
      outputTokensPerSecond: { lower: 201.3, upper: 255.5 },
      rtfxAggregate: { lower: 26.1, upper: 30.7 },
    },
    quality: { wer: { lower: 0.094, upper: 0.152 } },
  },
  arrivals: {
    n: 221,
    ratePerSecond: 7.41,
    dispersion: 0.31,
    gapCorrelation: -0.12,
  },
  series: {
    startMs: 36211.5,
    widthMs: 1000,
    requestsPerSecond: [0, 7, 8],
    errors: [0, 1, 0],
    inFlight: [29.12, 32, 31.98],
    outputTokensPerSecond: [12, 240.5, 231],
    ttft: { p50: [null, 1300, 1312], p95: [null, 1480, 1528] },
    itl: { p50: [null, 120.1, 119], p95: [null, 180, 181] },
    latency: { p50: [null, 5800, 5890], p95: [null, 6800, 6790] },
    finalization: { p50: [null, 869, 871.5], p95: [null, 1000, 1012] },
    clientShare: { p95: [null, 0.31, 0.4] },
  },
  quality: {
    wer: {
      value: 0.123,
      s: 120,
      d: 61,
      i: 16,
      n: 1602,
      normalizer: "basic",
      utterances: 221,
      emptyReferenceInsertions: 3,
    },
  },
  client: {
    ...goodStage.client,
    chunkLateness: summary(9120, 51.2),
    cpu: 1.34,
    rtt: summary(10, 15.3),
    connectAhead: summary(32, 31.2),
  },
  notes: [
    "93 % of deltas came in one read with others: a proxy or the server gathers the stream; ITL is not meaningful",
  ],
  slo: [{
    objective: "errorRate<=1%",
    metric: "errorRate",
    limit: 0.01,
    unit: "share",
    value: 8 / 229,
    n: 229,
    pass: false,
  }],
  verdict: {
    status: "client-limited",
    reasons: [
      "chunk lateness p99 is 62.47 ms, above the limit of 50 ms (half a chunk): use fewer streams on this machine or spread them over more machines",
    ],
  },
};

/** A run of two stages that together have every optional key. */
export const speechReport: Report = {
  schema: "earshot.report/2",
  ...runInfo,
  stages: [goodStage, troubledStage],
  skipped: {
    count: 7,
    items: [
      { id: "clips/b07.wav", reason: "truncated: has 3.2 s of 5.0 s" },
      { id: "clips/c01.mp3", reason: "contains no audio" },
      { id: "clips/c02.mp3", reason: "contains no audio" },
      { id: "clips/c03.mp3", reason: "contains no audio" },
      { id: "clips/c04.mp3", reason: "contains no audio" },
      { id: "clips/c05.mp3", reason: "contains no audio" },
    ],
  },
  interrupted: false,
};

/** The first stage alone. */
export const oneStageReport: Report = {
  ...speechReport,
  stages: [goodStage],
  skipped: { count: 0, items: [] },
};

const nothing: StageReport = {
  ...goodStage,
  name: "1 stream",
  window: { stageStartMs: 0, startMs: 0, endMs: 310.2, warmupMs: 0 },
  stopped: "requests",
  counts: {
    ok: 0,
    error: 12,
    timeout: 0,
    cancelled: 0,
    dropped: 0,
    emptyOutputs: 0,
    retried: 0,
    throttled: 0,
    warmup: 0,
    failures: { connect_error: 12 },
  },
  failures: [{
    class: "connect_error",
    code: "ECONNREFUSED",
    message: "Connection refused (os error 111)",
    count: 12,
  }],
  metrics: {},
  rates: { errorRate: 1 },
  quality: {},
  client: { loopDelay: summary(12, 0.2), cpu: 0.02 },
  verdict: {
    status: "failed",
    reasons: [
      "no request succeeded: 12 of 12 connect_error: Connection refused (os error 111)",
    ],
  },
};

/** A run in which no request succeeded. */
export const failedReport: Report = { ...oneStageReport, stages: [nothing] };

/** A run whose second stage has only failures. */
export const halfFailedReport: Report = {
  ...oneStageReport,
  stages: [goodStage, nothing],
};

/** An interrupted run of chats, at a rate, with the fewest facts that a backend may report. */
export const chatReport: Report = {
  schema: "earshot.report/2",
  earshot: { version: "0.1.0" },
  run: {
    id: "0197f2c4-7a51-7c0e-9b1d-3f6a2f0c8e12",
    startedAt: "2026-03-14T09:26:53.589Z",
    epochMs: 1773480413589.793,
    loadingMs: 8.1,
    config: {
      version: 1,
      backend: { use: "echo", with: { delayMs: 3 } },
      data: [{ use: "./prompts.ts", with: {} }],
      load: { use: "poisson", with: { rates: [200] } },
      stop: { requests: 40 },
      slos: [],
      seed: 7,
      normalizer: "none",
      strict: false,
      reports: [],
    },
    facts: {},
  },
  stages: [{
    name: "poisson 200/s",
    load: { kind: "poisson", ratePerSecond: 200, maxInFlight: 100 },
    window: { stageStartMs: 0, startMs: 0, endMs: 61.8, warmupMs: 0 },
    stopped: "interrupted",
    counts: {
      ok: 12,
      error: 0,
      timeout: 0,
      cancelled: 2,
      dropped: 0,
      emptyOutputs: 0,
      retried: 0,
      throttled: 0,
      warmup: 0,
      failures: { cancelled: 2 },
    },
    failures: [],
    metrics: {
      ttft: metric("ms", 12, 3.02),
      latency: metric("ms", 12, 3.04),
      responseTime: metric("ms", 12, 3.21),
      itl: { unit: "ms", ...one(0.06) },
      outputTokens: metric("tokens", 12, 1),
      outputTokensPerSecond: metric("tokens/s", 12, 329.4),
      wordsOfMyOwn: metric("count", 12, 4),
    },
    rates: { requestsPerSecond: 194.2, outputTokensPerSecond: 194.2 },
    tokenCounts: {
      input: { server: 4, tokenizer: 8 },
      output: { tokenize: 9, deltas: 2, characters: 1 },
    },
    quality: {
      wer: {
        value: 3 / 48,
        s: 1,
        d: 2,
        i: 0,
        n: 48,
        normalizer: "none",
        utterances: 12,
        emptyReferenceInsertions: 0,
      },
    },
    client: {},
    verdict: { status: "valid", reasons: [] },
  }],
  skipped: { count: 0, items: [] },
  interrupted: true,
};

/** A run of uploads: speech that is not streamed, and so not paced. */
export const uploadReport: Report = {
  ...oneStageReport,
  run: {
    ...runInfo.run,
    config: {
      ...runInfo.run.config,
      backend: {
        use: "transcriptions",
        with: { target: "http://127.0.0.1:8000" },
      },
    },
    facts: {
      ...runInfo.run.facts,
      backend: {
        stream: true,
        responseFormat: "json",
        audioFormat: "as-is",
        model: "whisper",
        url: "http://127.0.0.1:8000/v1/audio/transcriptions",
      },
    },
  },
  stages: [{
    ...goodStage,
    metrics: {
      latency: metric("ms", 62, 640.4),
      responseTime: metric("ms", 62, 640.9),
      connect: metric("ms", 9, 0.71),
      upload: metric("ms", 62, 1.2),
      ttfb: metric("ms", 62, 88.1),
      firstEvent: metric("ms", 62, 90.3),
      ttft: metric("ms", 62, 90.3),
      ttftCold: metric("ms", 62, 90.3),
      ttfo: metric("ms", 62, 90.3),
      itl: metric("ms", 1310, 16.2),
      audioSeconds: metric("s", 62, 4.1),
      rtfxRequest: metric("ratio", 62, 6.41),
    },
    rates: { errorRate: 0, requestsPerSecond: 12.4, rtfxAggregate: 52.2 },
    client: {
      scheduleLag: summary(62, 0.21),
      loopDelay: summary(1500, 0.31),
      cpu: 0.063,
      rssBytes: 164_626_432,
    },
  }],
};

/** A stage of embeddings: vectors and input tokens, and no output tokens. */
function embeddingsStage(streams: number, latencyMs: number): StageReport {
  const { tokenCounts: _, ...stage } = goodStage;
  const perSecond = 1000 * streams / latencyMs;
  return {
    ...stage,
    name: `${streams} streams`,
    load: { kind: "concurrent", concurrency: streams },
    metrics: {
      latency: metric("ms", 62, latencyMs),
      responseTime: metric("ms", 62, latencyMs + 0.1),
      ttfb: metric("ms", 62, latencyMs - 0.2),
      inputTokens: metric("tokens", 62, 512),
    },
    rates: {
      errorRate: 0,
      requestsPerSecond: perSecond,
      inputTokensPerSecond: perSecond * 512,
      embeddingsPerSecond: perSecond * 32,
    },
    tokenCounts: { input: { server: 62 } },
    quality: {},
    client: { loopDelay: summary(1500, 0.31) },
  };
}

/** A run of embeddings, in batches of 32. */
export const embeddingsReport: Report = {
  ...oneStageReport,
  run: {
    ...runInfo.run,
    config: {
      ...runInfo.run.config,
      backend: {
        use: "embeddings",
        with: { target: "http://127.0.0.1:8000" },
      },
      data: [{ use: "jsonl", with: {} }],
    },
    facts: {
      backend: { model: "bge", url: "http://127.0.0.1:8000/v1/embeddings" },
      data: { items: 62 },
    },
  },
  stages: [embeddingsStage(8, 21.4), embeddingsStage(32, 64.2)],
};

function one(value: number): Summary {
  const { sd: _, ...rest } = summary(1, value);
  const same = Object.fromEntries(Object.keys(rest).map((key) => [key, value]));
  return { ...rest, ...same, n: 1 };
}

/** A search whose levels are the stages of a run. */
export const searchReport: Report = {
  ...oneStageReport,
  capacities: [{
    of: "concurrency",
    status: "found",
    low: 8,
    high: 12,
    confidence: 0.95,
    slos: ["finalization.p95<800ms"],
    levels: [
      {
        level: 8,
        stage: 0,
        outcome: "pass",
        reason:
          "finalization.p95<800ms: 0.2 % to 3.4 % beyond the limit, 5 % allowed",
      },
      {
        level: 16,
        stage: 1,
        outcome: "fail",
        reason:
          "finalization.p95<800ms: 12 % to 31 % beyond the limit, 5 % allowed",
      },
      {
        level: 12,
        stage: 2,
        outcome: "fail",
        reason: "the queue grew steadily, to 31 requests in flight",
      },
    ],
    ended: "maxTime of 180 s was spent",
  }],
  stages: [
    { ...goodStage, load: { kind: "search", concurrency: 8 } },
    { ...troubledStage, load: { kind: "search", concurrency: 16 } },
    { ...troubledStage, load: { kind: "search", concurrency: 12 } },
  ],
};

/** A stage that was run three times. */
export const repeatedReport: Report = {
  ...oneStageReport,
  repeats: [{
    stage: "8 streams",
    runs: 3,
    confidence: 0.95,
    metrics: {
      ttft: {
        unit: "ms",
        mean: { mean: 418, lower: 402, upper: 434 },
        p50: { mean: 412, lower: 398.2, upper: 425.8 },
        p90: { mean: 455, lower: 441, upper: 469 },
        p95: { mean: 471, lower: 452, upper: 490 },
        p99: { mean: 502, lower: 470, upper: 534 },
      },
      finalization: {
        unit: "ms",
        p50: { mean: 131, lower: 126, upper: 136 },
      },
    },
    rates: {
      requestsPerSecond: { mean: 2.07, lower: 2.01, upper: 2.13 },
      errorRate: { mean: 0.011, lower: 0, upper: 0.03 },
      wer: { mean: 0.031, lower: 0.027, upper: 0.035 },
    },
  }],
  stages: [1, 2, 3].map((repeat) => ({ ...goodStage, repeat })),
};
