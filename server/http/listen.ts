import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** A listening socket that speaks HTTP, and hands upgrades on. */
export interface Listener {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** What a listener does with what comes. */
export interface ListenerHandlers {
  /** A connection was accepted, its TLS agreed on. */
  connected(socket: Socket): void;
  /** Takes a request to answer it by hand, byte by byte; false leaves it to `fetch`. */
  take(request: IncomingMessage, response: ServerResponse): boolean;
  fetch(request: Request): Response | Promise<Response>;
  upgrade(request: IncomingMessage, socket: Socket, head: Uint8Array): void;
}

/** Listens. */
export async function listen(
  { hostname, port, tls }: {
    hostname: string;
    port: number;
    tls: { cert: string; key: string } | undefined;
  },
  handlers: ListenerHandlers,
): Promise<Listener> {
  const server = tls ? createTlsServer(tls) : createServer();
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on(tls ? "secureConnection" : "connection", handlers.connected);
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (handlers.take(request, response)) return;
    answer(request, response, handlers.fetch)
      .catch(() => response.destroy());
  });
  server.on("upgrade", handlers.upgrade);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: Error) => {
      const address = `${hostname}:${port}`;
      reject(
        new Error(
          `Cannot listen as the address must be free and this machine's: current value is ${address}`,
          { cause },
        ),
      );
    });
    server.listen(port, hostname, () => resolve());
  });
  const address = server.address() as AddressInfo;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `${tls ? "https" : "http"}://${host}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The `Request` that a message of node:http is. */
export function requestOf(
  message: IncomingMessage,
  signal?: AbortSignal,
): Request {
  const headers = new Headers();
  for (let i = 0; i < message.rawHeaders.length; i += 2) {
    headers.append(message.rawHeaders[i]!, message.rawHeaders[i + 1]!);
  }
  const hasBody = message.method !== "GET" && message.method !== "HEAD";
  return new Request(
    new URL(
      message.url ?? "/",
      `http://${message.headers.host ?? "localhost"}`,
    ),
    {
      method: message.method ?? "GET",
      headers,
      ...(hasBody && {
        body: Readable.toWeb(message) as ReadableStream<Uint8Array>,
      }),
      ...(signal && { signal }),
    },
  );
}

async function answer(
  message: IncomingMessage,
  outgoing: ServerResponse,
  fetch: ListenerHandlers["fetch"],
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const response = await fetch(requestOf(message, gone.signal));
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body) {
    await pipeline(Readable.fromWeb(response.body as never), outgoing);
  } else outgoing.end();
}
