import type { Clock, RequestError } from "../../plugins/mod.ts";
import { type Timeout, timeoutError } from "./failures.ts";

/** The request that {@linkcode Limits} apply to. */
export interface LimitedRequest {
  /** Returns the time when it last received something. */
  lastMs(): number;
  /** Called when a timeout has passed. */
  expired(failure: RequestError): void;
}

/**
 * Timeouts of one request: of the whole, of its stages one after another, and of each silence. They follow the run's
 * clock. `undefined` means no timeout.
 */
export class Limits {
  readonly #clock: Clock;
  readonly #request: LimitedRequest;
  #stopWhole: (() => void) | undefined;
  #stopStage: (() => void) | undefined;
  #stopSilence: (() => void) | undefined;

  constructor(clock: Clock, request: LimitedRequest) {
    this.#clock = clock;
    this.#request = request;
  }

  /** Starts the timeout of the whole request. */
  whole(ms: number | undefined): void {
    this.#stopWhole = this.#after("request_timeout", ms);
  }

  /** Starts the timeout of the next stage, in place of the one before. */
  stage(timeout: Timeout, ms: number | undefined): void {
    this.#stopStage?.();
    this.#stopStage = this.#after(timeout, ms);
  }

  /** Stops the timeout of the stage. */
  endStage(): void {
    this.#stopStage?.();
  }

  /**
   * Starts the timeout of each silence. Uses one timer for any number of reads: when it fires, it checks the time of the
   * last one.
   */
  silence(ms: number | undefined): void {
    if (ms === undefined) return;
    const sinceMs = this.#request.lastMs();
    this.#stopSilence = this.#clock.at(sinceMs + ms, () => {
      if (this.#request.lastMs() > sinceMs) this.silence(ms);
      else this.#request.expired(timeoutError("receive_timeout", ms));
    });
  }

  /** Stops all timeouts. */
  stop(): void {
    this.#stopWhole?.();
    this.#stopStage?.();
    this.#stopSilence?.();
  }

  #after(timeout: Timeout, ms: number | undefined): (() => void) | undefined {
    if (ms === undefined) return undefined;
    return this.#clock.at(
      this.#clock.now() + ms,
      () => this.#request.expired(timeoutError(timeout, ms)),
    );
  }
}
