import { Buffer } from "node:buffer";
import type { Fault } from "../faults.ts";
import type { HttpPoint } from "../http_faults.ts";
import { refusalJson } from "./refusal.ts";
import type { Body, ExchangeParts } from "./exchange_body.ts";
import {
  failureChunk,
  type FailureEvent,
  failureOf,
} from "../openai/failure.ts";

/** What goes wrong in one answer. */
export interface Faults {
  /** Tells that a point is reached; true if nothing of the answer comes behind it. */
  reached(point: HttpPoint): boolean;
  /** Sets how a stream tells of an error. */
  formFailures(form: (code: string, message: string) => FailureEvent[]): void;
}

/** The faults of one answer, done to its body. */
export function createFaults(
  { options, faults, clock, random }: ExchangeParts,
  body: Body,
): Faults {
  let failure = failureChunk(options);

  function act(fault: Fault): void {
    switch (fault.do) {
      case "error":
        for (const { type, text } of failure(fault.code, fault.message)) {
          body.send(type, Buffer.from(text));
        }
        return body.end();
      case "frame":
        return body.send("(fault)", Buffer.from(`data: ${fault.text}\n\n`));
      case "noise":
        return noise(fault.count, body);
      case "big":
        return body.send("(big)", paddingOf(fault.bytes));
      case "garbage":
        return body.raw("(garbage)", garbage(fault.bytes));
      case "duplicate":
        return body.repeat();
      case "half":
        return body.intercept((type, bytes) => {
          body.raw(`${type} (half)`, bytes.subarray(0, bytes.length >> 1));
          body.end();
          return true;
        });
      case "split":
        return splitNext();
      case "stall":
        return body.hold(
          fault.ms === undefined ? Infinity : clock.now() + fault.ms,
        );
      case "cut":
        return body.end();
      case "drop":
        return body.drop();
    }
  }

  /** Waits for an event with a character of several bytes. */
  function splitNext(): void {
    body.intercept((type, bytes) => {
      const inside = bytes.findIndex((byte) => (byte & 0xc0) === 0x80);
      if (inside < 0) {
        splitNext();
        return false;
      }
      body.raw(`${type} (split)`, bytes.subarray(0, inside));
      body.hold(clock.now() + SPLIT_MS);
      body.raw(`${type} (rest)`, bytes.subarray(inside));
      return true;
    });
  }

  function garbage(count: number): Uint8Array {
    const next = random("garbage");
    return Uint8Array.from({ length: count }, () => 128 + next() * 128);
  }

  for (const fault of faults) {
    const [, count] = /^bytes:(\d+)$/.exec(fault.at) ?? [];
    if (count) body.atBytes(Number(count), () => act(fault));
  }
  return {
    reached(point) {
      for (const fault of faults) {
        if (fault.at === point) act(fault);
      }
      return body.isEnded();
    },
    formFailures: (form) => void (failure = form),
  };
}

/** Between the halves of a character, so that they arrive apart. */
const SPLIT_MS = 20;

function noise(count: number, body: Body): void {
  for (let n = 0; n < count; n++) {
    const type = "reference.noise";
    const json = JSON.stringify({ type, object: type, choices: [], n });
    body.send(
      "noise",
      Buffer.from(`: noise\nevent: ${type}\ndata: ${json}\n\n`),
    );
  }
}

function paddingOf(bytes: number): Uint8Array {
  const type = "reference.padding";
  const head =
    `data: {"type":"${type}","object":"${type}","choices":[],"padding":"`;
  return Buffer.from(
    head + "x".repeat(Math.max(0, bytes - head.length - 4)) + '"}\n\n',
  );
}

/** What an exchange can do before its answer begins. */
interface Early {
  answer(
    body: string,
    head: {
      status: number;
      contentType?: string;
      headers?: Readonly<Record<string, string>>;
      type: string;
    },
  ): void;
  hold(untilMs: number): void;
  drop(): void;
}

/** Does what is set for the time before the answer; true if it took the answer's place. */
export function atAccept(
  { options, faults, clock }: ExchangeParts,
  { answer, hold, drop }: Early,
): boolean {
  let isAnswered = false;
  for (const fault of faults) {
    if (fault.at !== "accept" || isAnswered) continue;
    isAnswered = true;
    switch (fault.do) {
      case "drop":
        drop();
        break;
      case "stall":
        hold(fault.ms === undefined ? Infinity : clock.now() + fault.ms);
        isAnswered = false;
        break;
      case "refuse":
        answer(fault.body, { status: fault.status, type: "(fault)" });
        break;
      case "status": {
        const { "content-type": contentType, ...headers } = fault.headers;
        answer(fault.body, {
          status: fault.status,
          headers,
          type: "(fault)",
          ...(contentType !== undefined && { contentType }),
        });
        break;
      }
      case "redirect":
        answer("", {
          status: fault.status,
          headers: { location: fault.location },
          type: "(fault)",
        });
        break;
      case "error": {
        const refusal = failureOf(fault.code, fault.message);
        const json = refusalJson(refusal, options.dialect);
        answer(json, { status: refusal.status, type: "(fault)" });
        break;
      }
      case "frame":
        answer(fault.text, { status: 200, type: "(fault)" });
        break;
      case "html":
        answer(PAGE, {
          status: 200,
          contentType: "text/html",
          type: "(fault)",
        });
        break;
      default:
        isAnswered = false;
    }
  }
  return isAnswered;
}

const PAGE =
  "<!doctype html>\n<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>\n";
