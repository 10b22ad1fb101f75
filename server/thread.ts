// The worker in which `startServerThread()` runs the reference server.

import { serveWorker } from "../lib/worker_rpc.ts";
import { type RunningServer, startServer } from "./server.ts";
import type { ServerOptions } from "./settings.ts";

let server: RunningServer | undefined;

const methods = {
  async start(options: ServerOptions) {
    server = await startServer(options);
    return { url: server.url, port: server.port };
  },
  async close(): Promise<void> {
    await server?.close();
  },
};

/** The calls that the worker takes. */
export type ServerMethods = typeof methods;

serveWorker(methods);
