import { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { createGate, type Timers } from "../clock.ts";
import type { Context } from "../context.ts";
import {
  type Fault,
  garbage,
  noiseJson,
  type SessionPoint,
} from "../faults.ts";
import type { LogEntry } from "../log.ts";

/** The part of a WebSocket of the package `ws` that the server uses. The package has no types. */
export interface WebSocket extends EventEmitter {
  readonly readyState: number;
  readonly OPEN: number;
  /** The negotiated extension: none, or permessage-deflate. */
  readonly extensions: string;
  send(data: string | Uint8Array): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

/** A client's connection, as a protocol sees it. */
export type Connection = ReturnType<typeof createConnection>;

/** Creates the connection that a protocol sees, with time stamps, log and faults. */
export function createConnection(
  session: Context,
  socket: Socket,
  webSocket: WebSocket,
  timers: Timers,
) {
  const { faults, clock, record } = session;
  const gate = createGate(timers.at);
  /** Time of the last bytes, and size of the last message, for the log. */
  let atMs = clock.now();
  let bytes = 0;
  socket.prependListener("data", () => atMs = clock.now());
  webSocket.on("message", (data: Buffer) => bytes = data.byteLength);

  /** The last event, for the fault `duplicate`. */
  let last: Parameters<typeof send> | undefined;

  /** Sends an event. */
  function send(
    type: string,
    data: string | Uint8Array,
    chars?: number,
  ): void {
    last = [type, data, chars];
    gate.pass(() => {
      if (webSocket.readyState !== webSocket.OPEN) return;
      const sentMs = clock.now();
      if (typeof data === "string") sendText(webSocket, socket, data);
      else webSocket.send(data);
      record("out", type, { atMs: sentMs, bytes: data.length, chars });
    });
  }

  /** Sends an `error` event as vLLM does: the message is a string, and the code is beside it. */
  function fail(error: string, code: string): void {
    send("error", JSON.stringify({ type: "error", error, code }));
  }

  /** Strikes a fault; returns true if it takes the place of the event that follows. */
  function strike(fault: Fault): boolean {
    switch (fault.do) {
      case "error":
        fail(fault.message, fault.code || "processing_error");
        return true;
      case "drop":
        socket.destroy();
        return true;
      case "close":
        webSocket.close(fault.code, fault.reason);
        return true;
      case "frame":
        send("(fault)", fault.text);
        break;
      case "garbage":
        send("(binary)", garbage(fault.bytes, session.random("garbage")));
        break;
      case "noise":
        for (let n = 0; n < fault.count; n++) send("noise", noiseJson(n));
        break;
      case "big":
        send("noise", noiseJson(0, fault.bytes));
        break;
      case "duplicate":
        if (last) send(...last);
        break;
      case "stall":
        gate.hold(clock.now() + (fault.ms ?? Infinity));
        break;
      case "pause":
        webSocket.pause();
        timers.at(clock.now() + fault.ms, () => webSocket.resume());
    }
    return false;
  }

  return {
    ...session,
    send,
    fail,
    /** Logs an event of the client, whose bytes came last. Called before answering. */
    received: (type: string, audio: Partial<LogEntry> = {}): void =>
      record("in", type, { atMs, bytes, ...audio }),
    /** Strikes the faults of a point; returns true if one takes the place of the event that follows. */
    reached: (point: SessionPoint): boolean =>
      faults.filter(({ at }) => at === point).map(strike).includes(true),
    /** Destroys the TCP connection. */
    drop: (): void => void socket.destroy(),
    /** Runs `task` at a time, unless the connection ends first. */
    at: timers.at,
  };
}

/** Pings; closes with 1011 if no pong comes back in time. */
export function keepAlive(
  { options, clock, record }: Context,
  webSocket: WebSocket,
  timers: Timers,
): void {
  const { pingIntervalMs, pongTimeoutMs } = options;
  if (pingIntervalMs <= 0) return;
  let cancelTimeout = () => {};
  const ping = () => {
    if (webSocket.readyState !== webSocket.OPEN) return;
    webSocket.ping();
    record("note", "ping");
    cancelTimeout = timers.at(clock.now() + pongTimeoutMs, () => {
      webSocket.close(1011, "keepalive ping timeout");
      timers.at(clock.now() + 1000, () => webSocket.terminate());
    });
    timers.at(clock.now() + pingIntervalMs, ping);
  };
  webSocket.on("pong", () => cancelTimeout());
  timers.at(clock.now() + pingIntervalMs, ping);
}

/**
 * Sends a text message in one write. `ws` writes header and payload apart, which took 0.06 of a core more at 12,500
 * messages a second.
 */
function sendText(
  webSocket: WebSocket,
  socket: Socket,
  text: string,
): void {
  const bytes = Buffer.byteLength(text);
  if (webSocket.extensions !== "" || bytes > MAX_SMALL_BYTES) {
    return webSocket.send(text);
  }
  const isTiny = bytes < 126;
  const frame = Buffer.allocUnsafe(bytes + (isTiny ? 2 : 4));
  frame[0] = FINAL_TEXT;
  if (isTiny) frame[1] = bytes;
  else {
    frame[1] = 126;
    frame.writeUInt16BE(bytes, 2);
  }
  frame.write(text, isTiny ? 2 : 4);
  socket.write(frame);
}

/** First byte of a frame that is a whole text message. */
const FINAL_TEXT = 0x81;
/** The longest payload whose length fits into two bytes. */
const MAX_SMALL_BYTES = 65_535;
