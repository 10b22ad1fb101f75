import { type Clock, RequestError } from "../../plugins/mod.ts";
import type { HttpOptions } from "./http.ts";

/** The limits on time that options set. */
export type LimitOptions = Pick<
  HttpOptions,
  | "connectTimeoutMs"
  | "headersTimeoutMs"
  | "receiveTimeoutMs"
  | "requestTimeoutMs"
>;

/** Watches one request: first its connection, then the response's headers, then silence; and all of it together. */
export interface Limits {
  /** A connection is being opened. */
  connecting(): void;
  /** It is open. */
  connected(): void;
  /** The request has been sent. */
  sent(): void;
  /** The response has begun. */
  receiving(): void;
  /** The request is over. */
  stop(): void;
}

/** Who is watched. */
export interface Watched {
  /** The time of its last read, or of the response's headers. */
  lastMs(): number;
  /** Too late. */
  expired(failure: RequestError): void;
}

/** Times a request by the run's clock: undici's own timers are a second off. */
export function limitsOf(
  options: LimitOptions,
  clock: Clock,
  { lastMs, expired }: Watched,
): Limits {
  let cancel: (() => void) | undefined;
  const fail = (limit: Limit, ms: number) => expired(late(limit, ms));
  const set = (limit: Limit, ms: number | undefined) => {
    cancel?.();
    cancel = ms === undefined
      ? undefined
      : clock.at(clock.now() + ms, () => fail(limit, ms));
  };
  /** One timer however many reads there are: when it fires it looks when the last one was. */
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

type Limit = keyof typeof WAITED;

const WAITED = {
  connect_timeout: "The connection did not open",
  headers_timeout: "The server did not begin to answer",
  receive_timeout: "The server fell silent",
  request_timeout: "The request was not done",
};

function late(limit: Limit, ms: number): RequestError {
  return new RequestError(limit, `${WAITED[limit]}: waited ${ms} ms`);
}
