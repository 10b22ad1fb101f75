import assert from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../core/clock.ts";
import type { LogEntry } from "../server/mod.ts";
import { uniqueClip, writeClips } from "./support/ground_truth_clips.ts";
import { earshot } from "./support/earshot.ts";
import { readReport, tempFolder } from "./support/files.ts";
import { serve } from "./support/serve.ts";

const CLIPS = 10_000;
const FOLDERS = 100;
const STREAMS = 32;

/** The documented limit is 2 s on an idle machine. */
const START_LIMIT_MS = 4000;
const RSS_LIMIT_BYTES = 500e6;

Deno.test(`earshot run streams from ${CLIPS} clips at once, and holds few of them`, async () => {
  await using folder = await tempFolder({});
  await fill(folder.path);
  await using server = await serve(["--set", "tokenMs=1"]);
  const clock = systemClock();
  const startMs = clock.epochMs + clock.now();
  const ended = await earshot([
    "run",
    ...["--target", server.url],
    ...["--data", join(folder.path, "clips")],
    ...["--load", `concurrent=${STREAMS}`],
    ...["--duration", "5s"],
    ...["--report", `json=${join(folder.path, "report.json")}`],
  ]);
  // On a busy machine, the client has a large share of finalization, which takes 50 ms.
  assert.ok(ended.code === 0 || ended.code === 4, ended.stderr);
  const [stage] = (await readReport(folder.path, "report.json")).stages;
  const firstMs = firstAppendMs(await server.log()) - startMs;
  const { rssBytes } = stage.client;
  console.log(
    `${CLIPS} clips: first audio at the server after ${
      firstMs.toFixed(0)
    } ms, ${
      (rssBytes / 1e6).toFixed(0)
    } MB at most, ${stage.counts.ok} clips streamed`,
  );
  assert.ok(firstMs < START_LIMIT_MS);
  assert.ok(rssBytes < RSS_LIMIT_BYTES);
  assert.ok(stage.counts.ok > STREAMS);
  assert.deepEqual(stage.counts.failures, {});
});

/** Writes hard links to three files: each is a separate clip for a reader. */
async function fill(path: string): Promise<void> {
  const names = ["one.wav", "two.wav", "three.wav"];
  await writeClips(
    path,
    new Map(names.map((name) => [name, uniqueClip(name, 2)])),
  );
  for (let i = 0; i < FOLDERS; i++) {
    const folder = join(path, "clips", String(i));
    await Deno.mkdir(folder, { recursive: true });
    for (let j = 0; j < CLIPS / FOLDERS; j++) {
      const original = join(path, names[j % names.length]!);
      await Deno.link(original, join(folder, `${j}.wav`));
    }
  }
}

function firstAppendMs(log: readonly LogEntry[]): number {
  const first = log.find(({ type }) => type === "input_audio_buffer.append");
  assert.ok(first, "the server received no audio");
  return first.atMs;
}
