import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, createGzip } from "node:zlib";
import { createGate, type Timers } from "../clock.ts";
import type { Context } from "../context.ts";

/** A request that is about to be answered. */
export interface RequestParts extends Context {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  /** When the last byte of the request's body arrived. */
  readonly receivedMs: number;
}

/** The body of an answer. The log has the time at which each piece is handed to the socket. */
export type AnswerBody = ReturnType<typeof createAnswerBody>;

type Headers = Readonly<Record<string, string>>;

interface Piece {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly chars?: number | undefined;
}

/** Creates the body of one answer. */
export function createAnswerBody(parts: RequestParts, timers: Timers) {
  const { id, message, response, options, clock, record } = parts;
  const { socket } = message;
  const zip = createZip(parts);
  const gate = createGate(timers.at);
  const marks: { count: number; task: () => void }[] = [];
  let gathered: Piece[] = [];
  let last: Uint8Array = new Uint8Array();
  let sentBytes = 0;
  let hasHead = false;
  /** Length of the body as announced in the headers; 0 if it is not. */
  let length = 0;
  let isEnded = false;
  let isWhole = false;

  function write(bytes: Uint8Array, sent: () => void): void {
    gate.pass(() => {
      if (response.destroyed) return;
      if (zip) return void zip.write(bytes, () => sent());
      sent();
      response.write(bytes);
    });
  }

  function flush(): void {
    if (gathered.length === 0) return;
    const pieces = gathered;
    gathered = [];
    writeToMarks(joined(pieces), () => {
      for (const { type, bytes, chars } of pieces) {
        record("out", type, { bytes: bytes.length, chars });
      }
    });
  }

  /** Writes in parts, so that the task of a mark runs after its byte. */
  function writeToMarks(bytes: Uint8Array, sent: () => void): void {
    const [next] = marks;
    if (!next || sentBytes + bytes.length < next.count) {
      sentBytes += bytes.length;
      return write(bytes, sent);
    }
    marks.shift();
    const size = next.count - sentBytes;
    sentBytes += size;
    write(bytes.subarray(0, size), sent);
    next.task();
    if (!isEnded && size < bytes.length) {
      writeToMarks(bytes.subarray(size), () => {});
    }
  }

  return {
    /** Sends the headers. */
    head(status: number, headers: Headers): void {
      hasHead = true;
      length = Number(headers["content-length"] ?? 0);
      gate.pass(() => {
        const { "content-length": size, ...others } = headers;
        const all = {
          ...others,
          "x-request-id": id,
          ...(zip && { "content-encoding": "gzip" }),
          ...(!zip && size !== undefined && { "content-length": size }),
        };
        record("out", `headers ${status}`);
        response.writeHead(status, all);
        response.flushHeaders();
      });
    },
    /** Sends a piece, together with others if events are gathered. */
    send(type: string, bytes: Uint8Array, chars?: number): void {
      if (isEnded) return;
      last = bytes;
      gathered.push({ type, bytes, chars });
      if (gathered.length >= options.eventsPerWrite) flush();
    },
    /** Sends bytes by themselves. */
    raw(type: string, bytes: Uint8Array): void {
      flush();
      write(bytes, () => record("out", type, { bytes: bytes.length }));
    },
    /** Sends nothing until a time. What comes meanwhile waits, or is lost if the time is infinite. */
    hold(untilMs: number): void {
      flush();
      gate.hold(untilMs);
    },
    /** The last piece that was sent. */
    last: () => last,
    /** Ends the answer in order. */
    end(): void {
      if (isEnded) return;
      flush();
      isEnded = true;
      isWhole = sentBytes >= length;
      gate.pass(() => {
        if (!isWhole) socket.end();
        else if (zip) zip.end();
        else response.end();
      });
    },
    /** Destroys the connection once everything written has left. */
    drop(): void {
      flush();
      isEnded = true;
      const destroy = () => socket.write("", () => socket.destroy());
      timers.at(clock.now(), destroy);
    },
    hasHead: () => hasHead,
    isEnded: () => isEnded,
    /** Runs `task` once that many bytes of the body were sent, even inside a piece. */
    atBytes(count: number, task: () => void): void {
      marks.push({ count, task });
      marks.sort((a, b) => a.count - b.count);
    },
    /** Logs the end of the response. */
    closed(): void {
      const isFinished = isWhole && response.writableFinished;
      isEnded = true;
      record("note", isFinished ? "finished" : "closed early");
    },
  };
}

/** Compresses the answer if it should be; undefined otherwise. The fault `bad-gzip` damages the second piece. */
function createZip({ message, response, options, faults }: RequestParts) {
  const isDamaged = faults.some((fault) => fault.do === "bad-gzip");
  const accepted = String(message.headers["accept-encoding"] ?? "");
  if (!isDamaged && !(options.gzip && /\bgzip\b/.test(accepted))) {
    return undefined;
  }
  const zip = createGzip({ flush: constants.Z_SYNC_FLUSH });
  let pieces = 0;
  zip.on("data", (bytes: Uint8Array) => {
    const isBad = isDamaged && ++pieces === 2;
    response.write(isBad ? bytes.map((byte) => byte ^ 0x55) : bytes);
  });
  zip.on("end", () => response.end());
  return zip;
}

function joined(pieces: readonly Piece[]): Uint8Array {
  return pieces.length === 1
    ? pieces[0]!.bytes
    : Buffer.concat(pieces.map(({ bytes }) => bytes));
}
