import { Buffer } from "node:buffer";
import type { ServerClock } from "../clock.ts";
import type { HttpPoint } from "../http_faults.ts";
import type { Random } from "../random.ts";
import { createBody, type ExchangeParts } from "./exchange_body.ts";
import { failureChunk, type FailureEvent } from "../openai/failure.ts";
import { createFaults } from "./fault_actions.ts";
import type { RequestOptions } from "../openai/options.ts";

/** One request on its way, and the answer to it. */
export interface Exchange {
  /** The response's id, on the wire and in the log. */
  readonly id: string;
  readonly options: RequestOptions;
  readonly clock: ServerClock;
  /** When the last byte of the request's body came. */
  readonly receivedMs: number;
  /** Whether a fault wants an answer that is whole where a stream is asked for. */
  readonly refusesStreams: boolean;
  /** Chance of this request: one generator per purpose. */
  random(purpose: string): Random;
  /** Answers at once and whole. */
  answer(body: string, how?: AnswerHead): void;
  /** Sends the headers of a stream of events; `failure` forms the events that tell of an error in it. */
  open(failure?: (code: string, message: string) => FailureEvent[]): void;
  /** Sends one event of the stream, its empty line included. */
  send(type: string, event: string, chars?: number): void;
  /** Ends the stream, behind what `last` sends. */
  finish(last: () => void): void;
  /** Holds all that is sent back until then. */
  hold(untilMs: number): void;
  /** Destroys the connection. */
  drop(): void;
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

/** Joins a response of node:http to an endpoint: stamps, log, timers, faults. */
export function createExchange(parts: ExchangeParts): Exchange {
  const { id, response, options, clock } = parts;
  const overs: (() => void)[] = [];
  const cancels = new Set<() => void>();
  const body = createBody(parts);
  const faults = createFaults(parts, body);
  const contentType = parts.faults.find(({ do: verb }) => verb === "type");
  let events = 0;
  let isOver = false;
  let cancelPing = () => {};

  function at(atMs: number, task: () => void): () => void {
    if (isOver) return () => {};
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

  response.once("close", () => {
    isOver = true;
    for (const cancel of cancels) cancel();
    cancels.clear();
    for (const task of overs) task();
    body.closed();
  });

  const typeOf = (usual: string) =>
    contentType?.do === "type" ? contentType.contentType : usual;

  /** A comment after each silence. */
  function ping(): void {
    cancelPing();
    if (options.keepAliveMs <= 0 || body.isEnded()) return;
    cancelPing = at(clock.now() + options.keepAliveMs, () => {
      body.send("(comment)", Buffer.from(": ping\n\n"));
      ping();
    });
  }

  return {
    id,
    options,
    clock,
    receivedMs: parts.receivedMs,
    refusesStreams: parts.faults.some(({ do: verb }) => verb === "json"),
    random: parts.random,
    answer(text, { status = 200, type = "body", ...head } = {}) {
      if (body.isEnded()) return;
      if (body.hasHead()) return body.drop();
      const bytes = Buffer.from(text);
      const usual = head.contentType ?? "application/json";
      body.head(status, {
        ...(text && { "content-type": typeOf(usual) }),
        "content-length": String(bytes.length),
        ...head.headers,
      });
      if (faults.reached("headers")) return;
      body.send(type, bytes, head.chars);
      if (!faults.reached("done")) body.end();
    },
    open(failure = failureChunk(options)) {
      faults.formFailures(failure);
      body.head(200, {
        "content-type": typeOf("text/event-stream; charset=utf-8"),
      });
      faults.reached("headers");
      ping();
    },
    send(type, event, chars) {
      if (body.isEnded()) return;
      body.send(type, Buffer.from(event), chars);
      faults.reached(`events:${++events}` as HttpPoint);
      ping();
    },
    finish(last) {
      if (body.isEnded() || faults.reached("done")) return;
      last();
      body.end();
      cancelPing();
    },
    hold: body.hold,
    drop: body.drop,
    at,
    onOver(task) {
      if (isOver) task();
      else overs.push(task);
    },
  };
}
