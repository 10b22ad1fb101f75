import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** Handlers of connections, requests and upgrades. */
export interface ListenerHandlers {
  /** A connection was accepted, its TLS handshake done. */
  connected(socket: Socket): void;
  request(message: IncomingMessage, response: ServerResponse): void;
  upgrade(message: IncomingMessage, socket: Socket, head: Uint8Array): void;
}

/**
 * Listens for HTTP, or HTTPS.
 *
 * @throws {Error} If the address is not free or not this machine's.
 */
export async function listen(
  { hostname, port, tls }: {
    hostname: string;
    port: number;
    tls: { cert: string; key: string } | undefined;
  },
  handlers: ListenerHandlers,
) {
  const server = tls ? createTlsServer(tls) : createServer();
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on(tls ? "secureConnection" : "connection", handlers.connected);
  server.on("request", handlers.request);
  server.on("upgrade", handlers.upgrade);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: Error) => {
      const message = `cannot listen at ${hostname}:${port}: ${cause.message}`;
      reject(new Error(message, { cause }));
    });
    server.listen(port, hostname, resolve);
  });
  const address = server.address() as AddressInfo;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    /** `http://HOST:PORT`, or `https:`. */
    url: `${tls ? "https" : "http"}://${host}:${address.port}`,
    port: address.port,
    /** Destroys every connection, and stops. */
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The path of a request, without its query. */
export function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?", 1)[0]!;
}

/** The settings that a request carries in its query and its header. */
export function settingsIn(
  message: IncomingMessage,
): { query: string; header: string } {
  const header = String(message.headers["earshot-options"] ?? "");
  return { query: queryOf(message), header };
}

/** The query of a request, without its question mark. */
export function queryOf({ url = "/" }: IncomingMessage): string {
  const mark = url.indexOf("?");
  return mark < 0 ? "" : url.slice(mark + 1);
}
