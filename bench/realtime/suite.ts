import { systemClock } from "../../core/clock.ts";
import { round } from "../numbers.ts";
import type { BenchOptions } from "../options.ts";
import { runClient, type Sink, startSink } from "../processes.ts";
import type { ClientJob, ClientKind, ClientReport } from "./client_job.ts";
import { type Cost, costOf, type Measured } from "./figures.ts";
import { tableOf } from "./table.ts";

/** Results over one transport. */
export interface Comparison {
  readonly bare: Cost;
  readonly earshot: Cost;
  /** Earshot's processor time per message ÷ the bare loop's. */
  readonly cpuRatio: number;
}

/** Compares paced streams of speech by earshot and by a bare loop over the same transport. */
export async function realtimeSuite(options: BenchOptions) {
  const rounds = await measureAll(options);
  const transports: Record<string, Comparison> = {};
  for (const transport of options.transports) {
    transports[transport] = comparisonOf(
      rounds.filter((round) => round.transport === transport),
      options.seconds * 1000,
    );
  }
  return { table: tableOf(transports, options), transports, rounds };
}

/** Runs every client in every round; each round reverses the order. */
async function measureAll(options: BenchOptions): Promise<Measured[]> {
  const kinds: ClientKind[] = ["bare", "earshot"];
  const all: Measured[] = [];
  await using sink = await startSink("realtime/sink.ts");
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
  const figures = await runClient<ClientJob, ClientReport>(
    "realtime/client.ts",
    job,
  );
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
