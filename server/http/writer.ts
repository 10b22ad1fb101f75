import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { constants, createGzip } from "node:zlib";
import type { ServerClock } from "../clock.ts";

/** Writes a response's body, piece by piece. */
export interface Writer {
  /** Sends the headers. */
  head(
    status: number,
    headers: Readonly<Record<string, string>>,
    sent: () => void,
  ): void;
  /** Sends bytes; tells when they are handed to the socket. */
  write(bytes: Uint8Array, sent: () => void): void;
  /** Sends nothing until then; what comes meanwhile waits, or is forgotten if it is for ever. */
  hold(untilMs: number): void;
  /** Ends the response behind all that waits. */
  end(): void;
  /** Destroys the connection, once what was written has left. */
  drop(socket: Duplex): void;
  /** Ends the connection behind all that waits, though the response is not whole. */
  hang(socket: Duplex): void;
}

/** How a body is written. */
export interface WriterOptions {
  readonly response: ServerResponse;
  readonly clock: ServerClock;
  /** `"damaged"` does what the name says to the second piece. */
  readonly gzip: "no" | "yes" | "damaged";
  /** Milliseconds between the bytes of the headers, where they come one by one. */
  readonly dripMs: number;
}

/** A writer on a response of node:http. */
export function createWriter(
  { response, clock, gzip, dripMs }: WriterOptions,
): Writer {
  const zip = gzip === "no" ? undefined : createGzip({
    flush: constants.Z_SYNC_FLUSH,
  });
  let sink: ServerResponse | Duplex = response;
  let heldUntilMs = 0;
  let held: (() => void)[] = [];
  let pieces = 0;
  zip?.on("data", (bytes: Uint8Array) => {
    if (gzip === "damaged" && ++pieces === 2) {
      bytes = bytes.map((byte) => byte ^ 0x55);
    }
    sink.write(bytes);
  });
  zip?.on("end", () => sink.end());

  function post(task: () => void): void {
    if (heldUntilMs === 0) task();
    else if (heldUntilMs < Infinity) held.push(task);
  }

  /** Lets go of what waits, until something of it holds again. */
  function release(): void {
    heldUntilMs = 0;
    while (heldUntilMs === 0 && held.length > 0) held.shift()!();
  }

  function hold(untilMs: number): void {
    heldUntilMs = Math.max(heldUntilMs, untilMs);
    if (heldUntilMs === Infinity) held = [];
    else clock.at(heldUntilMs, () => heldUntilMs <= untilMs && release());
  }

  /** Past node:http, which sends headers whole: the body ends with the connection. */
  function drip(status: number, headers: Readonly<Record<string, string>>) {
    const { socket } = response;
    if (!socket) return;
    sink = socket;
    const lines = [`HTTP/1.1 ${status} OK`, "connection: close"];
    for (const [name, value] of Object.entries(headers)) {
      lines.push(`${name}: ${value}`);
    }
    const text = lines.join("\r\n") + "\r\n\r\n";
    let at = 0;
    const next = () => {
      if (socket.destroyed) return;
      socket.write(text[at++]!);
      if (at < text.length) clock.at(clock.now() + dripMs, next);
      else if (heldUntilMs === WHILE_DRIPPING) release();
    };
    heldUntilMs = WHILE_DRIPPING;
    next();
  }

  return {
    head(status, { "content-length": length, ...headers }, sent) {
      post(() => {
        const all: Record<string, string> = {
          ...headers,
          ...(zip && { "content-encoding": "gzip" }),
          ...(!zip && length !== undefined && { "content-length": length }),
        };
        sent();
        if (dripMs > 0) return drip(status, all);
        response.writeHead(status, all);
        response.flushHeaders();
      });
    },
    write(bytes, sent) {
      post(() => {
        if (response.destroyed) return;
        if (zip) return void zip.write(bytes, () => sent());
        sent();
        sink.write(bytes);
      });
    },
    hold,
    drop: (socket) =>
      void clock.at(
        clock.now(),
        () => void socket.write("", () => socket.destroy()),
      ),
    hang: (socket) => post(() => void socket.end()),
    end: () =>
      post(() => {
        if (zip) zip.end();
        else sink.end();
      }),
  };
}

/** Until the headers are sent, whenever that is. */
const WHILE_DRIPPING = Number.MAX_VALUE;
