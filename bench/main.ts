/**
 * `deno task bench`: what earshot costs beside a bare loop over the same transport. A table for people, and one line
 * of JSON at the end.
 *
 * @module
 */
import { systemClock } from "../core/clock.ts";
import { describeEnvironment } from "../plugins/host.ts";
import type { ClientJob, ClientKind } from "./client_job.ts";
import { type Cost, costOf, type Measured, round } from "./figures.ts";
import { type BenchOptions, benchOptions } from "./options.ts";
import { runClient, type Sink, startSink } from "./processes.ts";
import { tableOf } from "./table.ts";

/** What it comes to over one transport. */
export interface Comparison {
  readonly bare: Cost;
  readonly earshot: Cost;
  /** Earshot's processor time a message ÷ the bare loop's. */
  readonly cpuRatio: number;
}

const options = benchOptions(Deno.args);
const rounds = await measureAll(options);
const transports: Record<string, Comparison> = {};
for (const transport of options.transports) {
  transports[transport] = comparisonOf(
    rounds.filter((round) => round.transport === transport),
    options.seconds * 1000,
  );
}
if (!options.json) console.log(tableOf(transports, options));
console.log(JSON.stringify({
  benchmark: "paced-streams",
  ...options,
  environment: describeEnvironment(),
  transports,
  rounds,
}));

/** Every client in every round, the order turned round from one to the next. */
async function measureAll(options: BenchOptions): Promise<Measured[]> {
  const kinds: ClientKind[] = ["bare", "earshot"];
  const all: Measured[] = [];
  await using sink = await startSink();
  for (let i = 0; i < options.rounds; i++) {
    for (const transport of options.transports) {
      for (const kind of i % 2 === 0 ? kinds : kinds.toReversed()) {
        if (!options.json) console.error(`${kind} over ${transport} …`);
        all.push(
          await measure(sink, {
            kind,
            transport,
            target: sink.url,
            streams: options.streams,
            chunkMs: options.chunkMs,
            warmupMs: options.warmup * 1000,
            windowMs: options.seconds * 1000,
          }),
        );
      }
    }
  }
  return all;
}

async function measure(sink: Sink, job: ClientJob): Promise<Measured> {
  const clock = systemClock();
  const [loadBefore = 0] = Deno.loadavg();
  const beforeMs = await sink.cpuMs();
  const figures = await runClient(job);
  const serverCpuMs = await sink.cpuMs() - beforeMs;
  return {
    kind: job.kind,
    transport: job.transport,
    ...figures,
    serverCpu: round(serverCpuMs / clock.now(), 3),
    loadBefore: round(loadBefore, 2),
  };
}

function comparisonOf(
  rounds: readonly Measured[],
  windowMs: number,
): Comparison {
  const cost = (kind: ClientKind) =>
    costOf(rounds.filter((round) => round.kind === kind), windowMs);
  const bare = cost("bare");
  const earshot = cost("earshot");
  const ratio = earshot.cpuMicrosPerMessage / bare.cpuMicrosPerMessage;
  return { bare, earshot, cpuRatio: round(ratio, 3) };
}
