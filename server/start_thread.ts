import { startWorker } from "../lib/worker_rpc.ts";
import type { RunningServer } from "./server.ts";
import type { ServerOptions } from "./settings.ts";
import type { ServerMethods } from "./thread.ts";

/** Starts the reference server in a worker, so that it takes no time from the client's thread. */
export async function startServerThread(
  options: ServerOptions = {},
): Promise<Omit<RunningServer, "log">> {
  const worker = startWorker<ServerMethods>(
    new URL("./thread.ts", import.meta.url),
    { name: "earshot-server" },
  );
  const { url, port } = await worker.call("start", options).catch((error) => {
    worker[Symbol.dispose]();
    throw error;
  });
  let closing: Promise<void> | undefined;
  const stop = async () => {
    await worker.call("close", undefined);
    worker[Symbol.dispose]();
  };
  const close = () => closing ??= stop();
  return { url, port, close, [Symbol.asyncDispose]: close };
}
