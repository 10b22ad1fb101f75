import { Buffer } from "node:buffer";
import { createTimers } from "../clock.ts";
import type { Context } from "../context.ts";
import type { RequestOptions } from "../settings.ts";
import { createAnswerBody, type RequestParts } from "./answer_body.ts";
import { answerAtAccept, createFaults, stallEnd } from "./fault_actions.ts";
import { chunkFailure, type FailureEvents } from "./refusal.ts";

/** A request and its answer. */
export interface Exchange extends Context<RequestOptions> {
  /** When the last byte of the request's body arrived. */
  readonly receivedMs: number;
  /** Whether a fault makes a stream an answer in one piece. */
  readonly refusesStreams: boolean;
  /** Answers in one piece. */
  answer(body: string, head?: AnswerHead): void;
  /** Sends the headers of an event stream. `failure` forms its error events. */
  open(failure?: FailureEvents): void;
  /** Sends an event of the stream, its empty line included. */
  send(type: string, event: string, chars?: number): void;
  /** Ends the stream after `last` has sent its events. */
  finish(last: () => void): void;
  /** Holds everything that is sent until a time. */
  hold(untilMs: number): void;
  /** Destroys the connection. */
  drop(): void;
  /** Runs `task` at a time, unless the exchange is over first. */
  at(atMs: number, task: () => void): () => void;
  /** Runs `task` when the exchange is over, however it ended. */
  onOver(task: () => void): void;
}

/** Head of an answer in one piece. */
export interface AnswerHead {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Type of the entry in the log. @default "body" */
  readonly type?: string;
  /** Length of the text that the answer carries. */
  readonly chars?: number;
}

/** Creates the exchange of a request, with time stamps, log, timers and faults. */
export function createExchange(parts: RequestParts): Exchange {
  const { response, options, clock } = parts;
  const timers = createTimers(clock);
  const body = createAnswerBody(parts, timers);
  const faults = createFaults(parts, body);
  const wrongType = parts.faults.find((fault) => fault.do === "type");
  const type = wrongType?.do === "type"
    ? { "content-type": wrongType.contentType }
    : {};
  const onOver: (() => void)[] = [];
  let events = 0;
  let isOver = false;
  let cancelPing = () => {};

  response.once("close", () => {
    isOver = true;
    timers.end();
    for (const task of onOver) task();
    body.closed();
  });

  /** Sends a comment after each silence. */
  function ping(): void {
    cancelPing();
    if (options.keepAliveMs <= 0 || body.isEnded()) return;
    cancelPing = timers.at(clock.now() + options.keepAliveMs, () => {
      body.send("(comment)", Buffer.from(": ping\n\n"));
      ping();
    });
  }

  return {
    ...parts,
    refusesStreams: parts.faults.some((fault) => fault.do === "json"),
    answer(text, { status = 200, headers, type: logType, chars } = {}) {
      if (body.isEnded()) return;
      if (body.hasHead()) return body.drop();
      const bytes = Buffer.from(text);
      body.head(status, {
        ...(text && { "content-type": "application/json" }),
        "content-length": String(bytes.length),
        ...headers,
        ...(text && type),
      });
      if (faults.reached("headers")) return;
      body.send(logType ?? "body", bytes, chars);
      if (!faults.reached("done")) body.end();
    },
    open(failure = chunkFailure(options)) {
      faults.formFailures(failure);
      const usual = { "content-type": "text/event-stream; charset=utf-8" };
      body.head(200, { ...usual, ...type });
      faults.reached("headers");
      ping();
    },
    send(type, event, chars) {
      if (body.isEnded()) return;
      body.send(type, Buffer.from(event), chars);
      faults.reached(`events:${++events}`);
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
    at: timers.at,
    onOver(task) {
      if (isOver) task();
      else onOver.push(task);
    },
  };
}

/** Strikes the faults before the answer; returns true if one takes the answer's place. */
export function strikeAtAccept(
  { options, faults, clock }: RequestParts,
  exchange: Exchange,
): boolean {
  return faults.some((fault) => {
    if (fault.at !== "accept") return false;
    if (fault.do === "stall") {
      exchange.hold(stallEnd(fault.ms, clock.now()));
      return false;
    }
    if (fault.do === "drop") {
      exchange.drop();
      return true;
    }
    const answer = answerAtAccept(fault, options.dialect);
    if (!answer) return false;
    const { body = "", ...head } = answer;
    exchange.answer(body, { ...head, type: "(fault)" });
    return true;
  });
}
