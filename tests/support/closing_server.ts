/** A chat server that promises keep-alive and closes each connection after its response, as llama-server does. */
export interface ClosingServer extends Disposable {
  readonly url: string;
  /** Counts so far. */
  seen(): Promise<{ readonly requests: number; readonly connections: number }>;
}

/** Starts a server that sends five events, 10 ms apart, then the rest in one write, and closes the socket. */
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
