import assert from "node:assert/strict";
import { bundledClips } from "../clips/mod.ts";
import {
  clips,
  concurrent,
  run,
  transcriptions,
  type TranscriptionsOptions,
  translations,
} from "../mod.ts";
import { renderReport } from "../reporters/console/console.ts";
import { serve } from "./support/serve.ts";

type Given = Omit<TranscriptionsOptions, "target">;

/** The query of the server, and the options of the backend. */
const STREAMED: readonly (readonly [string, Given])[] = [
  ["dialect=vllm", {}],
  ["dialect=vllm", {
    streamUsage: "continuous",
    audioFormat: "wav",
    sampleRateHz: 8000,
  }],
  ["dialect=vllm&clipMs=3000", { responseFormat: "text" }],
  ["dialect=vllm&done=false", {}],
  ["dialect=openai", { language: "en" }],
];
const WHOLE: readonly (readonly [string, Given])[] = [
  ["dialect=vllm", {}],
  ["dialect=vllm", { responseFormat: "text" }],
  ["dialect=vllm", { responseFormat: "verbose_json" }],
  ["dialect=openai", { responseFormat: "text" }],
  ["dialect=openai", {
    responseFormat: "verbose_json",
    timestampGranularities: ["word", "segment"],
  }],
  ["dialect=openai", { responseFormat: "srt" }],
  ["dialect=openai", { responseFormat: "vtt" }],
];
const CASES = [
  ...STREAMED,
  ...WHOLE.map(([form, given]) => [form, { ...given, stream: false }] as const),
];

const spoken = bundledClips.flatMap(({ words }) => words).length;
const audioMs = bundledClips.reduce((sum, clip) => sum + clip.durationMs, 0);

Deno.test("run() uploads the bundled clips with WER 0, in each response format", async () => {
  await using server = await serve();
  for (const [form, given] of CASES) {
    const name = `${form} ${JSON.stringify(given)}`;
    const report = await run({
      backend: transcriptions({
        target: `${server.url}/?ttftMs=5&itlMs=0&${form}`,
        ...given,
      }),
      dataset: clips({}),
      load: concurrent({ streams: [2] }),
    });
    const [stage] = report.stages;
    assert.equal(stage?.counts.ok, bundledClips.length, name);
    assert.equal(stage.quality.wer?.value, 0, name);
    assert.equal(stage.quality.wer.n, spoken, name);
    const { metrics, window: { startMs, endMs }, rates } = stage;
    for (const metric of ["latency", "upload", "audioSeconds", "rtfxRequest"]) {
      assert.equal(
        metrics[metric]?.n,
        bundledClips.length,
        `${name}: ${metric}`,
      );
    }
    const timed = given.stream === false ? undefined : bundledClips.length;
    assert.equal(metrics.ttft?.n, timed, name);
    for (const absent of ["finalization", "deltaGap", "chunkLateness"]) {
      assert.equal(metrics[absent], undefined, `${name}: ${absent}`);
    }
    const rtfx = audioMs / (endMs - startMs);
    assert.ok(Math.abs(rates.rtfxAggregate! / rtfx - 1) < 1e-9, name);
    assert.match(renderReport(report), /RTFx +8 [^]* WER +0 %/, name);
  }
});

Deno.test("run() uploads the bundled clips to translations, with WER 0", async () => {
  await using server = await serve();
  const target = `${server.url}/?ttftMs=5&itlMs=0`;
  for (const stream of [true, false]) {
    const { stages: [stage] } = await run({
      backend: translations({ target, stream }),
      dataset: clips({}),
      load: concurrent({ streams: [2] }),
    });
    assert.equal(stage?.counts.ok, bundledClips.length);
    assert.equal(stage.quality.wer?.value, 0);
    assert.equal(stage.metrics.ttft?.n, stream ? 8 : undefined);
    assert.equal(stage.metrics.rtfxRequest?.n, 8);
  }
});
