import type { Buffer } from "node:buffer";
import type { RawHeaders } from "./raw_headers.ts";

/** Speaks HTTP on one open socket, one request at a time. It never opens another socket. */
export interface Wire {
  /** Whether it could take a request now. */
  isReady(): boolean;
  /** Whether anything has come since the last request was dispatched that may be of its response. */
  isAnswered(): boolean;
  /** Whether the server said of the last request that it did not look at it. */
  isRefused(): boolean;
  /** Sends a request. */
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
  /** The request is written now: until then nothing of it has left. */
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

/** Called when the socket was lost; whoever had sent a request on it may not have heard. */
export type OnLost = (error: Error) => void;
