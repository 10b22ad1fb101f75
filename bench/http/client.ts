/**
 * Client process: runs the job in its argument and prints the figures as JSON.
 *
 * @module
 */
import { type Clock, systemClock } from "../../core/clock.ts";
import { Column } from "../../core/metrics/column.ts";
import { denoHost } from "../../plugins/host.ts";
import { starved } from "../starved.ts";
import { startBackend } from "./backend_client.ts";
import { type Counts, startBare } from "./bare_client.ts";
import { earshotFigures } from "./earshot_client.ts";
import {
  type ClientKind,
  type HttpFigures,
  type HttpJob,
  SCENARIOS,
} from "./scenario.ts";

/** Client that runs until it is stopped, and is measured in a window. */
async function windowed(
  start: typeof startBare | typeof startBackend,
  job: HttpJob,
  clock: Clock,
): Promise<HttpFigures> {
  const host = denoHost();
  let delays = new Column();
  const counts: Counts = {
    requests: 0,
    events: 0,
    delay: (ms) => delays.add(ms),
  };
  const stop = await start(job, SCENARIOS[job.scenario], { clock, counts });
  await clock.sleepUntil(clock.now() + job.warmupMs);
  delays = new Column();
  const before = { ...counts, cpuMs: host.cpuMs() };
  await clock.sleepUntil(clock.now() + job.windowMs);
  const after = { ...counts, cpuMs: host.cpuMs() };
  const rssBytes = host.rssBytes();
  const delayMs = delays.summary();
  await stop();
  return {
    requests: after.requests - before.requests,
    events: after.events - before.events,
    cpuMs: after.cpuMs - before.cpuMs,
    rssBytes,
    ...(delayMs && { delayMs: { p50: delayMs.p50, p99: delayMs.p99 } }),
  };
}

const job: HttpJob = JSON.parse(Deno.args[0]!);
const clock = systemClock();
const CLIENTS: Record<ClientKind, () => Promise<HttpFigures>> = {
  bare: () => windowed(startBare, job, clock),
  backend: () => windowed(startBackend, job, clock),
  earshot: () => earshotFigures(job),
};
const figures = await CLIENTS[job.kind]();
console.log(JSON.stringify({ ...figures, ...await starved(clock) }));
