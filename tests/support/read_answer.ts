import { createParser } from "eventsource-parser";
import type { Delta, Output } from "../../plugins/mod.ts";
import type { AnswerReader } from "../../backends/openai/protocol.ts";

/** What a reader made of an answer. */
export interface Reading {
  /** Each piece of output, with the index of the network read that brought it for a time. */
  readonly deltas: readonly ({ readonly atMs: number } & Delta)[];
  /** Whether an event said that it was the last. */
  readonly isOver: boolean;
  /** What it came to; throws what the reader threw. */
  output(): Output;
}

/** Gives a reader a stream, network read by network read, as the transport does. */
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

/** Gives a reader a whole answer. */
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

/** Events on the wire, each with a line to spare behind it. */
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
