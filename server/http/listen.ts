import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type Options, readOptions, type Settings } from "../settings.ts";

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
  { hostname, port, tls }: Options,
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

/** The path and the query of a request, without the question mark. */
export function urlOf({ url = "/" }: IncomingMessage): [string, string] {
  const mark = url.indexOf("?");
  return mark < 0 ? [url, ""] : [url.slice(0, mark), url.slice(mark + 1)];
}

/** Whether a request has the key that paths below `/v1` need, if there is one. */
export function isAuthorized(
  message: IncomingMessage,
  { apiKey, pathPrefix }: Options,
): boolean {
  return apiKey === undefined ||
    !urlOf(message)[0].startsWith(`${pathPrefix}/v1`) ||
    message.headers.authorization === `Bearer ${apiKey}`;
}

/** The options of a request or an upgrade, and the problem with those that it sets. */
export function optionsOf(
  message: IncomingMessage,
  current: Options,
  settings: Settings,
): { options: Options; problem?: string } {
  const [, query] = urlOf(message);
  const header = String(message.headers["earshot-options"] ?? "");
  try {
    return { options: readOptions({ query, header }, current, settings) };
  } catch (error) {
    return { options: current, problem: (error as Error).message };
  }
}
