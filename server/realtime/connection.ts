import { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { createGate, createTimers, type Timers } from "../clock.ts";
import type { Context } from "../context.ts";
import {
  type Fault,
  type FaultAction,
  garbage,
  noiseJson,
  type SessionPoint,
} from "../faults.ts";
import type { SessionOptions } from "../settings.ts";

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

/** Audio of a session up to an event, for the log. */
export interface ReceivedAudio {
  readonly audioMs: number;
  readonly audioHash?: number;
}

/** A wire protocol over a WebSocket. */
export interface Protocol {
  /** Handles a text frame. */
  text(message: string): void;
  /** Handles a binary frame. */
  binary(data: Uint8Array): void;
  /** Handles the end of the connection. */
  closed(): void;
}

/** Connects a WebSocket to a protocol. */
export function connect(
  session: Context<SessionOptions>,
  socket: Socket,
  webSocket: WebSocket,
  open: (connection: Connection) => Protocol,
): void {
  const timers = createTimers(session.clock);
  keepAlive(session, webSocket, timers);
  const protocol = open(createConnection(session, socket, webSocket, timers));
  webSocket.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) protocol.binary(data);
    else protocol.text(data.toString());
  });
  webSocket.on("error", ({ message }: Error) => {
    session.record("note", `error: ${message}`);
  });
  webSocket.on("close", (code: number) => {
    timers.end();
    session.record("note", `closed ${code}`);
    protocol.closed();
  });
}

/** Creates the connection that a protocol sees, with time stamps, log and faults. */
function createConnection(
  session: Context<SessionOptions>,
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
      const length = chars === undefined ? {} : { chars };
      record("out", type, { atMs: sentMs, bytes: data.length, ...length });
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
    received: (type: string, audio?: ReceivedAudio): void =>
      record("in", type, { atMs, bytes, ...audio }),
    /** Strikes the faults of a point; returns true if one takes the place of the event that follows. */
    reached: (point: SessionPoint): boolean =>
      faults.filter(({ at }) => at === point).map(strike).includes(true),
    /** Whether a fault was set, at any point. */
    hasFault: (verb: FaultAction["do"]): boolean =>
      faults.some((fault) => fault.do === verb),
    /** Destroys the TCP connection. */
    drop: (): void => void socket.destroy(),
    /** Runs `task` at a time, unless the connection ends first. */
    at: timers.at,
  };
}

/** Pings; closes with 1011 if no pong comes back in time. */
function keepAlive(
  { options, clock, record }: Context<SessionOptions>,
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
