import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer as UntypedServer } from "ws";
import type { Random } from "../../lib/random.ts";
import { createGate, createTimers, type ServerClock } from "../clock.ts";
import type { Context } from "../context.ts";
import type { Fault, FaultAction, SessionPoint } from "../faults.ts";
import type { SessionOptions } from "../settings.ts";

/** The part of a WebSocket of the package `ws` that the server uses. The package has no types. */
export interface WebSocket {
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
  on(
    event: "message",
    listener: (data: Buffer, isBinary: boolean) => void,
  ): void;
  on(event: "close", listener: (code: number) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "pong", listener: () => void): void;
  once(event: "close", listener: () => void): void;
}

/** A WebSocket server of `ws` that takes upgrades from another server. */
export interface WebSocketServer {
  readonly clients: ReadonlySet<WebSocket>;
  handleUpgrade(
    message: IncomingMessage,
    socket: Socket,
    head: Uint8Array,
    opened: (webSocket: WebSocket) => void,
  ): void;
}

/** Creates a WebSocket server that chooses no subprotocol. */
export function createWebSocketServer(
  options: { maxPayload: number; perMessageDeflate: boolean },
): WebSocketServer {
  return new UntypedServer({
    ...options,
    noServer: true,
    handleProtocols: () => false,
  });
}

/** A client's connection, as a protocol sees it. */
export interface Connection {
  /** The session's id, in its events and in the log. */
  readonly id: string;
  readonly options: SessionOptions;
  readonly clock: ServerClock;
  /** Creates a generator of this session for one purpose. */
  random(purpose: string): Random;
  /** Logs an event of the client, whose bytes came last. Called before answering. */
  received(type: string, audio?: ReceivedAudio): void;
  /** Sends an event. */
  send(type: string, json: string, chars?: number): void;
  /** Strikes the faults of a point; returns true if one takes the place of the event that follows. */
  reached(point: SessionPoint): boolean;
  /** Whether a fault was set, at any point. */
  hasFault(verb: FaultAction["do"]): boolean;
  /** Destroys the TCP connection. */
  drop(): void;
  /** Runs `task` at a time, unless the connection ends first. */
  at(atMs: number, task: () => void): () => void;
}

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

/** Connects a WebSocket to a protocol, with time stamps, log, faults and keepalive. */
export function connect(
  session: Context<SessionOptions>,
  socket: Socket,
  webSocket: WebSocket,
  open: (connection: Connection) => Protocol,
): void {
  const { options, faults, clock, record } = session;
  const timers = createTimers(clock);
  const gate = createGate(timers.at);
  let atMs = clock.now();
  let bytes = 0;

  function send(
    type: string,
    data: string | Uint8Array,
    chars?: number,
  ): void {
    gate.pass(() => {
      if (webSocket.readyState !== webSocket.OPEN) return;
      const sentMs = clock.now();
      if (typeof data === "string") sendText(webSocket, socket, data);
      else webSocket.send(data);
      const length = chars === undefined ? {} : { chars };
      record("out", type, { atMs: sentMs, bytes: data.length, ...length });
    });
  }

  /** Strikes a fault; returns true if it takes the place of the event that follows. */
  function strike(fault: Fault): boolean {
    switch (fault.do) {
      case "error":
        send(
          "error",
          errorEvent(fault.message, fault.code || "processing_error"),
        );
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
      case "bad-json":
        send("(fault)", '{"type":"transcription.delta","delta":');
        break;
      case "non-object":
        send("(fault)", "[1,2]");
        break;
      case "binary":
        send("(binary)", new Uint8Array([1, 2, 3]));
        break;
      case "noise":
        for (let i = 0; i < fault.count; i++) {
          send("noise", `{"type":"reference.noise","n":${i}}`);
        }
        break;
      case "big":
        send("transcription.delta", bigDelta(fault.bytes), 0);
        break;
      case "stall":
        gate.hold(fault.ms === undefined ? Infinity : clock.now() + fault.ms);
        break;
      case "pause":
        webSocket.pause();
        timers.at(clock.now() + fault.ms, () => webSocket.resume());
        break;
      case "ping":
        webSocket.ping();
        record("note", "ping");
        break;
      case "updated":
        send("session.updated", '{"type":"session.updated"}');
    }
    return false;
  }

  /** Pings; closes with 1011 if no pong comes back in time. */
  function keepAlive(): void {
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

  keepAlive();
  const protocol = open({
    ...session,
    received: (type, audio) => record("in", type, { atMs, bytes, ...audio }),
    send,
    reached: (point) =>
      faults.filter(({ at }) => at === point)
        .map(strike).includes(true),
    hasFault: (verb) => faults.some((fault) => fault.do === verb),
    drop: () => socket.destroy(),
    at: timers.at,
  });
  socket.prependListener("data", () => atMs = clock.now());
  webSocket.on("message", (data, isBinary) => {
    bytes = data.byteLength;
    if (isBinary) protocol.binary(data);
    else protocol.text(data.toString());
  });
  webSocket.on("error", (cause) => record("note", `error: ${cause.message}`));
  webSocket.on("close", (code) => {
    timers.end();
    record("note", `closed ${code}`);
    protocol.closed();
  });
}

/** An `error` event as vLLM sends it: the message is a string, and the code is beside it. */
export function errorEvent(error: string, code: string): string {
  return JSON.stringify({ type: "error", error, code });
}

function bigDelta(bytes: number): string {
  const head = '{"type":"transcription.delta","delta":"","padding":"';
  return head + "x".repeat(Math.max(0, bytes - head.length - 2)) + '"}';
}

/**
 * Sends a text message in one write. `ws` writes header and payload apart, which took 0.06 of a core more at 12,500
 * messages a second.
 */
export function sendText(
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
