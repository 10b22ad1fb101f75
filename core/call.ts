import { Abort } from "../lib/abort.ts";
import { JoinedText } from "../lib/text.ts";
import type { Clock } from "./clock.ts";
import type { LoopWatch } from "./client_monitor.ts";
import type { Call } from "./contract.ts";
import type { RequestError } from "./errors.ts";
import { deltaBytes, type MemoryBudget, type MemoryShare } from "./memory.ts";
import { isToken } from "./metrics/table.ts";
import type {
  AudioSent,
  ClientShare,
  Delta,
  Instant,
  Sample,
} from "./sample.ts";

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
  /** When the request was sent again: what came before is not this client's doing. */
  #retriedMs: number | undefined;
  /** Time that sending waited for others. */
  #sendWaitedMs = 0;
  /** Time of the last read, and how long it can have waited if it passed another queue. */
  #readMs = -Infinity;
  #readWaitedMs: number | undefined;
  /** Time of the last arrival that the system reported, and its error. */
  #arrivedMs = -Infinity;
  #arrivedErrorMs = 0;
  #arrivedSinceMs = -Infinity;
  /** Number of messages and events that came with the last of them, in one read. */
  #together = 0;
  #togetherMs = -Infinity;
  /** Whether the server may have waited until this client had read. */
  #isHeldUp = false;
  /** For how long, and until when that is known. */
  #heldUpMs = 0;
  #heldUpUntilMs = -Infinity;
  #firstToken: FirstToken | undefined;
  #endWaitMs: number | undefined;
  #bufferedBytes = 0;
  #isOpen = true;

  constructor(
    clock: Clock,
    stage: AbortSignal,
    memory: MemoryBudget,
    watch?: LoopWatch,
  ) {
    this.clock = clock;
    this.#watch = watch;
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
      this.#count(atMs);
      if (bytes >= UNREAD_BYTES) this.#isHeldUp = true;
      if (this.#isHeldUp) this.#holdUp(atMs, sinceMs);
      this.#readMs = atMs;
      this.#readWaitedMs = sinceMs === undefined ? undefined : atMs - sinceMs;
      this.reads.count++;
      this.reads.bytes += bytes;
    }
    return atMs;
  };

  readonly arrived: Call["arrived"] = (
    atMs,
    errorMs,
    sinceMs = -Infinity,
  ) => {
    this.#arrivedMs = atMs;
    this.#arrivedErrorMs = errorMs;
    this.#arrivedSinceMs = sinceMs;
  };

  readonly waitingSince: Call["waitingSince"] = () => {
    const nowMs = this.clock.now();
    return nowMs - (this.#watch?.waitedMs(nowMs) ?? 0);
  };

  readonly event: Call["event"] = (atMs) => {
    if (!this.#isOpen) return;
    this.#count(atMs);
    this.#follows(atMs);
    this.reads.events = (this.reads.events ?? 0) + 1;
    this.marks.firstEvent ??= atMs;
  };

  readonly output: Call["output"] = (atMs, delta) => {
    if (!this.#isOpen) return;
    if (this.#firstToken) this.#follows(atMs);
    else if (isToken(delta)) this.#firstToken = this.#firstTokenAt(atMs);
    this.#output.add(atMs, delta);
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
    if (instant === "final") this.#endWaitMs = this.#waitedMs(atMs);
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
    this.#endWaitMs ??= this.#waitedMs(atMs);
  };

  readonly sendWaited: Call["sendWaited"] = (fromMs, untilMs) => {
    const ms = untilMs - fromMs;
    this.#sendWaitedMs += ms -
      Math.min(ms, this.#watch?.waitedMs(untilMs) ?? 0);
  };

  readonly audioSent: Call["audioSent"] = (chunk) => {
    if (this.#isOpen) this.chunks.push(chunk);
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
    const endMs = this.#endWaitMs ?? this.#waitedMs(endedMs);
    // Nothing watches this client.
    if (endMs === undefined) return undefined;
    const { requestSent } = this.marks;
    const firstToken = this.#firstToken;
    const startMs = this.#retriedMs ?? dispatchedMs;
    const share: Mutable<ClientShare> = { endMs };
    if (requestSent !== undefined) {
      // A server may answer before all of a request was sent.
      const sentMs = Math.min(requestSent, endedMs);
      share.sendingMs = Math.max(0, sentMs - startMs - this.#sendWaitedMs);
    }
    if (firstToken?.waitedMs !== undefined) {
      share.firstTokenMs = firstToken.waitedMs;
    }
    if (endedMs === this.endedMs) share.turnaroundMs = doneMs - endedMs;
    if (endedMs === this.#arrivedMs) share.isTimedBySystem = true;
    return share;
  }

  #count(atMs: number): void {
    this.#together = atMs === this.#togetherMs ? this.#together + 1 : 1;
    this.#togetherMs = atMs;
    if (this.#isHeldUp || this.#together <= UNREAD_EVENTS) return;
    this.#isHeldUp = true;
    this.#holdUp(atMs);
  }

  /** Adds the time for which what was read at `atMs` may have filled the socket. */
  #holdUp(atMs: number, sinceMs = -Infinity): void {
    const nowMs = this.clock.now();
    const fromMs = Math.max(
      nowMs - (this.#watch?.waitedMs(nowMs) ?? 0),
      atMs === this.#arrivedMs ? this.#arrivedSinceMs : sinceMs,
      this.#heldUpUntilMs,
    );
    this.#heldUpMs += Math.max(0, nowMs - fromMs);
    this.#heldUpUntilMs = nowMs;
  }

  /** The first token, read at `atMs`. */
  #firstTokenAt(atMs: number): FirstToken {
    const waitedMs = this.#waitedMs(atMs);
    const loopMs = this.#sinceSentMs(atMs, this.#watch?.waitedMs(atMs));
    const sinceMs = atMs === this.#arrivedMs ? this.#arrivedSinceMs : -Infinity;
    const togetherMs = Math.min(loopMs, atMs - sinceMs);
    return { atMs, waitedMs, followedMs: Math.max(waitedMs ?? 0, togetherMs) };
  }

  /** More was read at `atMs`. The time of a read is that of its last bytes, so what came before may be older. */
  #follows(atMs: number): void {
    const first = this.#firstToken;
    if (first?.atMs !== atMs || first.waitedMs === undefined) return;
    first.waitedMs = first.followedMs;
  }

  /** How long what was read at `atMs` can have waited here; what was read with it before may have waited longer. */
  #waitedMs(atMs: number): number | undefined {
    const loopMs = this.#watch?.waitedMs(atMs);
    if (loopMs === undefined) return undefined;
    if (this.#isHeldUp) {
      const laterMs = Math.max(0, this.#heldUpUntilMs - atMs);
      return this.#sinceSentMs(atMs, this.#heldUpMs - laterMs);
    }
    if (atMs === this.#arrivedMs) return this.#arrivedErrorMs;
    const readMs = atMs === this.#readMs ? this.#readWaitedMs : undefined;
    return this.#sinceSentMs(atMs, readMs ?? loopMs);
  }

  /** Limits a wait before `atMs`: nothing comes before the request was sent. */
  #sinceSentMs(atMs: number, waitedMs = 0): number {
    const { requestSent, streamStart } = this.marks;
    const sentMs = requestSent ?? streamStart ?? -Infinity;
    return Math.max(0, Math.min(waitedMs, atMs - sentMs));
  }

  /** Stops recording and gives the memory back. */
  close(): void {
    this.#isOpen = false;
    this.#share.close();
    this.abort.unlink();
  }
}

/**
 * Events that a server can send without being held up by this client. It may send ten packets before the first one is
 * acknowledged (RFC 6928), which may not happen before they are read.
 */
const UNREAD_EVENTS = 8;

/** The same of bytes: half of the window that Linux offers first. */
const UNREAD_BYTES = 32 * 1024;

/** The read with the first token. */
interface FirstToken {
  readonly atMs: number;
  /** How long the token can have waited; `undefined` where nothing watches this client. */
  waitedMs: number | undefined;
  /** The same, if more came in the read. */
  readonly followedMs: number;
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
