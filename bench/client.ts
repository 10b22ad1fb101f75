/**
 * One client process: does the job that its argument describes and prints what it saw, as JSON.
 *
 * @module
 */
import { systemClock } from "../core/clock.ts";
import { bareClient } from "./bare_client.ts";
import type {
  ClientFigures,
  ClientJob,
  ClientKind,
  ClientReport,
} from "./client_job.ts";
import { earshotClient } from "./earshot_client.ts";

const CLIENTS: Record<
  ClientKind,
  (job: ClientJob) => Promise<ClientFigures>
> = { bare: bareClient, earshot: earshotClient };

const job: ClientJob = JSON.parse(Deno.args[0]!);
const clock = systemClock();
const figures = await CLIENTS[job.kind](job);
const waitedMs = await waited();
const report: ClientReport = {
  ...figures,
  ...(waitedMs !== undefined && { starved: waitedMs / clock.now() }),
};
console.log(JSON.stringify(report));

/** How long the main thread has stood ready without a processor, in milliseconds. */
async function waited(): Promise<number | undefined> {
  const stat = await Deno.readTextFile("/proc/self/schedstat")
    .catch(() => undefined);
  return stat === undefined ? undefined : Number(stat.split(" ")[1]) / 1e6;
}
