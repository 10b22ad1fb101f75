import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { Socket } from "node:net";
import { arrivalOf } from "../connect/arrivals.ts";
import type { Arrival } from "../connect/receive_times.ts";
import { NotHttpError } from "../connect/failures.ts";
import { ResponseParser } from "./http1_parser.ts";
import type {
  Headers,
  Wire,
  WireHandler,
  WireOptions,
  WireRequest,
} from "./wire.ts";

/**
 * Longest time that a connection is kept idle if the server does not name one. Common servers close after 5 s, and a
 * request that crosses with the close would fail.
 */
const IDLE_MS = 4000;

/** Longest time, whatever the server names: timers have a limit. */
const MAX_IDLE_MS = 600_000;

/** Safety margin before the time that the server names. */
const IDLE_MARGIN_MS = 1000;

/** Largest body that is copied behind its head, to be sent with one call. */
const MAX_COPIED_BYTES = 16 * 1024;

/** HTTP/1.1. */
export class Http1Wire implements Wire {
  readonly #socket: Socket;
  readonly #url: URL;
  readonly #options: WireOptions;
  readonly #parser: ResponseParser;
  readonly #arrival: Arrival | undefined;
  /** Receives the response; absent between two requests. */
  #handler: WireHandler | undefined;
  #isAnswered = false;
  #idleMs = IDLE_MS;
  #isEnded = false;
  #error: Error | undefined;

  constructor(socket: Socket, url: URL, options: WireOptions) {
    this.#socket = socket;
    this.#url = url;
    this.#options = options;
    this.#arrival = arrivalOf(socket);
    this.#parser = new ResponseParser({
      head: (status, headers) => this.#head(status, headers),
      body: (piece) => this.#handler?.onData(piece),
      end: () => this.#complete(),
    });
    // The time begins again with each activity on the socket, and has no effect while a response is awaited.
    socket.setTimeout(IDLE_MS);
    socket.on("timeout", () => {
      if (!this.#handler) this.#fail(new Error("no request used it"));
    });
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("end", () => this.#end());
    socket.on("error", (error) => this.#error ??= error);
    socket.on(
      "close",
      () => options.lost(this.#error ?? new Error("other side closed")),
    );
  }

  isReady(): boolean {
    const socket = this.#socket;
    return !this.#handler && !this.#isEnded && !socket.destroyed &&
      socket.writableLength === 0 && this.#parser.isKept && this.#idleMs > 0;
  }

  isAnswered(): boolean {
    return this.#isAnswered;
  }

  isRefused(): boolean {
    return false;
  }

  dispatch(request: WireRequest, handler: WireHandler): void {
    const socket = this.#socket;
    if (socket.destroyed) {
      return handler.onError(this.#error ?? new Error("other side closed"));
    }
    this.#handler = handler;
    this.#isAnswered = false;
    const body = typeof request.body === "string"
      ? Buffer.from(request.body)
      : request.body;
    const head = this.#headOf(request, body.length);
    const message = body.length <= MAX_COPIED_BYTES
      ? messageOf(head, body)
      : undefined;
    handler.onConnect();
    if (message) socket.write(message);
    else {
      socket.cork();
      socket.write(head, "latin1");
      socket.write(body);
      socket.uncork();
    }
    handler.onRequestSent(message !== undefined);
  }

  async destroy(): Promise<void> {
    const socket = this.#socket;
    if (socket.closed) return;
    const closed = once(socket, "close");
    socket.destroy();
    await closed;
  }

  #headOf({ path, headers, contentType }: WireRequest, length: number): string {
    const connection = this.#options.reuse ? "keep-alive" : "close";
    let host = `host: ${this.#url.host}\r\n`, others = "";
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]!, line = `${name}: ${headers[i + 1]}\r\n`;
      if (name.toLowerCase() === "host") host = line;
      else others += line;
    }
    return `POST ${path} HTTP/1.1\r\n${host}connection: ${connection}\r\n${others}` +
      `content-type: ${contentType}\r\ncontent-length: ${length}\r\n\r\n`;
  }

  #read(bytes: Buffer): void {
    if (!this.#handler) return this.#fail(unrequested());
    this.#handler.onRead(this.#arrival);
    this.#isAnswered = true;
    try {
      const parsed = this.#parser.parse(bytes);
      if (parsed < bytes.length) this.#fail(unrequested());
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #head(status: number, headers: Headers): void {
    const [, seconds] =
      /\btimeout=(\d+)/i.exec(headers.get("keep-alive") ?? "") ?? [];
    if (seconds !== undefined) {
      const namedMs = Number(seconds) * 1000 - IDLE_MARGIN_MS;
      const idleMs = Math.min(namedMs, MAX_IDLE_MS);
      if (idleMs !== this.#idleMs && idleMs > 0) {
        this.#socket.setTimeout(idleMs);
      }
      this.#idleMs = idleMs;
    }
    this.#handler?.onHeaders(status, headers);
  }

  #complete(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onComplete();
  }

  #end(): void {
    this.#isEnded = true;
    if (!this.#handler || !this.#parser.endsWithClose) return;
    this.#handler.onRead();
    this.#complete();
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#socket.destroy();
  }
}

function unrequested(): NotHttpError {
  return new NotHttpError("it sent bytes that belong to no request");
}

const encoder = new TextEncoder();

/** Puts a body behind its head. */
function messageOf(head: string, body: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(head.length + body.length);
  const { read, written } = encoder.encodeInto(head, message);
  // Deno writes Latin-1 character by character. A head in ASCII is the same in UTF-8, and any other one longer.
  if (read !== written || read < head.length) message.write(head, "latin1");
  message.set(body, head.length);
  return message;
}
