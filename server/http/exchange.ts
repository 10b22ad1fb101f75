import { Buffer } from "node:buffer";
import { createTimers, type Timers } from "../clock.ts";
import {
  type Fault,
  garbage,
  noiseJson,
  type RequestPoint,
} from "../faults.ts";
import type { Options } from "../settings.ts";
import {
  type AnswerBody,
  createAnswerBody,
  type RequestParts,
} from "./answer_body.ts";
import {
  chunkFailure,
  type FailureEvents,
  failureOf,
  refusalJson,
} from "./refusal.ts";

/** A request and its answer. */
export type Exchange = ReturnType<typeof createExchange>;

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
export function createExchange(parts: RequestParts) {
  const { response, options, faults, clock } = parts;
  const timers = createResponseTimers(parts);
  const body = createAnswerBody(parts, timers);
  const onOver: (() => void)[] = [];
  /** Forms the error events of the answer. */
  let failure = chunkFailure(options);
  let events = 0;
  let isOver = false;
  let cancelPing = () => {};

  response.once("close", () => {
    isOver = true;
    timers.end();
    for (const task of onOver) task();
    body.closed();
  });

  const strike = (fault: Fault) => strikeFault(fault, parts, body, failure);
  for (const fault of faults) {
    const [, count] = /^bytes:(\d+)$/.exec(fault.at) ?? [];
    if (count) body.atBytes(Number(count), () => strike(fault));
  }

  /** Strikes the faults of a point; returns true if nothing of the answer follows. */
  function reached(point: RequestPoint): boolean {
    for (const fault of faults) {
      if (fault.at === point) strike(fault);
    }
    return body.isEnded();
  }

  /** Sends a comment after each silence. */
  function ping(): void {
    cancelPing();
    if (options.keepAliveMs <= 0 || body.isEnded()) return;
    cancelPing = timers.at(clock.now() + options.keepAliveMs, () => {
      body.send("(comment)", Buffer.from(": ping\n\n"));
      ping();
    });
  }

  /** Answers in one piece. */
  function answer(
    text: string,
    { status = 200, headers, type: logType, chars }: AnswerHead = {},
  ): void {
    if (body.isEnded()) return;
    if (body.hasHead()) return body.drop();
    const bytes = Buffer.from(text);
    body.head(status, {
      ...(text && { "content-type": "application/json" }),
      "content-length": String(bytes.length),
      ...headers,
    });
    if (reached("headers")) return;
    body.send(logType ?? "body", bytes, chars);
    if (!reached("done")) body.end();
  }

  return {
    ...parts,
    /** Whether a fault replaces a stream by an answer in one piece. */
    refusesStreams: faults.some((fault) => fault.do === "json"),
    answer,
    /** Strikes the faults before the answer; returns true if one takes the answer's place. */
    strikeAtAccept(): boolean {
      for (const fault of faults.filter(({ at }) => at === "accept")) {
        const given = answerAtAccept(fault, options.dialect);
        if (!given) strike(fault);
        else answer(given.body, { ...given, type: "(fault)" });
      }
      return body.isEnded();
    },
    /** Sends the headers of an event stream. `formFailure` forms its error events. */
    open(formFailure: FailureEvents = failure): void {
      failure = formFailure;
      body.head(200, { "content-type": "text/event-stream; charset=utf-8" });
      reached("headers");
      ping();
    },
    /** Sends an event of the stream, its empty line included. */
    send(type: string, event: string, chars?: number): void {
      if (body.isEnded()) return;
      body.send(type, Buffer.from(event), chars);
      reached(`events:${++events}`);
      ping();
    },
    /** Ends the stream after `last` has sent its events. */
    finish(last: () => void): void {
      if (body.isEnded() || reached("done")) return;
      last();
      body.end();
      cancelPing();
    },
    /** Runs `task` at a time, unless the exchange is over first. */
    at: timers.at,
    /** Runs `task` when the exchange is over, however it ended. */
    onOver(task: () => void): void {
      if (isOver) task();
      else onOver.push(task);
    },
  };
}

/**
 * Creates the timers of a response. What a task writes leaves when it ends: node:http keeps it until the next tick, and
 * that comes after all tasks of the clock that are due, of other responses too.
 */
function createResponseTimers({ response, clock }: RequestParts): Timers {
  const timers = createTimers(clock);
  return {
    ...timers,
    at: (atMs, task) =>
      timers.at(atMs, () => {
        task();
        response.socket?.uncork();
      }),
  };
}

/** Strikes a fault of an answer after its start. */
function strikeFault(
  fault: Fault,
  { clock, random }: RequestParts,
  body: AnswerBody,
  failure: FailureEvents,
): void {
  const send = (type: string, text: string) =>
    body.send(type, Buffer.from(text));
  const sendNoise = (json: string) =>
    send("noise", `: noise\nevent: reference.noise\ndata: ${json}\n\n`);
  switch (fault.do) {
    case "error":
      for (
        const { type, text } of failure(fault.code || "500", fault.message)
      ) {
        send(type, text);
      }
      return body.end();
    case "frame":
      return send("(fault)", `data: ${fault.text}\n\n`);
    case "noise":
      for (let n = 0; n < fault.count; n++) sendNoise(noiseJson(n));
      return;
    case "big":
      return sendNoise(noiseJson(0, fault.bytes));
    case "garbage":
      return body.raw("(garbage)", garbage(fault.bytes, random("garbage")));
    case "duplicate":
      return body.raw("(again)", body.last());
    case "half":
      body.raw("(half)", body.last().subarray(0, body.last().length >> 1));
      return body.end();
    case "stall":
      return body.hold(clock.now() + (fault.ms ?? Infinity));
    case "cut":
      return body.end();
    case "drop":
      return body.drop();
  }
}

/** The answer of a fault at `accept`; undefined if it has none. */
function answerAtAccept(
  fault: Fault,
  dialect: Options["dialect"],
): AnswerHead & { readonly body: string } | undefined {
  switch (fault.do) {
    case "status":
      return fault;
    case "error": {
      const refusal = failureOf(fault.code || "500", fault.message);
      const { status } = refusal;
      return { status, body: refusalJson(refusal, dialect) };
    }
    case "frame":
      return { body: fault.text };
  }
  return undefined;
}
