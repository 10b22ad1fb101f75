import { type Clock, systemClock } from "../../core/clock.ts";
import type { Call } from "../../core/contract.ts";
import type { AudioSent, Delta, Instant, Output } from "../../core/sample.ts";
import { onAbort } from "../../lib/abort.ts";
import { must } from "./checks.ts";

/** The calls that a backend made for one request. */
export interface CallLog {
  readonly call: Call;
  readonly readsMs: number[];
  readonly outputs: { atMs: number; delta: Delta; readsBefore: number }[];
  readonly marks: { instant: Instant; atMs: number }[];
  readonly chunks: AudioSent[];
  /** Names of calls that were made after `end()`. */
  readonly afterEnd: string[];
  readonly startMs: number;
  endMs: number | undefined;
  /** Ends the request. */
  end(): void;
}

/** Returns the members of a call that depend on its signal. */
export function abortedBy(
  signal: AbortSignal,
): Pick<Call, "signal" | "throwIfAborted" | "onAbort"> {
  return {
    signal,
    throwIfAborted: () => signal.throwIfAborted(),
    onAbort: (task) => onAbort(signal, task),
  };
}

/** Returns a log whose call records everything. */
export function recordCalls(signal: AbortSignal): CallLog {
  const clock: Clock = systemClock();
  const note = (name: string) => {
    if (log.endMs !== undefined) log.afterEnd.push(name);
  };
  const log: CallLog = {
    readsMs: [],
    outputs: [],
    marks: [],
    chunks: [],
    afterEnd: [],
    startMs: clock.now(),
    endMs: undefined,
    end: () => void (log.endMs ??= clock.now()),
    call: {
      ...abortedBy(signal),
      clock,
      read(bytes, atMs = clock.now()) {
        note("read");
        must(bytes >= 0, "bytes of read() must be 0 or more", bytes);
        log.readsMs.push(atMs);
        return atMs;
      },
      event(atMs) {
        note("event");
        must(
          log.readsMs.includes(atMs),
          "atMs of event() must be a time that read() returned",
          atMs,
        );
      },
      output(atMs, delta) {
        note("output");
        log.outputs.push({ atMs, delta, readsBefore: log.readsMs.length });
      },
      buffered(bytes) {
        note("buffered");
        must(bytes >= 0, "bytes of buffered() must be 0 or more", bytes);
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
          "atMs of ended() must lie within the request",
          atMs,
        );
      },
      audioSent(chunk) {
        note("audioSent");
        log.chunks.push(chunk);
      },
    },
  };
  return log;
}

/** Asserts the shape of what `send()` resolves with. */
export function mustBeOutput(output: Output): void {
  const isObject = typeof output === "object" && output !== null;
  must(isObject, "send() must resolve with an object", output);
  const { text, usage = {}, finishReason } = output;
  mustBeText(text, "text");
  mustBeText(finishReason, "finishReason");
  const { countedBy: _, audioSeconds: __, ...counts } = usage;
  for (const [name, count] of Object.entries(counts)) {
    must(
      count === undefined || (Number.isInteger(count) && count >= 0),
      `usage.${name} must be a whole number from 0 on, or absent if unknown`,
      count,
    );
  }
}

/** Asserts that a value is a string, or absent. */
export function mustBeText(value: unknown, name: string): void {
  const isText = value === undefined || typeof value === "string";
  must(isText, `${name} must be a string`, value);
}

const KINDS: readonly string[] = [
  "text",
  "reasoning",
  "tool",
  "refusal",
  "audio",
];

/** Asserts that each output has the time of a read before it. */
export function mustBeStamped({ readsMs, outputs }: CallLog): void {
  for (const { atMs, delta, readsBefore } of outputs) {
    must(readsBefore > 0, "read() must be called before its output");
    must(
      readsMs.slice(0, readsBefore).includes(atMs),
      "atMs of output() must be a time that read() returned",
      atMs,
    );
    must(
      KINDS.includes(delta.kind),
      `kind of a delta must be one of ${KINDS.join(", ")}`,
      delta.kind,
    );
    mustBeText(delta.text, "text of a delta");
  }
}

/** Pairs of instants; the first must not be later than the second if both were marked. */
const ORDER: readonly [Instant, Instant][] = [
  ["connected", "ready"],
  ["connected", "requestSent"],
  ["requestSent", "headers"],
  ["ready", "streamStart"],
  ["streamStart", "endSent"],
];

/** Asserts that marks and chunks lie within the request, in order. */
export function mustBeInOrder(
  { marks, chunks, startMs, endMs = Infinity }: CallLog,
): void {
  const at = new Map(marks.map(({ instant, atMs }) => [instant, atMs]));
  const names = marks.map(({ instant }) => instant);
  must(at.size === marks.length, "instants must be marked once each", names);
  for (const { instant, atMs } of marks) {
    must(
      atMs >= startMs && atMs <= endMs,
      `${instant} must lie within the request`,
      atMs - startMs,
    );
  }
  for (const [earlier, later] of ORDER) {
    const [from, to] = [at.get(earlier), at.get(later)];
    must(
      from === undefined || to === undefined || from <= to,
      `${earlier} must not be later than ${later}`,
    );
  }
  let sentMs = startMs;
  let audioMs = 0;
  for (const chunk of chunks) {
    must(
      chunk.atMs >= sentMs && chunk.atMs <= endMs,
      "atMs of chunks must ascend within the request",
      chunk.atMs - startMs,
    );
    must(chunk.endMs > audioMs, "endMs of chunks must ascend", chunk.endMs);
    [sentMs, audioMs] = [chunk.atMs, chunk.endMs];
  }
}
