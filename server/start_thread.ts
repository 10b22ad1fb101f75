import type { ServerOptions } from "./options.ts";
import type { ThreadAnswer } from "./thread.ts";

/** A server that runs in a thread of its own. */
export interface ServerThread extends AsyncDisposable {
  /** `http://127.0.0.1:port`, or `https:`. */
  readonly url: string;
  /** Where it listens. */
  readonly port: number;
  /** Closes every stream with 1012, stops, and ends the thread. */
  close(): Promise<void>;
}

/** Starts the reference server in a worker, so that it takes no time from the client's thread. */
export async function startServerThread(
  options: ServerOptions = {},
): Promise<ServerThread> {
  const worker = new Worker(new URL("./thread.ts", import.meta.url), {
    type: "module",
    name: "earshot-server",
  });
  const answered = answerOf(worker);
  worker.postMessage(options);
  const answer = await answered;
  if (answer.kind !== "listening") {
    worker.terminate();
    throw answer.kind === "failed"
      ? answer.error
      : new Error("Cannot start the server as its thread ended");
  }

  let closing: Promise<void> | undefined;
  const stop = async () => {
    const closed = answerOf(worker);
    worker.postMessage({});
    await closed;
    worker.terminate();
  };
  const close = () => closing ??= stop();
  return {
    url: answer.url,
    port: answer.port,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The next message of a worker. */
function answerOf(worker: Worker): Promise<ThreadAnswer> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<ThreadAnswer>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`Cannot run the server's thread: ${event.message}`));
    };
  });
}
