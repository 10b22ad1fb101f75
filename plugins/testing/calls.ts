import { onAbort } from "../../lib/abort.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Call } from "../../core/contract.ts";
import type { AudioSent, Delta, Instant, Output } from "../../core/sample.ts";
import { must } from "./checks.ts";

/** What a backend recorded of one request. */
export interface Log {
  readonly call: Call;
  readonly readsMs: number[];
  readonly outputs: { atMs: number; delta: Delta; readsBefore: number }[];
  readonly marks: { instant: Instant; atMs: number }[];
  readonly chunks: AudioSent[];
  readonly afterEnd: string[];
  readonly startMs: number;
  endMs: number | undefined;
  ended(): void;
}

/** The members of a call that say when it is given up: when the signal aborts. */
export function abortedBy(
  signal: AbortSignal,
): Pick<Call, "signal" | "throwIfAborted" | "onAbort"> {
  return {
    signal,
    throwIfAborted: () => signal.throwIfAborted(),
    onAbort: (task) => onAbort(signal, task),
  };
}

/** A call that keeps everything, and what comes too late apart. */
export function recorder(signal: AbortSignal): Log {
  const clock: Clock = systemClock();
  const log: Log = {
    readsMs: [],
    outputs: [],
    marks: [],
    chunks: [],
    afterEnd: [],
    startMs: clock.now(),
    endMs: undefined,
    ended: () => void (log.endMs ??= clock.now()),
    call: {
      ...abortedBy(signal),
      clock,
      read(bytes, atMs = clock.now()) {
        note("read");
        must(
          bytes >= 0,
          "read() must be told how many bytes there were",
          bytes,
        );
        log.readsMs.push(atMs);
        return atMs;
      },
      event(atMs) {
        note("event");
        must(
          log.readsMs.includes(atMs),
          "event() must be given the time that read() returned",
          atMs,
        );
      },
      output(atMs, delta) {
        note("output");
        log.outputs.push({ atMs, delta, readsBefore: log.readsMs.length });
      },
      buffered(bytes) {
        note("buffered");
        must(
          bytes >= 0,
          "buffered() must be told how many bytes there are",
          bytes,
        );
      },
      mark(instant, atMs = clock.now()) {
        note(`mark ${instant}`);
        log.marks.push({ instant, atMs });
      },
      retried() {
        note("retried");
        log.marks.length = 0;
      },
      ended(atMs) {
        note("ended");
        must(
          atMs >= log.startMs && atMs <= clock.now(),
          "ended() must be given a time of this request",
          atMs,
        );
      },
      audioSent(chunk) {
        note("audioSent");
        log.chunks.push(chunk);
      },
    },
  };
  const note = (what: string) => {
    if (log.endMs !== undefined) log.afterEnd.push(what);
  };
  return log;
}

/** Holds that what completes an answer is of its shape. */
export function mustBeOutput(output: Output): void {
  must(
    typeof output === "object" && output !== null,
    "send() must resolve with an object",
    output,
  );
  const { text, usage = {}, finishReason } = output;
  must(
    text === undefined || typeof text === "string",
    "'text' must be a string",
    text,
  );
  must(
    finishReason === undefined || typeof finishReason === "string",
    "'finishReason' must be a string",
    finishReason,
  );
  const { countedBy: _, audioSeconds: __, ...counts } = usage;
  for (const [name, count] of Object.entries(counts)) {
    must(
      count === undefined || (Number.isInteger(count) && count >= 0),
      `'usage.${name}' must be a count, or left out where it is not known`,
      count,
    );
  }
}

const KINDS: readonly string[] = [
  "text",
  "reasoning",
  "tool",
  "refusal",
  "audio",
];

/** Holds that each output has the time of a read before it. */
export function mustBeStamped({ readsMs, outputs }: Log): void {
  for (const { atMs, delta, readsBefore } of outputs) {
    must(
      readsBefore > 0,
      "read() must be called before the output that it carried",
    );
    must(
      readsMs.slice(0, readsBefore).includes(atMs),
      "output() must be given the time that read() returned",
      atMs,
    );
    must(
      KINDS.includes(delta.kind),
      "A delta must be of a known kind",
      delta.kind,
    );
    must(
      delta.text === undefined || typeof delta.text === "string",
      "The text of a delta must be a string",
      delta.text,
    );
  }
}

/** Pairs of instants of which the first cannot be later, where both were marked. */
const ORDER: readonly [Instant, Instant][] = [
  ["connected", "ready"],
  ["connected", "requestSent"],
  ["requestSent", "headers"],
  ["ready", "streamStart"],
  ["streamStart", "endSent"],
];

/** Holds that marks and chunks lie within the request, in their order. */
export function mustBeInOrder(
  { marks, chunks, startMs, endMs = Infinity }: Log,
): void {
  const at = new Map(marks.map(({ instant, atMs }) => [instant, atMs]));
  must(
    at.size === marks.length,
    "Each instant must be marked once",
    marks.map(({ instant }) => instant),
  );
  for (const { instant, atMs } of marks) {
    must(
      atMs >= startMs && atMs <= endMs,
      `'${instant}' must lie within the request`,
      atMs - startMs,
    );
  }
  for (const [earlier, later] of ORDER) {
    const [from, to] = [at.get(earlier), at.get(later)];
    must(
      from === undefined || to === undefined || from <= to,
      `'${earlier}' must not be later than '${later}'`,
    );
  }
  let sentMs = startMs;
  let audioMs = 0;
  for (const chunk of chunks) {
    must(
      chunk.atMs >= sentMs && chunk.atMs <= endMs,
      "Chunks must be recorded in the order in which they are sent, within the request",
      chunk.atMs - startMs,
    );
    must(
      chunk.endMs > audioMs,
      "Each chunk must end later in the audio than the one before",
      chunk.endMs,
    );
    [sentMs, audioMs] = [chunk.atMs, chunk.endMs];
  }
}
