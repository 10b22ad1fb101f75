import assert from "node:assert/strict";
import { bundledClips } from "../clips/mod.ts";
import {
  clips,
  concurrent,
  run,
  transcriptions,
  translations,
} from "../mod.ts";
import { renderReport } from "../reporters/console/render_report.ts";

/** A server that hears what was said by the name of the file, and says it word by word, as vLLM does. */
function hearing() {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/v1/models") {
        return Response.json({ data: [{ id: "m" }] });
      }
      if (pathname === "/health") return new Response();
      if (!pathname.startsWith("/v1/audio/")) {
        return new Response("none", { status: 404 });
      }
      const form = await request.formData();
      const { name } = form.get("file") as File;
      const clip = bundledClips.find(({ file }) =>
        file.replace(".opus", ".ogg") === name
      )!;
      return new Response(chunksOf(clip.transcript), {
        headers: { "content-type": "text/event-stream" },
      });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function chunksOf(text: string): ReadableStream<Uint8Array> {
  const words = text.split(/(?= )/);
  return new ReadableStream<string>({
    pull(controller) {
      const content = words.shift();
      if (content === undefined) {
        controller.enqueue("data: [DONE]\n\n");
        return controller.close();
      }
      const finish_reason = words.length === 0 ? "stop" : null;
      const choices = [{ delta: { content }, finish_reason }];
      controller.enqueue(`data: ${JSON.stringify({ choices })}\n\n`);
    },
  }).pipeThrough(new TextEncoderStream());
}

for (const plugin of [transcriptions, translations]) {
  const { name } = plugin.definition;
  Deno.test(`run() uploads the bundled clips to ${name} and tells latency, first output, times real time and word errors`, async () => {
    await using server = hearing();
    const report = await run({
      backend: plugin({ target: server.url }),
      dataset: clips({}),
      load: concurrent([2]),
    });
    const [stage] = report.stages;
    assert.equal(stage?.counts.ok, bundledClips.length);
    for (
      const metric of ["latency", "ttft", "rtfxRequest", "audioSeconds"]
    ) assert.equal(stage.metrics[metric]?.n, bundledClips.length, metric);
    const words = bundledClips.flatMap(({ words }) => words).length;
    assert.equal(stage.metrics.itl?.n, words - bundledClips.length);
    for (const absent of ["finalization", "deltaGap", "chunkLateness"]) {
      assert.equal(stage.metrics[absent], undefined, absent);
    }
    const seconds = bundledClips.reduce((sum, { durationMs }) =>
      sum + durationMs, 0) / 1000;
    const windowMs = stage.window.endMs - stage.window.startMs;
    const expected = seconds / (windowMs / 1000);
    assert.ok(Math.abs(stage.rates.rtfxAggregate! / expected - 1) < 1e-9);
    assert.equal(stage.quality.wer?.value, 0);
    assert.equal(stage.quality.wer.n, words);
    assert.equal(stage.quality.cer?.value, 0);
    const text = renderReport(report);
    assert.match(text, /times real time +8 /);
    assert.match(text, /real time in all[ ·\n]+WER 0 %/);
  });
}
