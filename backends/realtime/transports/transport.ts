import type { Buffer } from "node:buffer";
import { dial, type Opened } from "../../connect/dial.ts";
import type { TlsOptions } from "../../connect/tls.ts";
import { inflateStart } from "../../http/encoding.ts";

/** Opens WebSockets to one server. Everything that goes by text frames goes through this seam. */
export interface Transport extends AsyncDisposable {
  /** Begins to connect. The listener hears of it from then on, never before this returns. */
  connect(listener: SocketListener): Socket;
}

/** One WebSocket. */
export interface Socket {
  /** Bytes handed over and not yet gone. */
  readonly bufferedBytes: number;
  /** Sends one text frame. Nothing happens on a socket that is closing or closed. */
  send(text: string): void;
  /** Says goodbye and lets go: by force, where the server does not answer soon. */
  close(): void;
}

/** Who hears of a {@linkcode Socket}. */
export interface SocketListener {
  /** The server has accepted the upgrade. */
  opened(): void;
  /** One whole message. Not decoded where the transport can leave that to after the stamp. */
  message(data: string | Uint8Array, binary: boolean): void;
  /** The end, however it came: once, and last. */
  closed(end: SocketEnd): void;
}

/** How a socket ended. */
export interface SocketEnd {
  /** The close code; 1006 where there was no close frame. */
  readonly code: number;
  /** What the server gave as its reason. */
  readonly reason: string;
  /** What went wrong below the protocol. */
  readonly error?: Error;
  /** The HTTP answer that came in place of an upgrade. */
  readonly refusal?: Refusal;
  /** What the server sent that made this side end the socket. */
  readonly violation?: Violation;
}

/** The HTTP answer that came in place of an upgrade. */
export interface Refusal {
  /** The HTTP status. */
  readonly status: number;
  /** The beginning of the body, decompressed. */
  readonly body: string;
}

/** The text at the beginning of a refusal's body. */
export function refusalBody(bytes: Buffer, encoding?: string): string {
  return inflateStart(bytes, encoding).toString("utf8", 0, REFUSAL_BODY_BYTES);
}

/** Where a transport connects to and how. */
export interface TransportOptions {
  /** The ws or wss URL. */
  readonly url: URL;
  /** Headers of the upgrade. */
  readonly headers: Readonly<Record<string, string>>;
  /** How to trust and be trusted, for wss. */
  readonly tls: TlsOptions;
}

/** How long a server may take to answer a close frame. */
export const CLOSE_GRACE_MS = 1000;

/** How much of the body of a refused upgrade is kept. */
export const REFUSAL_BODY_BYTES = 2048;

/** How long a refusal's body is waited for. */
export const REFUSAL_BODY_MS = 1000;

/** Opens a socket to the server, TLS included: see {@linkcode dial}. */
export function dialServer(
  { url, tls }: TransportOptions,
  opened: Opened,
): () => void {
  const http = new URL(url.href.replace(/^ws/, "http"));
  return dial({ url: http, tls, http2: false, tunnel: undefined }, opened);
}

/** What a server sent that made the client end the socket. */
export interface Violation {
  /** The class of the failure: see docs/failures.md. */
  readonly class: "protocol_error" | "too_large";
  /** What the server did, in words. */
  readonly message: string;
}

/** The most that one incoming message may hold. Events of a transcription are far below it. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** The most frames that one incoming message may come in. */
export const MAX_MESSAGE_FRAGMENTS = 16 * 1024;

/** Rules of RFC 6455 that servers break. */
export const RULE = {
  reservedBits: "reserved bits must be 0",
  mask: "frames from a server must not be masked",
  controlFragment: "control frames must not be fragmented",
  text: "text must be valid UTF-8",
  close: "a close frame must have a valid code",
} as const;

/** A rule of the protocol was broken. */
export function violation(rule: string): Violation {
  return {
    class: "protocol_error",
    message: `The server broke the WebSocket protocol: ${rule}`,
  };
}

/** An answer to the upgrade that is not one. */
export function badUpgrade(rule: string): Violation {
  return {
    class: "protocol_error",
    message: `The server's answer to the upgrade is not valid: ${rule}`,
  };
}

/** A message beyond {@linkcode MAX_MESSAGE_BYTES} or {@linkcode MAX_MESSAGE_FRAGMENTS}. */
export function tooLarge(): Violation {
  return {
    class: "too_large",
    message: `The server sent a message of more than ${
      MAX_MESSAGE_BYTES / 1024 / 1024
    } MiB, or in more than ${MAX_MESSAGE_FRAGMENTS} fragments`,
  };
}
