import { Abort } from "../lib/abort.ts";
import { JoinedText } from "../lib/text.ts";
import type { Clock } from "./clock.ts";
import type { LoopWatch } from "./client_monitor.ts";
import type { Call } from "./contract.ts";
import type { RequestError } from "./errors.ts";
import { deltaBytes, type MemoryBudget, type MemoryShare } from "./memory.ts";
import { isToken } from "./metrics/table.ts";
import { ReadWaits } from "./read_waits.ts";
import type {
  AudioSent,
  ClientShare,
  Delta,
  Instant,
  Sample,
} from "./sample.ts";

/** When anything was last sent, received or recorded by any request of a stage. */
export interface Activity {
  atMs: number;
}

/** A record while it is written. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Records one request for its sample. Once closed it records nothing: a backend that was given up cannot change its
 * sample. It aborts the request when its response takes too much memory.
 *
 * The members of {@linkcode Call} are closures, as a backend may take them out of the object.
 */
export class CallRecorder implements Call {
  /** Aborts this request alone, or with the stage. */
  readonly abort: Abort;
  readonly clock: Clock;
  readonly marks: Mutable<Sample["marks"]> = {};
  readonly reads: Mutable<Sample["reads"]> = { count: 0, bytes: 0 };
  readonly chunks: AudioSent[] = [];
  /** Number of times that the backend sent the request again. */
  retries = 0;
  /** When the response had ended, if the backend recorded it. */
  endedMs: number | undefined;
  /** Set if the request was given up as its memory was used up. */
  tooLarge: RequestError | undefined;
  readonly #output = new OutputLog();
  readonly #share: MemoryShare;
  readonly #watch: LoopWatch | undefined;
  readonly #activity: Activity;
  /** When the request was sent again: what came before is not this client's doing. */
  #retriedMs: number | undefined;
  /** Time that sending waited for others. */
  #sendWaitedMs = 0;
  readonly #waits: ReadWaits;
  #endWaitMs: number | undefined;
  #bufferedBytes = 0;
  #isOpen = true;

