import { startWorker } from "../lib/worker_rpc.ts";
import type { ServerOptions } from "./settings.ts";
import type { ServerMethods } from "./thread.ts";

/** A server that runs in a thread of its own. */
export interface ServerThread extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, or `https:`. */
  readonly url: string;
  /** The port that it listens on. */
  readonly port: number;
  /** Closes every stream with 1012, stops, and ends the thread. */
  close(): Promise<void>;
}

/** Starts the reference server in a worker, so that it takes no time from the client's thread. */
export async function startServerThread(
  options: ServerOptions = {},
): Promise<ServerThread> {
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
