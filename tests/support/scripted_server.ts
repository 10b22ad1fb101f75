import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Buffer } from "node:buffer";
import { WebSocketServer } from "ws";

/** A client of a scripted server, as the script sees it. */
export interface Peer {
  /** The upgrade's request. */
  readonly request: IncomingMessage;
  /** Messages received so far, parsed; a binary frame is `{ type: "binary", bytes }`. */
  readonly received: Message[];
  /** The end of the connection, once it has ended. */
  readonly ended: Promise<{ code: number; reason: string }>;
  /** Returns the next message; rejects when the client disconnects. */
  next(): Promise<Message>;
  /** Reads until a message of this type arrives. */
  until(type: string, test?: (message: Message) => boolean): Promise<Message>;
  /** Sends an object as JSON, a string as it is, bytes as a binary frame. */
  send(...messages: (object | string | Uint8Array)[]): void;
  /** Writes bytes to the socket unchanged; resolves once they are sent or the client disconnects. */
  raw(...bytes: Uint8Array[]): Promise<void>;
  /** Ends with a close frame. */
  close(code: number, reason?: string): void;
  /** Ends without a close frame. */
  drop(): void;
  /** Stops reading until `resume` is called. */
  pause(): void;
  resume(): void;
  ping(): Promise<void>;
}

export type Message = {
  readonly type: string;
  readonly [key: string]: unknown;
};

/** A server on a free port. */
export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  /** Its HTTP address. */
  readonly url: string;
  /** All clients so far. */
  readonly peers: Peer[];
  /** Plain HTTP requests so far. */
  readonly requests: IncomingMessage[];
}

export interface ScriptOptions {
  /** Answers plain HTTP requests. @default {404} */
  http?(
    request: IncomingMessage,
  ): { status: number; body?: string; chunked?: boolean };
  /** Answers an upgrade with these bytes, in Latin-1. */
  answerUpgrade?(request: IncomingMessage): string;
  /** Rejects an upgrade. */
  refuse?(
    request: IncomingMessage,
  ): HttpRefusal | undefined;
  /** Never answers a plain request. */
  ignoreRequests?: boolean;
  /** Never answers an upgrade. */
  ignoreUpgrades?: boolean;
  tls?: { cert: string; key: string; ca?: string; requestCert?: boolean };
}

