import type { Clock, RequestError } from "../../plugins/mod.ts";
import { type Timeout, timeoutError } from "../connect/failures.ts";
import type { Timeouts } from "./http.ts";

/** The request that {@linkcode Limits} apply to. */
export interface LimitedRequest {
  /** Returns the time of the last read, or of the response's headers. */
  lastMs(): number;
  /** Called when a timeout has passed. */
  expired(failure: RequestError): void;
}

/**
 * Timeouts of one request: of its connection, the response's headers, each silence after them, and the whole. They
 * follow the run's clock: undici's own timers are up to a second late.
 */
export class Limits {
  readonly #options: Timeouts;
  readonly #clock: Clock;
  readonly #request: LimitedRequest;
  readonly #stopWhole: (() => void) | undefined;
  #stopStage: (() => void) | undefined;

  /** Starts the timeout of the whole request. */
  constructor(options: Timeouts, clock: Clock, request: LimitedRequest) {
    this.#options = options;
    this.#clock = clock;
    this.#request = request;
    this.#stopWhole = this.#after("request_timeout", options.requestTimeoutMs);
  }

  /** A connection is being opened. */
  connecting(): void {
    this.#limit("connect_timeout", this.#options.connectTimeoutMs);
  }

  /** The connection is open. */
  connected(): void {
    this.#stopStage?.();
  }

  /** The request has been sent. */
  sent(): void {
    this.#limit("headers_timeout", this.#options.headersTimeoutMs);
  }

  /** The response has begun. */
  receiving(): void {
    const { receiveTimeoutMs } = this.#options;
    this.#stopStage?.();
    if (receiveTimeoutMs) {
      this.#watchSilence(this.#request.lastMs(), receiveTimeoutMs);
    }
  }

  /** The request is over. */
  stop(): void {
    this.#stopStage?.();
    this.#stopWhole?.();
  }

  /** Starts the timeout of the next stage, in place of the one before. */
  #limit(timeout: Timeout, ms: number | undefined): void {
    this.#stopStage?.();
    this.#stopStage = this.#after(timeout, ms);
  }

  #after(timeout: Timeout, ms: number | undefined): (() => void) | undefined {
    if (ms === undefined) return undefined;
    return this.#clock.at(
      this.#clock.now() + ms,
      () => this.#request.expired(timeoutError(timeout, ms)),
    );
  }

  /** Uses one timer for any number of reads: when it fires, it checks the time of the last one. */
  #watchSilence(sinceMs: number, ms: number): void {
    this.#stopStage = this.#clock.at(sinceMs + ms, () => {
      const lastMs = this.#request.lastMs();
      if (lastMs > sinceMs) this.#watchSilence(lastMs, ms);
      else this.#request.expired(timeoutError("receive_timeout", ms));
    });
  }
}
