/**
 * One client process: does the job that its argument describes and prints what it saw, as JSON.
 *
 * @module
 */
import { bareClient } from "./bare_client.ts";
import type { ClientFigures, ClientJob, ClientKind } from "./client_job.ts";
import { earshotClient } from "./earshot_client.ts";

const CLIENTS: Record<
  ClientKind,
  (job: ClientJob) => Promise<ClientFigures>
> = { bare: bareClient, earshot: earshotClient };

const job: ClientJob = JSON.parse(Deno.args[0]!);
console.log(JSON.stringify(await CLIENTS[job.kind](job)));