  constructor(
    clock: Clock,
    stage: AbortSignal,
    memory: MemoryBudget,
    { watch, activity = { atMs: 0 } }: {
      watch?: LoopWatch | undefined;
      activity?: Activity | undefined;
    } = {},
  ) {
    this.clock = clock;
    this.#watch = watch;
    this.#activity = activity;
    const createdMs = clock.now();
    this.#waits = new ReadWaits(clock, watch, () => {
      const { requestSent, streamStart } = this.marks;
      return requestSent ?? streamStart ?? this.#retriedMs ?? createdMs;
    });
    this.abort = new Abort(stage);
    this.#share = memory.open((error) => {
      this.tooLarge = error;
      this.#isOpen = false;
      this.abort.abort(error);
    });
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  readonly throwIfAborted: Call["throwIfAborted"] = () =>
    this.abort.throwIfAborted();

  readonly onAbort: Call["onAbort"] = (task) => this.abort.onAbort(task);

  readonly read: Call["read"] = (bytes, readMs, sinceMs) => {
    const atMs = readMs ?? this.clock.now();
    if (this.#isOpen) {
      this.#waits.read(bytes, atMs, sinceMs);
      this.reads.count++;
      this.reads.bytes += bytes;
      this.#activity.atMs = atMs;
    }
    return atMs;
  };

  readonly arrived: Call["arrived"] = (atMs, errorMs, sinceMs = -Infinity) =>
    this.#waits.arrived(atMs, errorMs, sinceMs);

  readonly waitingSince: Call["waitingSince"] = () => {
    const nowMs = this.clock.now();
    return nowMs - (this.#watch?.waitedMs(nowMs) ?? 0);
  };

  readonly event: Call["event"] = (atMs) => {
    if (!this.#isOpen) return;
    this.#waits.event(atMs);
    this.reads.events = (this.reads.events ?? 0) + 1;
    this.marks.firstEvent ??= atMs;
  };

  readonly output: Call["output"] = (atMs, delta) => {
    if (!this.#isOpen) return;
    this.#waits.output(atMs, isToken(delta));
    this.#output.add(atMs, delta);
    this.#activity.atMs = atMs;
    this.#share.add(deltaBytes(delta));
  };

  readonly buffered: Call["buffered"] = (bytes) => {
    if (!this.#isOpen) return;
    const more = bytes - this.#bufferedBytes;
    this.#bufferedBytes = bytes;
    this.#share.add(more);
  };

  readonly mark: Call["mark"] = (instant, atMs = this.clock.now()) => {
    if (!this.#isOpen) return;
    this.marks[instant] = atMs;
    this.#activity.atMs = Math.max(this.#activity.atMs, atMs);
    if (instant === "final") this.#endWaitMs = this.#waits.waitedMs(atMs);
  };

  readonly retried: Call["retried"] = () => {
    if (!this.#isOpen) return;
    this.retries++;
    this.#retriedMs = this.clock.now();
    this.#sendWaitedMs = 0;
    for (const instant of Object.keys(this.marks) as Instant[]) {
      delete this.marks[instant];
    }
  };

  readonly ended: Call["ended"] = (atMs) => {
    if (!this.#isOpen) return;
    this.endedMs = atMs;
    this.#endWaitMs ??= this.#waits.waitedMs(atMs);
  };

  readonly sendWaited: Call["sendWaited"] = (fromMs, untilMs) => {
    const ms = untilMs - fromMs;
    this.#activity.atMs = untilMs;
    this.#sendWaitedMs += ms -
      Math.min(ms, this.#watch?.waitedMs(untilMs) ?? 0);
  };

  readonly audioSent: Call["audioSent"] = (chunk) => {
    if (!this.#isOpen) return;
    this.chunks.push(chunk);
    this.#activity.atMs = chunk.atMs;
  };

  /** The recorded output. */
  deltas(): Sample["deltas"] {
    return this.#output.deltas();
  }

  /** How much of its times this client can have made itself, and what it needed after the end. */
  share(
    { dispatchedMs, endedMs, doneMs }: {
      dispatchedMs: number;
      endedMs: number;
      doneMs: number;
    },
  ): ClientShare | undefined {
    const endMs = this.#endWaitMs ?? this.#waits.waitedMs(endedMs);
    // Nothing watches this client.
    if (endMs === undefined) return undefined;
    const { requestSent } = this.marks;
    const startMs = this.#retriedMs ?? dispatchedMs;
    const share: Mutable<ClientShare> = { endMs };
    if (requestSent !== undefined) {
      // A server may answer before all of a request was sent.
      const sentMs = Math.min(requestSent, endedMs);
      share.sendingMs = Math.max(0, sentMs - startMs - this.#sendWaitedMs);
    }
    const { firstTokenMs } = this.#waits;
    if (firstTokenMs !== undefined) share.firstTokenMs = firstTokenMs;
    if (endedMs === this.endedMs) share.turnaroundMs = doneMs - endedMs;
    if (this.#waits.hasArrived(endedMs)) share.isTimedBySystem = true;
    return share;
  }

  /** Stops recording and gives the memory back. */
  close(): void {
    this.#isOpen = false;
    this.#share.close();
    this.abort.unlink();
  }
}

/**
 * Output in the order of its arrival. While a request is in flight, plain deltas are kept as times, lengths and one
 * text, as thousands of streams may hold thousands of deltas each.
 */
class OutputLog {
  readonly #times: number[] = [];
  /** The length of a plain delta, or another delta as it is. */
  readonly #deltas: (number | Delta)[] = [];
  readonly #plain = new JoinedText();

  add(atMs: number, delta: Delta): void {
    this.#times.push(atMs);
    if (isPlain(delta)) {
      this.#deltas.push(delta.text.length);
      this.#plain.add(delta.text);
    } else this.#deltas.push({ ...delta });
  }

  deltas(): Sample["deltas"] {
    const text = this.#plain.toString();
    let at = 0;
    return this.#deltas.map((delta, i) => {
      const atMs = this.#times[i]!;
      if (typeof delta !== "number") return { atMs, ...delta };
      return { atMs, kind: "text", text: text.slice(at, at += delta) };
    });
  }
}

function isPlain(delta: Delta): delta is { kind: "text"; text: string } {
  return delta.kind === "text" && delta.text !== undefined &&
    delta.mode === undefined && delta.tokens === undefined &&
    delta.bytes === undefined && delta.choice === undefined;
}
