import { Column } from "../../core/metrics/column.ts";
import { chat, concurrent, repeat, run, type Sample } from "../../mod.ts";
import { collector } from "../collector.ts";
import {
  EVENTS,
  type HttpFigures,
  type HttpJob,
  PROMPT,
  SCENARIOS,
} from "./scenario.ts";

/** Sends chats with earshot as its users run it: backend, engine, samples and their evaluation. */
export async function earshotFigures(job: HttpJob): Promise<HttpFigures> {
  const { target, scenario, warmupMs, windowMs } = job;
  const { concurrency, stream } = SCENARIOS[scenario];
  const samples: Sample[] = [];
  const { stages: [stage], run: { epochMs } } = await run({
    backend: chat({
      target: `${target}/${scenario}`,
      model: "bench",
      healthPath: "off",
      stream,
    }),
    dataset: repeat({ text: PROMPT }),
    load: concurrent({ streams: [concurrency] }),
    stop: { warmupMs, durationMs: windowMs, drainMs: 0 },
    reporters: scenario === "paced" ? [collector(samples)] : [],
  });
  const { rates, window, client, counts } = stage!;
  if (counts.error + counts.timeout > 0) throw new Error("a request failed");
  const requests = Math.round(rates.requestsPerSecond! * windowMs / 1000);
  const delays = new Column();
  for (const { atMs, text } of samples.flatMap(({ deltas }) => deltas)) {
    if (atMs >= window.startMs) delays.add(epochMs + atMs - Number(text));
  }
  const delayMs = delays.summary();
  return {
    requests,
    events: delayMs?.n ?? (stream ? requests * EVENTS : 0),
    cpuMs: client.cpu! * windowMs,
    rssBytes: client.rssBytes!,
    ...(delayMs && { delayMs: { p50: delayMs.p50, p99: delayMs.p99 } }),
  };
}
