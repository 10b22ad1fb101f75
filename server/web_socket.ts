import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer as UntypedServer } from "ws";

/** The part of the package `ws` that the server uses; the package has no types of its own. */
export interface WebSocket {
  readonly readyState: number;
  readonly OPEN: number;
  send(data: string | Uint8Array): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  on(
    event: "message",
    listener: (data: Buffer, isBinary: boolean) => void,
  ): void;
  on(event: "close", listener: (code: number) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "pong", listener: () => void): void;
  once(event: "close", listener: () => void): void;
}

/** A server of `ws` without a socket of its own. */
export interface WebSocketServer {
  readonly clients: ReadonlySet<WebSocket>;
  handleUpgrade(
    message: IncomingMessage,
    socket: Socket,
    { head, opened }: {
      head: Uint8Array;
      opened: (webSocket: WebSocket) => void;
    },
  ): void;
}

/** Creates one. */
export function createWebSocketServer(
  { maxPayload, perMessageDeflate }: {
    maxPayload: number;
    perMessageDeflate: boolean;
  },
): WebSocketServer {
  const server = new UntypedServer({
    noServer: true,
    maxPayload,
    perMessageDeflate,
    handleProtocols: () => false,
  });
  return {
    clients: server.clients,
    handleUpgrade: (message, socket, { head, opened }) =>
      server.handleUpgrade(message, socket, head, opened),
  };
}
