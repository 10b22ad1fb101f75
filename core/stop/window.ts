import type { Clock } from "../clock.ts";
import type { StopRules } from "../config.ts";
import type { Window } from "../report.ts";
import type { Phase } from "../sample.ts";
import { type Shard, shareOf } from "../shard.ts";
import { cooldownOf, type PartLength, warmupOf } from "./stop_rules.ts";

/** Longest cool-down that waits for the requests of the window, unless the drain has a limit of its own. */
const MAX_COOLDOWN_MS = 30_000;

/** Functions that a {@linkcode StageWindow} calls. */
export interface WindowEvents {
  /** Measuring begins. Returns when, as a window that had no fixed beginning may begin a little later. */
  begin(atMs: number): number;
  /** Measuring ends, and load may go on. Not called for a window that ends with its last request. */
  end(atMs: number): void;
  /** No more load is wanted. */
  over(reason: "duration" | "requests"): void;
  /** Only requests of the cool-down are in flight, which is over. */
  rest(): void;
}

/** Divides a stage into warm-up, measured window and cool-down: decides which of them each request belongs to. */
export class StageWindow {
  /** When the stage began. */
  readonly stageStartMs: number;
  /** Warm-up and window together, as far as they are given by time. */
  readonly plannedMs: number;
  /** Number of requests to start in the window, if one was set. */
  readonly maxRequests: number | undefined;
  readonly #clock: Clock;
  readonly #events: WindowEvents;
  readonly #warmup: PartLength;
  readonly #cooldown: PartLength | undefined;
  readonly #durationMs: number;
  readonly #maxCooldownMs: number;
  readonly #started = { warmup: 0, measure: 0, cooldown: 0 };
  readonly #inFlight = { warmup: 0, measure: 0, cooldown: 0 };
  readonly #cancelTimers: (() => void)[] = [];
  #startMs = Infinity;
  #begun: Window["warmupEnd"] | "time";
  #endMs = Infinity;
  #ended: "duration" | "requests" | "rule" | undefined;
  /** When the cool-down ends; `Infinity` until that is known. */
  #overMs = Infinity;
  #overAtMs: number | undefined;

  constructor(
    { clock, stop, shard, events }: {
      clock: Clock;
      stop: StopRules;
      shard: Shard;
      events: WindowEvents;
    },
  ) {
    this.#clock = clock;
    this.#events = events;
    this.#warmup = shareOfPart(warmupOf(stop), shard);
    const cooldown = cooldownOf(stop);
    this.#cooldown = cooldown && shareOfPart(cooldown, shard);
    this.#durationMs = stop.durationMs ?? Infinity;
    this.#maxCooldownMs = stop.drainMs ?? MAX_COOLDOWN_MS;
    this.maxRequests = stop.requests && shareOf(stop.requests, shard);
    this.stageStartMs = clock.now();
    const { ms, isAuto = false } = this.#warmup;
    this.plannedMs = (isAuto ? 0 : ms ?? 0) + this.#durationMs;
    if (ms === undefined) return;
    const beginMs = this.stageStartMs + ms;
    if (isAuto) {
      this.#at(beginMs, () => this.#beginNow("limit"));
      return;
    }
    this.#startMs = beginMs;
    this.#endMs = beginMs + this.#durationMs;
    this.#at(beginMs, () => this.#begin("time"));
    this.#setEndTimer();
  }

  /** When measuring begins; `Infinity` until that is known. */
  get startMs(): number {
    return this.#startMs;
  }

  /** When measuring ends; `Infinity` until that is known. */
  get endMs(): number {
    return this.#endMs;
  }

  /** Whether no request of the window belongs to this shard. */
  get isEmpty(): boolean {
    return this.maxRequests === 0;
  }

  /** Whether measuring waits for a steady load. */
  get awaitsSteady(): boolean {
    return this.#warmup.isAuto === true && this.#begun === undefined;
  }

  /** Begins measuring, as the load is steady. */
  steady(): void {
    if (this.awaitsSteady) this.#beginNow("steady");
  }

