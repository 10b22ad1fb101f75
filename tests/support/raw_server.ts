import { Buffer } from "node:buffer";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

/** A received request, and the socket for its answer. */
export interface Peer {
  /** The request's first line and headers. */
  readonly head: string;
  readonly body: Buffer;
  /** Index of its connection, from 0. */
  readonly connection: number;
  readonly socket: Socket;
  /** Writes bytes unchanged; resolves when the system has accepted them. */
  send(...pieces: (string | Uint8Array)[]): Promise<void>;
  /** Writes the head of a chunked answer. */
  stream(headers?: string): Promise<void>;
  /** Writes a chunk, in one write. */
  chunk(...pieces: (string | Uint8Array)[]): Promise<void>;
  /** Writes the last chunk. */
  end(): Promise<void>;
  /** Writes a whole answer. */
  answer(body: string | Uint8Array, options?: AnswerOptions): Promise<void>;
}

export interface AnswerOptions {
  readonly status?: number;
  /** Lines, without line ends. */
  readonly headers?: readonly string[];
}

export interface RawServer extends AsyncDisposable {
  readonly port: number;
  readonly url: URL;
  readonly peers: Peer[];
  /** Sockets so far, including closed ones. */
  readonly sockets: Socket[];
  /** Number of connections so far. */
  readonly accepted: number;
  /** Number of open connections. */
  readonly open: number;
  /** Resolves once a condition holds, checked when a connection opens or closes and when a request arrives. */
  until(test: () => boolean): Promise<void>;
}

export type Script = (peer: Peer) => void | Promise<void>;

/** Starts a server that answers each request with a script, byte by byte. */
export async function rawServer(
  script: Script,
  { tls, pause = false }: { tls?: TlsOptions; pause?: boolean } = {},
): Promise<RawServer> {
  const open = new Set<Socket>();
  const sockets: Socket[] = [];
  const peers: Peer[] = [];
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const look of waiting) look();
  };
  const take = (socket: Socket) => {
    const connection = sockets.push(socket) - 1;
    open.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => {
      open.delete(socket);
      changed();
    });
    changed();
    if (pause) return void socket.pause();
    readRequests(socket, (head, body) => {
      const peer = peerOf({ head, body, connection, socket });
      peers.push(peer);
      changed();
      void script(peer);
    });
  };
  const server = tls ? createTlsServer(tls, take) : createServer(take);
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: new URL(`${tls ? "https" : "http"}://127.0.0.1:${port}/v1/x?a=b`),
    peers,
    sockets,
    get accepted() {
      return sockets.length;
    },
    get open() {
      return open.size;
    },
    until: (test) =>
      new Promise((resolve) => {
        const look = () => {
          if (!test()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Calls back with each request once it is complete. */
function readRequests(
  socket: Socket,
  onRequest: (head: string, body: Buffer) => void,
): void {
  let bytes = Buffer.alloc(0);
  socket.on("data", (piece: Buffer) => {
    bytes = Buffer.concat([bytes, piece]);
    while (true) {
      const at = bytes.indexOf("\r\n\r\n");
      if (at < 0) return;
      const head = bytes.toString("latin1", 0, at);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      const end = at + 4 + length;
      if (bytes.length < end) return;
      const body = bytes.subarray(at + 4, end);
      bytes = bytes.subarray(end);
      onRequest(head, body);
    }
  });
}

function peerOf(
  given: Pick<Peer, "head" | "body" | "connection" | "socket">,
): Peer {
  const send: Peer["send"] = (...pieces) =>
    new Promise((resolve) => {
      given.socket.write(joined(pieces), () => resolve());
    });
  return {
    ...given,
    send,
    stream: (headers = "content-type: text/event-stream\r\n") =>
      send(`HTTP/1.1 200 OK\r\n${headers}transfer-encoding: chunked\r\n\r\n`),
    chunk(...pieces) {
      const bytes = joined(pieces);
      return send(`${bytes.length.toString(16)}\r\n`, bytes, "\r\n");
    },
    end: () => send("0\r\n\r\n"),
    answer(body, { status = 200, headers = [] } = {}) {
      const bytes = joined([body]);
      const lines = [
        `HTTP/1.1 ${status} Said`,
        ...headers,
        `content-length: ${bytes.length}`,
      ];
      return send(`${lines.join("\r\n")}\r\n\r\n`, bytes);
    },
  };
}

function joined(pieces: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece as string)));
}
