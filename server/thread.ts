/**
 * The reference server as a worker: the first message holds its options, the answer where it listens; the next message
 * closes it.
 *
 * @module
 */
import { startServer } from "./mod.ts";
import type { ServerOptions } from "./options.ts";

/** What the thread answers. */
export type ThreadAnswer =
  | { readonly kind: "listening"; readonly url: string; readonly port: number }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "closed" };

/** The part of a worker's global scope that is used here. */
interface Thread {
  onmessage: ((event: MessageEvent<ServerOptions>) => void) | null;
  postMessage(answer: ThreadAnswer): void;
  close(): void;
}

const thread = globalThis as unknown as Thread;

thread.onmessage = async ({ data }) => {
  try {
    const server = await startServer(data);
    thread.onmessage = async () => {
      await server.close();
      thread.postMessage({ kind: "closed" });
      thread.close();
    };
    thread.postMessage({
      kind: "listening",
      url: server.url,
      port: server.port,
    });
  } catch (error) {
    thread.postMessage({ kind: "failed", error });
    thread.close();
  }
};