  /** Counts a request that starts and returns its phase; `undefined` if it must not start. */
  admit(scheduledMs: number): Phase | undefined {
    const { requests } = this.#warmup;
    if (
      requests !== undefined && this.#begun === undefined &&
      this.#started.warmup >= requests
    ) this.#beginNow("requests");
    const phase = this.phaseAt(scheduledMs);
    if (phase === "cooldown") {
      this.#endBefore(scheduledMs);
      if (!this.#admitsCooldown(scheduledMs)) return undefined;
    }
    this.#started[phase]++;
    this.#inFlight[phase]++;
    if (phase === "measure" && this.#started.measure === this.maxRequests) {
      this.#end("requests");
    } else if (
      phase === "cooldown" &&
      this.#started.cooldown === this.#cooldown?.requests
    ) this.#over();
    return phase;
  }

  /** Counts a request that has ended. */
  ended(phase: Phase): void {
    this.#inFlight[phase]--;
    this.#checkInFlight();
  }

  /** The part of the stage that a time belongs to. */
  phaseAt(atMs: number): Phase {
    const isFixed = this.#warmup.requests === undefined && !this.#warmup.isAuto;
    const isBegun = isFixed ? atMs >= this.#startMs : this.#begun !== undefined;
    if (!isBegun) return "warmup";
    const isEnded = this.#ended !== undefined && this.#ended !== "duration";
    return isEnded || atMs >= this.#endMs ? "cooldown" : "measure";
  }

  /** Ends measuring by a rule that ends the stage. */
  close(atMs: number): void {
    if (this.#ended !== undefined) return;
    this.#ended = "rule";
    // In the warm-up: nothing was measured.
    if (this.#begun === undefined) {
      this.#startMs = Math.min(this.#startMs, atMs);
    }
    this.#endMs = Math.min(this.#endMs, Math.max(this.#startMs, atMs));
    this.#events.end(this.#endMs);
  }

  /** Time and requests that are left of the window. */
  remaining(atMs: number): { ms?: number; requests?: number } {
    const { measure } = this.#started;
    return {
      ...(this.#endMs < Infinity && { ms: Math.max(0, this.#endMs - atMs) }),
      ...(this.maxRequests !== undefined && {
        requests: Math.max(0, this.maxRequests - measure),
      }),
    };
  }

  /**
   * The window, when the stage has ended at `atMs`: if a number of requests or the data ended it without a cool-down,
   * the window ends with its last request.
   */
  result(
    { atMs, lastEndMs }: { atMs: number; lastEndMs: number | undefined },
  ): Window {
    if (this.#startMs === Infinity) this.#startMs = this.#events.begin(atMs);
    const isOpen = this.#ended === undefined ||
      (this.#ended === "requests" && !this.#cooldown);
    const endMs = isOpen ? lastEndMs ?? atMs : this.#endMs;
    const { stageStartMs } = this;
    const startMs = this.#startMs;
    const begun = this.#begun ?? "time";
    return {
      stageStartMs,
      startMs,
      endMs: Math.max(startMs, Math.min(endMs, this.#endMs)),
      warmupMs: this.#warmup.isAuto || this.#warmup.ms === undefined
        ? startMs - stageStartMs
        : Math.min(this.#warmup.ms, startMs - stageStartMs),
      ...(begun !== "time" && { warmupEnd: begun }),
      ...(this.#cooldown && this.#ended !== undefined &&
        this.#ended !== "rule" && {
        cooldownMs: (this.#overAtMs ?? atMs) - this.#endMs,
      }),
    };
  }

  /** Cancels the timers. */
  cancel(): void {
    for (const cancel of this.#cancelTimers) cancel();
  }

  #at(atMs: number, run: () => void): void {
    this.#cancelTimers.push(this.#clock.at(atMs, run));
  }

  #setEndTimer(): void {
    if (this.#endMs < Infinity) {
      this.#at(this.#endMs, () => this.#end("duration"));
    }
  }

  /** Begins a window whose beginning was not fixed. */
  #beginNow(how: Window["warmupEnd"]): void {
    if (this.#begun !== undefined || this.#ended !== undefined) return;
    this.#begin(how);
    this.#endMs = this.#startMs + this.#durationMs;
    this.#setEndTimer();
  }

  #begin(how: Window["warmupEnd"] | "time"): void {
    this.#begun = how;
    const beginMs = how === "time" ? this.#startMs : this.#clock.now();
    this.#startMs = this.#events.begin(beginMs);
  }

  #end(reason: "duration" | "requests"): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    if (reason === "requests" && !this.#cooldown) return this.#over();
    if (reason === "requests") {
      this.#endMs = Math.min(this.#endMs, this.#clock.now());
    }
    this.#events.end(this.#endMs);
    const { ms, requests, isAuto } = this.#cooldown ?? { ms: 0 };
    const lengthMs = isAuto ? this.#maxCooldownMs : ms;
    if (requests === 0 || lengthMs === 0) return this.#over();
    if (lengthMs === undefined) return;
    this.#overMs = this.#endMs + lengthMs;
    this.#at(this.#overMs, () => this.#over());
    this.#checkInFlight();
  }

  /**
   * Ends what was over before a request was due. A timer does the same later: until it fires, thousands of streams would
   * each prepare one session after another that must not start.
   */
  #endBefore(scheduledMs: number): void {
    this.#end("duration");
    if (scheduledMs >= this.#overMs) this.#over();
  }

  #over(): void {
    if (this.#overAtMs !== undefined) return;
    this.#overAtMs = this.#clock.now();
    const reason = this.#ended === "requests" ? "requests" : "duration";
    this.#events.over(reason);
    this.#checkInFlight();
  }

  /** Whether a request of the cool-down may start. */
  #admitsCooldown(scheduledMs: number): boolean {
    return this.#cooldown !== undefined && this.#ended !== "rule" &&
      this.#overAtMs === undefined && scheduledMs < this.#overMs;
  }

  #checkInFlight(): void {
    const { warmup, measure } = this.#inFlight;
    if (!this.#cooldown || this.#ended === undefined) return;
    if (warmup + measure > 0) return;
    if (this.#cooldown.isAuto) this.#over();
    if (this.#overAtMs !== undefined) this.#events.rest();
  }
}

/** The part of a length that a shard offers. */
function shareOfPart(length: PartLength, shard: Shard): PartLength {
  const { requests } = length;
  return requests === undefined
    ? length
    : { ...length, requests: shareOf(requests, shard) };
}