/** Plays a script to each client that connects. Ignores errors of a script after its client has disconnected. */
export async function scriptedServer(
  script: (peer: Peer) => void | Promise<void>,
  options: ScriptOptions = {},
): Promise<ScriptedServer> {
  const peers: Peer[] = [];
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const playing = new Set<Promise<void>>();
  const ws = new WebSocketServer({
    noServer: true,
    maxPayload: 64 * 1024 * 1024,
  });
  const server = options.tls ? createTlsServer(options.tls) : createServer();
  server.on(
    options.tls ? "secureConnection" : "connection",
    (socket: Socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => {});
    },
  );
  server.on("request", (request, response) => {
    requests.push(request);
    if (options.ignoreRequests) return;
    const { status, body = "" } = options.http?.(request) ?? { status: 404 };
    response.writeHead(status, { connection: "close" }).end(body);
  });
  server.on(
    "upgrade",
    (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (options.ignoreUpgrades) return;
      const answer = options.answerUpgrade?.(request);
      if (answer !== undefined) return void socket.write(answer, "latin1");
      const refusal = options.refuse?.(request);
      if (refusal) return void socket.end(refusalText(refusal));
      ws.handleUpgrade(request, socket, head, (client: Client) => {
        const peer = peerOf(client, request, socket);
        peers.push(peer);
        const play = Promise.resolve(peer).then(script).catch((error) => {
          if (!(error instanceof Gone)) throw error;
        });
        playing.add(play);
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${options.tls ? "https" : "http"}://127.0.0.1:${port}`,
    peers,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      await Promise.all(playing);
    },
  };
}

/** An HTTP response in place of an upgrade. */
interface HttpRefusal {
  readonly status: number;
  readonly body?: string;
  readonly chunked?: boolean;
  /** The header `Retry-After`. */
  readonly retryAfter?: string;
}

function refusalText(
  { status, body = "", chunked, retryAfter }: HttpRefusal,
): string {
  const length = Buffer.byteLength(body);
  return [
    `HTTP/1.1 ${status} Refused`,
    chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`,
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
    "Connection: close",
    "",
    chunked ? `${length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body,
  ].join("\r\n");
}

class Gone extends Error {}

/** The part of a server-side WebSocket of `ws` used here. */
interface Client {
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
  terminate(): void;
  ping(): void;
  once(event: "pong", listener: () => void): void;
  on(event: "message", listener: (data: Buffer, binary: boolean) => void): void;
  on(event: "error", listener: () => void): void;
  on(event: "close", listener: (code: number, reason: Buffer) => void): void;
}

function peerOf(
  client: Client,
  request: IncomingMessage,
  socket: Socket,
): Peer {
  const received: Message[] = [];
  const waiting: {
    resolve(message: Message): void;
    reject(error: Error): void;
  }[] = [];
  let read = 0;
  let isGone = false;
  const ended = Promise.withResolvers<{ code: number; reason: string }>();
  client.on("message", (data, binary) => {
    received.push(
      binary
        ? { type: "binary", bytes: data.length }
        : JSON.parse(data.toString()),
    );
    if (waiting.length > 0) waiting.shift()!.resolve(received[read++]!);
  });
  client.on("error", () => {});
  client.on("close", (code, reason) => {
    isGone = true;
    for (const waiter of waiting) waiter.reject(new Gone());
    ended.resolve({ code, reason: reason.toString() });
  });
  const next = (): Promise<Message> => {
    if (read < received.length) return Promise.resolve(received[read++]!);
    if (isGone) return Promise.reject(new Gone());
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  };
  return {
    request,
    received,
    ended: ended.promise,
    next,
    async until(type, test = () => true) {
      while (true) {
        const message = await next();
        if (message.type === type && test(message)) return message;
      }
    },
    send(...messages) {
      for (const message of messages) {
        const isRaw = typeof message === "string" ||
          message instanceof Uint8Array;
        client.send(isRaw ? message : JSON.stringify(message));
      }
    },
    async raw(...bytes) {
      for (const each of bytes) {
        if (isGone || socket.write(each)) continue;
        await Promise.race([
          new Promise((resolve) => socket.once("drain", resolve)),
          ended.promise,
        ]);
      }
    },
    close: (code, reason = "") => client.close(code, reason),
    drop: () => client.terminate(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    ping() {
      const pong = new Promise<void>((resolve) => client.once("pong", resolve));
      client.ping();
      return pong;
    },
  };
}

/** A frame as a server sends it: the first byte holds FIN, reserved bits and opcode. */
export function frame(
  first: number,
  payload: string | Uint8Array,
  { length, mask = false }: { length?: number; mask?: boolean } = {},
): Uint8Array {
  const body = Buffer.from(payload as Uint8Array);
  const size = length ?? body.length;
  const masked = mask ? 0x80 : 0;
  const head = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  head[0] = first;
  if (size < 126) head[1] = masked | size;
  else if (size < 65_536) {
    head[1] = masked | 126;
    head.writeUInt16BE(size, 2);
  } else {
    head[1] = masked | 127;
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  return Buffer.concat([head, Buffer.alloc(mask ? 4 : 0), body]);
}

/** The response that accepts an upgrade, with extra header lines and a given key. */
export function agreement(
  request: IncomingMessage,
  more = "",
  key = request.headers["sec-websocket-key"],
): string {
  const accept = createHash("sha1")
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n${more}\r\n`;
}

export const created: Message = {
  type: "session.created",
  id: "sess-1",
  created: 1,
};
export const delta = (text: string): Message => ({
  type: "transcription.delta",
  delta: text,
});
export const done = (
  text: string | undefined,
  prompt = 5,
  completion = 1,
): Message => ({
  type: "transcription.done",
  ...(text !== undefined && { text }),
  usage: {
    prompt_tokens: prompt,
    total_tokens: prompt + completion,
    completion_tokens: completion,
    prompt_tokens_details: null,
  },
});

/** Waits for the final commit. */
export function finalCommit(peer: Peer): Promise<Message> {
  return peer.until("input_audio_buffer.commit", ({ final }) => final === true);
}
