import { z } from "zod";
import { Column } from "../../core/metrics/column.ts";
import {
  concurrent,
  defineDataset,
  realtime,
  run,
  type Sample,
  type Turn,
} from "../../mod.ts";
import { collector } from "../collector.ts";
import { noise } from "./chunk.ts";
import type { ClientFigures, ClientJob } from "./client_job.ts";

/** Time by which utterances outlast the run, so that only streaming is measured, not the start and end of streams. */
const SPARE_MS = 30_000;

/** Streams with earshot as its users run it: backend, engine, samples and their evaluation. */
export async function earshotClient(job: ClientJob): Promise<ClientFigures> {
  const { target, transport, streams, chunkMs, warmupMs, windowMs } = job;
  const samples: Sample[] = [];
  const report = await run({
    backend: realtime({
      target,
      transport,
      chunkMs,
      model: "bench",
      healthPath: "off",
    }),
    dataset: longSpeech(warmupMs + windowMs + SPARE_MS),
    load: concurrent({ streams: [streams] }),
    stop: { warmupMs, durationMs: windowMs, drainMs: 0 },
    reporters: [collector(samples)],
  });
  const { window, client } = report.stages[0]!;
  const isIn = ({ atMs }: { atMs: number }) =>
    atMs >= window.startMs && atMs < window.endMs;
  const lateness = new Column();
  let received = 0;
  for (const { audioSent, deltas } of samples) {
    for (const { atMs, dueMs } of audioSent.filter(isIn)) {
      lateness.add(atMs - dueMs!);
    }
    received += deltas.filter(isIn).length;
  }
  return {
    sent: lateness.n,
    received,
    cpuMs: client.cpu! * windowMs,
    rssBytes: client.rssBytes!,
    latenessMs: lateness.summary()!,
  };
}

/** Creates a dataset that repeats one long utterance without end. */
function longSpeech(durationMs: number) {
  const turn: Turn = {
    columns: {
      audio: {
        id: "noise",
        durationMs,
        file: () => Promise.reject(new Error("the noise has no file")),
        pcm16: () => Promise.resolve(noise(durationMs)),
      },
    },
  };
  return defineDataset({
    name: "long-speech",
    summary: "One long utterance, again and again",
    options: z.strictObject({}),
    open: () => ({
      async *sessions({ signal }) {
        for (let i = 0; !signal.aborted; i++) {
          yield { id: String(i), turns: [turn] };
        }
      },
    }),
  })({});
}
