/**
 * Client process: runs the job in its argument and prints the figures as JSON.
 *
 * @module
 */
import { systemClock } from "../../core/clock.ts";
import { starved } from "../starved.ts";
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
const report: ClientReport = { ...figures, ...await starved(clock) };
console.log(JSON.stringify(report));
