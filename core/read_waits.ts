import type { LoopWatch } from "./client_monitor.ts";
import type { Clock } from "./clock.ts";

/**
 * Events that a server can send without being held up by this client. It may send ten packets before the first one is
 * acknowledged (RFC 6928), which may not happen before they are read.
 */
const UNREAD_EVENTS = 8;

/** The same of bytes: half of the window that Linux offers first. */
const UNREAD_BYTES = 32 * 1024;

/** Bounds how long what a request reads can have waited for this client. */
export class ReadWaits {
  readonly #clock: Clock;
  readonly #watch: LoopWatch | undefined;
  readonly #sentMs: () => number;
  /** Time of the last read, and how long it can have waited, as known then. */
  #readMs = -Infinity;
  #readWaitedMs: number | undefined;
  /** Time of the last arrival that the system reported, its error, and when nothing of it had come. */
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
  #firstTokenMs = -Infinity;
  /** How long the first token can have waited, and how long if more came with it. */
  #firstWaitedMs: number | undefined;
  #firstFollowedMs = 0;

  /** @param sentMs Returns when the request was sent, or could be: nothing of its response comes before. */
  constructor(
    clock: Clock,
    watch: LoopWatch | undefined,
    sentMs: () => number,
  ) {
    this.#clock = clock;
    this.#watch = watch;
    this.#sentMs = sentMs;
  }

  /** How long the first token can have waited; `undefined` without one, or where nothing watches this client. */
  get firstTokenMs(): number | undefined {
    return this.#firstWaitedMs;
  }

  /** Takes note of a read: see {@linkcode Call.read}. */
  read(bytes: number, atMs: number, sinceMs: number | undefined): void {
    this.#count(atMs);
    if (bytes >= UNREAD_BYTES) this.#isHeldUp = true;
    if (this.#isHeldUp) this.#holdUp(atMs, sinceMs);
    this.#readMs = atMs;
    this.#readWaitedMs = sinceMs === undefined
      ? this.#watch?.waitedMs(atMs)
      : atMs - sinceMs;
  }

  /** Takes note of a time of the system: see {@linkcode Call.arrived}. */
  arrived(atMs: number, errorMs: number, sinceMs: number): void {
    this.#arrivedMs = atMs;
    this.#arrivedErrorMs = errorMs;
    this.#arrivedSinceMs = sinceMs;
  }

  /** Whether the system reported this time last. */
  hasArrived(atMs: number): boolean {
    return atMs === this.#arrivedMs;
  }

  /** Takes note of an event. */
  event(atMs: number): void {
    this.#count(atMs);
    this.#follows(atMs);
  }

  /** Takes note of output. */
  output(atMs: number, isToken: boolean): void {
    if (this.#firstTokenMs > -Infinity) this.#follows(atMs);
    else if (isToken) this.#begin(atMs);
  }

  /**
   * How long the last of what was read at `atMs` can have waited here; what was read with it before may have waited
   * longer. `undefined` where nothing watches this client.
   */
  waitedMs(atMs: number): number | undefined {
    if (!this.#watch) return undefined;
    if (this.#isHeldUp) {
      const laterMs = Math.max(0, this.#heldUpUntilMs - atMs);
      return this.#sinceSentMs(atMs, this.#heldUpMs - laterMs);
    }
    if (this.hasArrived(atMs)) return this.#arrivedErrorMs;
    const readMs = atMs === this.#readMs ? this.#readWaitedMs : undefined;
    return this.#sinceSentMs(atMs, readMs ?? atMs - this.#busySinceMs(atMs));
  }

  #begin(atMs: number): void {
    const waitedMs = this.waitedMs(atMs) ?? 0;
    const sinceMs = this.hasArrived(atMs) ? this.#arrivedSinceMs : -Infinity;
    const followedMs = atMs - Math.max(this.#busySinceMs(atMs), sinceMs);
    this.#firstTokenMs = atMs;
    this.#firstWaitedMs = this.#watch && waitedMs;
    this.#firstFollowedMs = Math.max(
      waitedMs,
      this.#sinceSentMs(atMs, followedMs),
    );
  }

  /** More was read at `atMs`. The time of a read is that of its last bytes, so what came before may be older. */
  #follows(atMs: number): void {
    if (atMs !== this.#firstTokenMs || !this.#watch) return;
    this.#firstWaitedMs = this.#firstFollowedMs;
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
    const nowMs = this.#clock.now();
    const fromMs = Math.max(
      this.#busySinceMs(atMs),
      this.hasArrived(atMs) ? this.#arrivedSinceMs : sinceMs,
      this.#heldUpUntilMs,
    );
    this.#heldUpMs += Math.max(0, nowMs - fromMs);
    this.#heldUpUntilMs = nowMs;
  }

  /** Since when the thread was busy: a pause after `atMs` does not show when the bytes of that time came. */
  #busySinceMs(atMs: number): number {
    const loopMs = this.#watch?.waitedMs(atMs) ?? 0;
    return loopMs < 0 ? -Infinity : atMs - loopMs;
  }

  /** Limits a wait before `atMs` to the time since the request was sent. */
  #sinceSentMs(atMs: number, waitedMs: number): number {
    return Math.max(0, Math.min(waitedMs, atMs - this.#sentMs()));
  }
}
