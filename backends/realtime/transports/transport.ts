import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { RequestError, type SocketMessage } from "../../../plugins/mod.ts";
import type { Arrival } from "../../connect/receive_times.ts";
import { decompressStart } from "../../connect/content.ts";
import { dial, type DialCallback } from "../../connect/dial.ts";
import type { Proxy } from "../../connect/endpoint.ts";
import { parseRetryAfter } from "../../connect/status.ts";
import type { TlsOptions } from "../../connect/tls.ts";

/** Opens WebSockets to one server. */
export interface Transport extends AsyncDisposable {
  /** Starts to connect. The listener is called from then on, never before this returns. */
  connect(listener: SocketListener): Socket;
}

/** One WebSocket. */
export interface Socket {
  /** Returns the number of bytes that were passed to the socket and not yet sent. */
  bufferedBytes(): number;
  /** Sends a text or binary frame. Has no effect on a socket that is closing or closed. */
  send(message: SocketMessage): void;
  /** Closes the socket; by force, if the server does not answer soon. */
  close(): void;
}

/** Receives the events of a {@linkcode Socket}. */
export interface SocketListener {
  /** The server has accepted the upgrade; its answer may have arrived earlier. */
  opened(arrival?: Readonly<Arrival>): void;
  /** A message was read from the network, and waits in another queue of this process until `message` is called. */
  arrived?(arrival: Readonly<Arrival> | undefined): void;
  /** Receives a whole message. Text may be passed as bytes, so that it is decoded after the time was taken. */
  message(data: SocketMessage, binary: boolean): void;
  /** The socket has ended, for whatever reason: called once, and last. */
  closed(end: SocketEnd): void;
}

/** The end of a socket. */
export interface SocketEnd {
  /** The close code; 1006 without a close frame. */
  readonly code: number;
  /** The reason in the close frame. */
  readonly reason: string;
  /** The error that ended the socket; a RequestError if the server broke the protocol or a proxy refused a tunnel. */
  readonly error?: Error | undefined;
  /** The HTTP response instead of an upgrade. */
  readonly refusal?: Refusal | undefined;
}

/** An HTTP response instead of an upgrade. */
export interface Refusal {
  /** The HTTP status. */
  readonly status: number;
  /** The beginning of the body, decompressed. */
  readonly body: string;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** Reads a refusal and the beginning of its body: to its end, the size limit or the timeout. */
export function readRefusal(response: IncomingMessage): Promise<Refusal> {
  const { statusCode: status = 0, headers } = response;
  const retryAfterMs = parseRetryAfter(headers["retry-after"], headers.date);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = async () => {
      clearTimeout(timer);
      const body = Buffer.concat(chunks);
      const start = await decompressStart(body, headers["content-encoding"]);
      resolve({
        status,
        body: start.toString("utf8", 0, REFUSAL_BODY_BYTES),
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      });
    };
    const timer = setTimeout(end, REFUSAL_BODY_MS);
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= REFUSAL_BODY_BYTES) end();
    });
    response.on("end", end).on("error", end).on("close", end);
  });
}

/** Options of a transport. */
export interface TransportOptions {
  /** The ws or wss URL. */
  readonly url: URL;
  /** Headers of the upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Subprotocols; the server must choose one. @default {[]} */
  readonly protocols?: readonly string[];
  /** Certificates and keys. */
  readonly tls: TlsOptions;
  /** The proxy to tunnel through. */
  readonly proxy?: Proxy | undefined;
}

/** Opens a socket to the server, including a proxy's tunnel and TLS: see {@linkcode dial}. */
export function dialServer(
  { url, tls, proxy }: TransportOptions,
  done: DialCallback,
): () => void {
  const server = new URL(url.href.replace(/^ws/, "http"));
  return dial({ url: server, tls, http2: false, tunnel: proxy }, done);
}

/** Time that a server has to answer a close frame. */
export const CLOSE_GRACE_MS = 1000;

/** Largest part of a refusal's body that is kept. */
const REFUSAL_BODY_BYTES = 2048;

/** Timeout of a refusal's body. */
const REFUSAL_BODY_MS = 1000;

/** Largest incoming message. Events of a transcription are far smaller. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** Largest number of frames of an incoming message. */
export const MAX_MESSAGE_FRAGMENTS = 16 * 1024;

/** Rules of RFC 6455 that servers break. */
export const RULE = {
  reservedBits: "reserved bits must be 0",
  mask: "frames from a server must not be masked",
  controlFragment: "control frames must not be fragmented",
  text: "text must be valid UTF-8",
  close: "a close frame must have a valid code",
} as const;

/** A broken rule of the WebSocket protocol. */
export function violation(rule: string): RequestError {
  const message = `The server broke the WebSocket protocol: ${rule}`;
  return new RequestError("protocol_error", message);
}

/** An invalid answer to the upgrade request. */
export function badUpgrade(rule: string): RequestError {
  const message = `The server's answer to the upgrade is not valid: ${rule}`;
  return new RequestError("protocol_error", message);
}

/** A message beyond {@linkcode MAX_MESSAGE_BYTES} or {@linkcode MAX_MESSAGE_FRAGMENTS}. */
export function tooLarge(): RequestError {
  const maxMiB = MAX_MESSAGE_BYTES / 1024 / 1024;
  const message =
    `The server sent a message of more than ${maxMiB} MiB, or in more than ${MAX_MESSAGE_FRAGMENTS} fragments`;
  return new RequestError("too_large", message);
}
