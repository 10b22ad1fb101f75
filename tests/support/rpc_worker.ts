import { type Remote, serveWorker, Transferred } from "../../lib/worker_rpc.ts";

/** Methods that the test of lib/worker_rpc.ts calls. */
const methods = {
  add: ({ a, b }: { a: number; b: number }) => a + b,
  fill: (length: number) => {
    const bytes = new Uint8Array(length).fill(7);
    return new Transferred(bytes, [bytes.buffer]);
  },
  twice: (value: number): Promise<number> => main.call("double", value),
  refuse(): never {
    throw new TypeError("not today", { cause: new Error("too late") });
  },
  crash(): void {
    setTimeout(() => {
      throw new Error("crashed");
    });
  },
  hang: () => new Promise<void>(() => {}),
};

/** The methods by name, for the calling side. */
export type RpcMethods = typeof methods;

const main: Remote<{ double(value: number): number }> = serveWorker(methods);
