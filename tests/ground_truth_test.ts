import assert from "node:assert/strict";
import { audioFolder, concurrent, realtime } from "../mod.ts";
import { uniqueClip, writeClips } from "./support/ground_truth_clips.ts";
import { type Errors, errorsOf } from "./support/ground_truth_match.ts";
import { type Sampled, sampled } from "./support/sampled.ts";
import { serve } from "./support/serve.ts";
import { printDistributions, quantile } from "./support/ground_truth_table.ts";

const STREAMS = 50;

/** Each stream sends two utterances: in the first, both processes are cold. */
const CLIPS = 2 * STREAMS;
const CHUNK_MS = 100;

/** Two processes read the same hardware clock, but each relates it to wall time once, at its start. */
const CLOCK_TOLERANCE_MS = 1;

/** Half of what a delayed acknowledgement costs, and ten times what an idle machine needs. */
const MEDIAN_LIMIT_MS = 20;

/** Streams connect in a burst: the last ones wait for the first. */
const BURST_LIMIT_MS = 150;

for (const transport of ["native", "ws"] as const) {
  Deno.test(`realtime() over ${transport} stamps every instant within the tolerance of the server's log, with ${STREAMS} streams`, async () => {
    const clips = uniqueClips();
    await using server = await serve(["--set", "tokenMs=1"]);
    const { report, samples } = await streamed(server.url, transport, clips);
    assert.equal(samples.length, CLIPS);
    assert.deepEqual(report.stages[0]!.counts.failures, {});
    const errors = errorsOf({
      samples,
      clips,
      log: await server.log(),
      chunkMs: CHUNK_MS,
      epochMs: report.run.epochMs,
    });
    printDistributions(`${transport}, ${STREAMS} streams: lag, ms`, errors);
    checkErrors(errors);
  });
}

/** The last chunk of a clip is shorter than the others. */
function uniqueClips(): Map<string, Int16Array> {
  const names = Array.from({ length: CLIPS }, (_, i) => `clip-${i}.wav`);
  return new Map(
    names.map((name, i) => [name, uniqueClip(name, 2 + i / 1280)]),
  );
}

/** Streams all clips at once, and at the speed of speech. */
async function streamed(
  target: string,
  transport: "native" | "ws",
  clips: ReadonlyMap<string, Int16Array>,
): Promise<Sampled> {
  const folder = await Deno.makeTempDir({ prefix: "earshot-test-" });
  try {
    await writeClips(folder, clips);
    return await sampled({
      backend: realtime({ target, transport, chunkMs: CHUNK_MS }),
      dataset: audioFolder({ path: folder }),
      load: concurrent({ streams: [STREAMS] }),
      stop: { requests: CLIPS },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function checkErrors(errors: Errors): void {
  assert.deepEqual([...errors.keys()], [
    "connected",
    "ready",
    "chunk",
    "endSent",
    "first delta",
    "delta",
    "final",
  ]);
  for (const [instant, lagsMs] of errors) {
    const least = Math.min(...lagsMs);
    const median = quantile(lagsMs, 0.5);
    const isBurst = instant === "connected" || instant === "ready";
    const limitMs = isBurst ? BURST_LIMIT_MS : MEDIAN_LIMIT_MS;
    assert.ok(
      least > -CLOCK_TOLERANCE_MS,
      `${instant} is ${-least} ms before its cause`,
    );
    assert.ok(
      median < limitMs,
      `${instant} is ${median} ms off in the median`,
    );
  }
}
