import type { Socket } from "node:net";
import type { ServerClock } from "../clock.ts";
import type { Fault } from "../faults.ts";
import type { FaultPoint } from "../session_faults.ts";
import { keepAlive } from "./keep_alive.ts";
import type { Log } from "../log.ts";
import type { SessionOptions } from "../options.ts";
import type { Random } from "../random.ts";
import { createOutbox } from "./outbox.ts";
import type { WebSocket } from "./web_socket.ts";

/** What a protocol sees of its client. */
export interface Connection {
  /** The session's id, in its events and in the log. */
  readonly id: string;
  readonly options: SessionOptions;
  readonly clock: ServerClock;
  /** Chance of this session: one generator per purpose. */
  random(purpose: string): Random;
  /** Records an event of the client, whose bytes came last; call it before answering. */
  received(type: string, what?: Received): void;
  /** Sends an event. */
  send(type: string, json: string, chars?: number): void;
  /** Tells that a point of the session is reached; true if a fault takes the place of what comes there. */
  reached(point: FaultPoint): boolean;
  /** The fault of this kind, if it was set. */
  fault(verb: Fault["do"]): Fault | undefined;
  /** Destroys the TCP connection. */
  drop(): void;
  /** Runs `task` at a time, unless the connection ends before. */
  at(atMs: number, task: () => void): () => void;
}

/** What the log shall know about an event. */
export interface Received {
  readonly audioMs?: number;
  readonly audioHash?: number;
}

/** One wire protocol over a WebSocket. */
export interface Protocol {
  /** A text frame came. */
  text(message: string): void;
  /** A binary frame came. */
  binary(data: Uint8Array): void;
  /** The connection is gone. */
  closed(): void;
}

/** What a connection is made of. */
export interface ConnectionParts {
  readonly id: string;
  readonly socket: Socket;
  readonly webSocket: WebSocket;
  readonly options: SessionOptions;
  readonly faults: readonly Fault[];
  readonly clock: ServerClock;
  readonly log: Log;
  readonly random: (purpose: string) => Random;
}

/** Joins a WebSocket to a protocol: stamps, logs, faults, keepalive. */
export function connect(
  parts: ConnectionParts,
  open: (connection: Connection) => Protocol,
): void {
  const { id, socket, webSocket, options, clock, log } = parts;
  const cancels = new Set<() => void>();
  const outbox = createOutbox(parts);
  let readAtMs = clock.now();
  let messageBytes = 0;

  function at(atMs: number, task: () => void): () => void {
    const cancel = clock.at(atMs, () => {
      cancels.delete(cancel);
      task();
    });
    cancels.add(cancel);
    return () => {
      cancels.delete(cancel);
      cancel();
    };
  }

  function note(type: string): void {
    log.add({
      atMs: clock.now(),
      session: id,
      direction: "note",
      type,
      bytes: 0,
    });
  }

  const connection: Connection = {
    id,
    options,
    clock,
    random: parts.random,
    received(type, what) {
      log.add({
        atMs: readAtMs,
        session: id,
        direction: "in",
        type,
        bytes: messageBytes,
        ...what,
      });
    },
    send: outbox.text,
    reached(point) {
      let replaced = false;
      for (const fault of parts.faults) {
        if (fault.at === point) replaced = act(fault) || replaced;
      }
      return replaced;
    },
    fault: (verb) => parts.faults.find((fault) => fault.do === verb),
    drop: () => socket.destroy(),
    at,
  };

  /** Does it; true if it stands in the place of what would come. */
  function act(fault: Fault): boolean {
    switch (fault.do) {
      case "error":
        outbox.text("error", errorEvent(fault.message, fault.code));
        return true;
      case "frame":
        outbox.text("(fault)", fault.text);
        return false;
      case "binary":
        outbox.binary(new Uint8Array([1, 2, 3]));
        return false;
      case "noise":
        for (let i = 0; i < fault.count; i++) {
          outbox.text("noise", `{"type":"reference.noise","n":${i}}`);
        }
        return false;
      case "big":
        outbox.text("transcription.delta", bigDelta(fault.bytes), 0);
        return false;
      case "stall":
        outbox.hold(fault.ms === undefined ? Infinity : clock.now() + fault.ms);
        return false;
      case "pause":
        webSocket.pause();
        at(clock.now() + fault.ms, () => webSocket.resume());
        return false;
      case "drop":
        socket.destroy();
        return true;
      case "close":
        webSocket.close(fault.code, fault.reason);
        return true;
      case "ping":
        webSocket.ping();
        note("ping");
        return false;
      case "updated":
        outbox.text("session.updated", '{"type":"session.updated"}');
        return false;
      default:
        return false;
    }
  }

  keepAlive(parts, { at, note });
  const protocol = open(connection);
  socket.prependListener("data", () => readAtMs = clock.now());
  webSocket.on("message", (data, isBinary) => {
    messageBytes = data.byteLength;
    if (isBinary) protocol.binary(data);
    else protocol.text(data.toString());
  });
  webSocket.on("error", (cause) => note(`error: ${cause.message}`));
  webSocket.on("close", (code) => {
    for (const cancel of cancels) cancel();
    cancels.clear();
    outbox.close();
    note(`closed ${code}`);
    protocol.closed();
  });
}

/** An `error` as vLLM forms it: the message is a string, the code its sibling. */
export function errorEvent(error: string, code: string): string {
  return JSON.stringify({ type: "error", error, code });
}

function bigDelta(bytes: number): string {
  const head = '{"type":"transcription.delta","delta":"","padding":"';
  return head + "x".repeat(Math.max(0, bytes - head.length - 2)) + '"}';
}
