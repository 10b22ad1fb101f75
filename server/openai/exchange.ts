import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerClock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Random } from "../random.ts";
import type { RequestOptions } from "./options.ts";

/** One request on its way, and the answer to it. */
export interface Exchange {
  /** The response's id, on the wire and in the log. */
  readonly id: string;
  readonly options: RequestOptions;
  readonly clock: ServerClock;
  /** When the last byte of the request's body came. */
  readonly receivedMs: number;
  /** Chance of this request: one generator per purpose. */
  random(purpose: string): Random;
  /** Answers at once and whole. */
  answer(body: string, how?: AnswerHead): void;
  /** Sends the headers of a stream of events. */
  open(): void;
  /** Sends one event of the stream, its empty line included. */
  send(type: string, event: string, chars?: number): void;
  /** Ends the stream. */
  end(): void;
  /** Runs `task` at a time, unless the exchange is over before. */
  at(atMs: number, task: () => void): () => void;
  /** Runs `task` when the exchange is over, however it ended. */
  onOver(task: () => void): void;
}

/** What stands ahead of a whole answer. */
export interface AnswerHead {
  /** @default 200 */
  readonly status?: number;
  /** @default "application/json" */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The type of the entry in the log. @default "body" */
  readonly type?: string;
  /** Length of the text that it carries. */
  readonly chars?: number;
}

/** What an exchange is made of. */
export interface ExchangeParts {
  readonly id: string;
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly options: RequestOptions;
  readonly receivedMs: number;
  readonly clock: ServerClock;
  readonly log: Log;
  readonly random: (purpose: string) => Random;
}

/** Joins a response of node:http to an endpoint: stamps, log, timers. */
export function createExchange(parts: ExchangeParts): Exchange {
  const { id, response, options, clock, log } = parts;
  const overs: (() => void)[] = [];
  const cancels = new Set<() => void>();

  function record(
    direction: "out" | "note",
    type: string,
    { bytes = 0, chars }: { bytes?: number; chars?: number | undefined } = {},
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

  response.once("close", () => {
    for (const cancel of cancels) cancel();
    cancels.clear();
    for (const task of overs) task();
    record("note", response.writableFinished ? "finished" : "closed early");
  });

  return {
    id,
    options,
    clock,
    receivedMs: parts.receivedMs,
    random: parts.random,
    answer(body, head = {}) {
      const { status = 200, contentType = "application/json" } = head;
      const bytes = Buffer.from(body);
      record("out", `headers ${status}`);
      record("out", head.type ?? "body", {
        bytes: bytes.length,
        chars: head.chars,
      });
      response.writeHead(status, {
        ...(body && { "content-type": contentType }),
        "content-length": bytes.length,
        "x-request-id": id,
        ...head.headers,
      });
      response.end(bytes);
    },
    open() {
      record("out", "headers 200");
      response.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "x-request-id": id,
      });
      response.flushHeaders();
    },
    send(type, event, chars) {
      if (response.destroyed) return;
      const bytes = Buffer.from(event);
      record("out", type, { bytes: bytes.length, chars });
      response.write(bytes);
    },
    end: () => void response.end(),
    at(atMs, task) {
      const cancel = clock.at(atMs, () => {
        cancels.delete(cancel);
        task();
      });
      cancels.add(cancel);
      return () => {
        cancels.delete(cancel);
        cancel();
      };
    },
    onOver: (task) => void overs.push(task),
  };
}
