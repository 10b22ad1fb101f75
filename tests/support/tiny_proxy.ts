import type { Buffer } from "node:buffer";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A proxy on a free port, and the request heads that it received. */
export interface TinyProxy extends AsyncDisposable {
  readonly port: number;
  readonly heads: readonly string[];
}

/** Starts a minimal proxy: it relays requests and opens tunnels, always to this machine. */
export async function tinyProxy(status = 200): Promise<TinyProxy> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    return socket;
  };
  const server = createServer((near) => {
    keep(near).once("data", (first: Buffer) => {
      const text = first.toString("latin1");
      heads.push(text.slice(0, text.indexOf("\r\n\r\n")));
      const [, method, port] = /^(\S+) (?:http:\/\/)?[^:/]+:(\d+)/.exec(
        text,
      )!;
      if (status !== 200) {
        return near.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
      }
      const far = keep(connect(Number(port), "127.0.0.1"));
      if (method === "CONNECT") near.write("HTTP/1.1 200 Connected\r\n\r\n");
      else far.write(first);
      near.pipe(far).pipe(near);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    heads,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
