/** A chat server that says it keeps connections and closes each behind its response, as llama-server does. */
export interface ClosingServer extends Disposable {
  readonly url: string;
  /** How much it has seen. */
  seen(): Promise<{ readonly requests: number; readonly connections: number }>;
}

/** Starts one: five events, 10 ms apart, then all the rest in one write, and the socket is closed. */
export async function closingServer(): Promise<ClosingServer> {
  const url = new URL("closing_server_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const answer = <T>() =>
    new Promise<T>((resolve) =>
      worker.addEventListener("message", ({ data }) => resolve(data), {
        once: true,
      })
    );
  const port = await answer<number>();
  return {
    url: `http://127.0.0.1:${port}`,
    seen() {
      const seen = answer<{ requests: number; connections: number }>();
      worker.postMessage("seen");
      return seen;
    },
    [Symbol.dispose]: () => worker.terminate(),
  };
}
