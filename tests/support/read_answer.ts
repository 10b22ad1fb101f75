import { createParser } from "eventsource-parser";
import type { Delta, Output } from "../../plugins/mod.ts";
import type { AnswerReader } from "../../backends/openai/backend.ts";

/** The parsed answer. */
export interface Reading {
  /** Each delta of output; its time is the index of its network read. */
  readonly deltas: readonly ({ readonly atMs: number } & Delta)[];
  /** Whether an event was marked as the last. */
  readonly isOver: boolean;
  /** Returns the result; throws the error of the reader. */
  output(): Output;
}

/** Passes a stream to a reader, one network read at a time, as the transport does. */
export function readStream(
  readerOf: (call: Recording) => AnswerReader,
  reads: readonly string[],
): Reading {
  const { call, deltas } = recording();
  const reader = readerOf(call);
  let atMs = 0, isOver = false, failure: unknown;
  const parser = createParser({
    onEvent({ event: type, data }) {
      if (isOver || failure) return;
      try {
        isOver = reader.event({ type, data }, atMs);
      } catch (error) {
        failure = error;
      }
    },
  });
  for (const read of reads) {
    parser.feed(read);
    atMs++;
  }
  return {
    deltas,
    isOver,
    output() {
      if (failure) throw failure;
      return reader.result();
    },
  };
}

/** Passes a whole answer to a reader. */
export function readWhole(
  readerOf: (call: Recording) => AnswerReader,
  body: string,
): Reading {
  const { call, deltas } = recording();
  const reader = readerOf(call);
  return {
    deltas,
    isOver: true,
    output() {
      reader.body(body, 0);
      return reader.result();
    },
  };
}

/** Server-sent events, each followed by a blank line. */
export function sse(...events: readonly unknown[]): string {
  return events.map((event) =>
    `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`
  ).join("");
}

interface Recording {
  output(atMs: number, delta: Delta): void;
}

function recording() {
  const deltas: ({ readonly atMs: number } & Delta)[] = [];
  const call: Recording = {
    output: (atMs, delta) => void deltas.push({ atMs, ...delta }),
  };
  return { call, deltas };
}
