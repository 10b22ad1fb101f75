import type { Random } from "../lib/random.ts";
import type { Outcome } from "./sample.ts";

/** First pause of a refused stream, in milliseconds. Each further refusal doubles the pause. */
const PAUSE_MS = 100;
/** Longest pause after a connection that could not be opened. */
const MAX_CONNECT_PAUSE_MS = 1000;
/** Longest pause after a server asked for fewer requests, if it does not name one itself. */
const MAX_THROTTLED_PAUSE_MS = 30_000;

/**
 * Whether the server asked for fewer requests: it answered 429 (Too Many Requests) or 503 (Service Unavailable), to a
 * request or to the upgrade of a connection.
 */
export function isThrottled(outcome: Outcome): boolean {
  return outcome.status === "error" &&
    (outcome.failure.class === "http_error" || isUnreached(outcome)) &&
    (outcome.failure.code === "429" || outcome.failure.code === "503");
}

/**
 * The pauses of one stream of a closed loop. Without them a server that refuses at once would be asked thousands of
 * times a second, which no client does.
 */
export class Backoff {
  readonly #random: Random;
  #pauseMs = 0;

  /** @param random Spreads the pauses after 429 and 503 without `Retry-After`, so that streams do not return together. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Returns the pause after a request with this outcome: 0 unless it was refused. */
  pauseAfter(outcome: Outcome): number {
    const throttled = isThrottled(outcome);
    if (outcome.status === "ok" || !(throttled || isUnreached(outcome))) {
      this.#pauseMs = 0;
      return 0;
    }
    const maxMs = throttled ? MAX_THROTTLED_PAUSE_MS : MAX_CONNECT_PAUSE_MS;
    this.#pauseMs = Math.min(2 * this.#pauseMs || PAUSE_MS, maxMs);
    const { retryAfterMs } = outcome.failure;
    // A time of 0 would be no pause at all.
    if (retryAfterMs) return retryAfterMs;
    return throttled
      ? this.#pauseMs * (0.5 + 0.5 * this.#random())
      : this.#pauseMs;
  }
}

/** Whether no connection could be opened. */
function isUnreached({ status, failure }: Exclude<Outcome, { status: "ok" }>) {
  return status === "error" && failure.class === "connect_error";
}
