import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { RawHeaders } from "./raw_headers.ts";

/** Speaks HTTP on one connection, one request at a time. */
export interface Wire {
  /** Whether it could take a request now without opening a socket first. */
  isReady(): boolean;
  /** Sends a request; opens a socket before, where none is open. */
  dispatch(request: WireRequest, handler: WireHandler): void;
  /** Closes its socket, whatever it does. Resolves when that is done. */
  destroy(): Promise<void>;
}

/** A POST request as it goes out. */
export interface WireRequest {
  readonly path: string;
  readonly method: "POST";
  /** Names and values by turns. */
  readonly headers: string[];
  readonly body: Uint8Array | string;
}

/** Who hears of a response: what undici 7 calls by itself, without objects between. */
export interface WireHandler {
  onConnect(): void;
  /** All of the request was handed to the socket. */
  onRequestSent(): void;
  /** Also called for informational responses. Returns true to go on. */
  onHeaders(status: number, headers: RawHeaders): boolean;
  /** A piece of the body; one network read may bring several. Returns true to go on. */
  onData(piece: Buffer): boolean;
  onComplete(): void;
  onError(error: Error): void;
}

/** Who hears of the socket below. */
export interface WireHooks {
  /** A socket is being opened. */
  connecting(): void;
  /** It is open, TLS included. */
  connected(socket: Socket): void;
  /** It was lost; whoever had sent a request on it may not have heard. */
  lost(error: Error): void;
}
