import type { IncomingMessage, ServerResponse } from "node:http";
import { Buffer } from "node:buffer";
import type { ServerClock } from "../clock.ts";
import type { Fault } from "../faults.ts";
import type { Log } from "../log.ts";
import type { Random } from "../random.ts";
import type { RequestOptions } from "../openai/options.ts";
import { createWriter } from "./writer.ts";

/** What an exchange is made of. */
export interface ExchangeParts {
  readonly id: string;
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly options: RequestOptions;
  /** Those that strike this request. */
  readonly faults: readonly Fault[];
  readonly receivedMs: number;
  readonly clock: ServerClock;
  readonly log: Log;
  readonly random: (purpose: string) => Random;
}

/** The answer as it leaves: the log has the time at which each of its pieces is handed to the socket. */
export interface Body {
  head(status: number, headers: Readonly<Record<string, string>>): void;
  /** Sends a piece, with others if they are to be gathered. */
  send(type: string, bytes: Uint8Array, chars?: number): void;
  /** Sends bytes as they are, and by themselves. */
  raw(type: string, bytes: Uint8Array): void;
  /** Holds everything back until then. */
  hold(untilMs: number): void;
  /** Changes how the next piece is sent: gets its bytes, returns whether it took them. */
  intercept(take: (type: string, bytes: Uint8Array) => boolean): void;
  /** The last event once more. */
  repeat(): void;
  /** Ends the answer in order. */
  end(): void;
  /** Destroys the connection. */
  drop(): void;
  /** Whether the headers were sent. */
  hasHead(): boolean;
  /** Whether nothing more is sent. */
  isEnded(): boolean;
  /** Calls `task` when that many bytes of the body were sent, in the middle of a piece if need be. */
  atBytes(count: number, task: () => void): void;
  /** The connection is gone, or the answer was sent. */
  closed(): void;
}

interface Piece {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly chars: number | undefined;
}

/** The body of one answer. */
export function createBody(parts: ExchangeParts): Body {
  const { id, message, response, options, faults, clock, log } = parts;
  const has = (verb: Fault["do"]) => faults.some((fault) => fault.do === verb);
  const takesGzip = /\bgzip\b/.test(
    String(message.headers["accept-encoding"] ?? ""),
  );
  const drip = faults.find((fault) => fault.do === "drip");
  const writer = createWriter({
    response,
    clock,
    gzip: has("bad-gzip")
      ? "damaged"
      : options.gzip && takesGzip
      ? "yes"
      : "no",
    dripMs: drip?.do === "drip" ? drip.ms : 0,
  });
  const bounds: { count: number; task: () => void }[] = [];
  let takers: ((type: string, bytes: Uint8Array) => boolean)[] = [];
  let gathered: Piece[] = [];
  let last: Piece | undefined;
  let sentBytes = 0;
  let hasHead = false;
  /** What the headers say of it; 0 where they do not. */
  let length = 0;
  let ended = false;
  let isWhole = false;

  function record(
    direction: "out" | "note",
    { type, bytes, chars }: { type: string; bytes: number; chars?: number },
  ): void {
    log.add({
      atMs: clock.now(),
      session: id,
      direction,
      type,
      bytes,
      ...(chars !== undefined && { chars }),
    });
  }

  function flush(): void {
    if (gathered.length === 0) return;
    const pieces = gathered;
    gathered = [];
    const bytes = pieces.length === 1
      ? pieces[0]!.bytes
      : Buffer.concat(pieces.map(({ bytes }) => bytes));
    writeUpTo(bytes, () => {
      for (const { type, bytes, chars } of pieces) {
        record("out", {
          type,
          bytes: bytes.length,
          ...(chars !== undefined && { chars }),
        });
      }
    });
  }

  /** Writes in as many parts as there are points of bytes in it. */
  function writeUpTo(bytes: Uint8Array, sent: () => void): void {
    const [next] = bounds;
    if (!next || sentBytes + bytes.length < next.count) {
      sentBytes += bytes.length;
      return writer.write(bytes, sent);
    }
    bounds.shift();
    const size = next.count - sentBytes;
    sentBytes += size;
    writer.write(bytes.subarray(0, size), sent);
    next.task();
    if (!ended && size < bytes.length) {
      writeUpTo(bytes.subarray(size), () => {});
    }
  }

  return {
    head(status, headers) {
      hasHead = true;
      length = Number(headers["content-length"] ?? 0);
      writer.head(
        status,
        { ...headers, "x-request-id": id },
        () => record("out", { type: `headers ${status}`, bytes: 0 }),
      );
    },
    send(type, bytes, chars) {
      if (ended) return;
      const due = takers;
      takers = [];
      for (const take of due) {
        if (take(type, bytes)) return;
      }
      last = { type, bytes, chars };
      gathered.push(last);
      if (gathered.length >= options.eventsPerWrite) flush();
    },
    raw(type, bytes) {
      flush();
      writer.write(bytes, () => record("out", { type, bytes: bytes.length }));
    },
    hold(untilMs) {
      flush();
      writer.hold(untilMs);
    },
    intercept: (take) => void takers.push(take),
    repeat() {
      if (last) gathered.push(last);
      flush();
    },
    end() {
      if (ended) return;
      flush();
      ended = true;
      isWhole = sentBytes >= length;
      if (isWhole) writer.end();
      else writer.hang(message.socket);
    },
    drop() {
      flush();
      ended = true;
      writer.drop(message.socket);
    },
    isEnded: () => ended,
    hasHead: () => hasHead,
    atBytes(count, task) {
      bounds.push({ count, task });
      bounds.sort((a, b) => a.count - b.count);
    },
    closed() {
      const isFinished = isWhole && (drip || response.writableFinished);
      ended = true;
      record("note", {
        type: isFinished ? "finished" : "closed early",
        bytes: 0,
      });
    },
  };
}
