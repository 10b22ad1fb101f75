import { type Clock, RequestError } from "../../plugins/mod.ts";
import type { HttpOptions } from "./http.ts";

/** The timeouts among the options. */
export type LimitOptions = Pick<
  HttpOptions,
  | "connectTimeoutMs"
  | "headersTimeoutMs"
  | "receiveTimeoutMs"
  | "requestTimeoutMs"
>;

/** Timeouts of one request: of its connection, the response's headers, each silence after them, and the whole. */
export interface Limits {
  /** A connection is being opened. */
  connecting(): void;
  /** The connection is open. */
  connected(): void;
  /** The request has been sent. */
  sent(): void;
  /** The response has begun. */
  receiving(): void;
  /** The request is over. */
  stop(): void;
}

/** The request that {@linkcode Limits} apply to. */
export interface LimitedRequest {
  /** Returns the time of the last read, or of the response's headers. */
  lastMs(): number;
  /** Called when a timeout has passed. */
  expired(failure: RequestError): void;
}

/** Starts the timeouts, by the run's clock: undici's own timers are up to a second late. */
export function limitsOf(
  options: LimitOptions,
  clock: Clock,
  { lastMs, expired }: LimitedRequest,
): Limits {
  let cancel: (() => void) | undefined;
  const fail = (limit: Limit, ms: number) => expired(timeout(limit, ms));
  const set = (limit: Limit, ms: number | undefined) => {
    cancel?.();
    cancel = ms === undefined
      ? undefined
      : clock.at(clock.now() + ms, () => fail(limit, ms));
  };
  /** Uses one timer for any number of reads: when it fires, it checks the time of the last one. */
  const watchSilence = (sinceMs: number, ms: number) => {
    cancel = clock.at(sinceMs + ms, () => {
      if (lastMs() > sinceMs) watchSilence(lastMs(), ms);
      else fail("receive_timeout", ms);
    });
  };
  const { requestTimeoutMs: wholeMs } = options;
  const cancelWhole = wholeMs === undefined ? undefined : clock.at(
    clock.now() + wholeMs,
    () => fail("request_timeout", wholeMs),
  );
  return {
    connecting: () => set("connect_timeout", options.connectTimeoutMs),
    connected: () => cancel?.(),
    sent: () => set("headers_timeout", options.headersTimeoutMs),
    receiving() {
      cancel?.();
      const { receiveTimeoutMs } = options;
      if (receiveTimeoutMs) watchSilence(lastMs(), receiveTimeoutMs);
    },
    stop() {
      cancel?.();
      cancelWhole?.();
    },
  };
}

type Limit = keyof typeof MESSAGES;

const MESSAGES = {
  connect_timeout: "The connection did not open",
  headers_timeout: "The server did not begin to answer",
  receive_timeout: "The server stopped sending",
  request_timeout: "The request did not finish",
};

function timeout(limit: Limit, ms: number): RequestError {
  return new RequestError(limit, `${MESSAGES[limit]}: waited ${ms} ms`);
}
