import { seconds } from "../../lib/units.ts";
import type { RunStopRules } from "../config.ts";
import type { Growth } from "./load_series.ts";
import type { StageReport, StopCause, StopReason } from "../report.ts";
import type { Sample } from "../sample.ts";
import { type Shard, shareOf } from "../shard.ts";

/** Requests that must have ended before the error rate is judged, and looked back on by default. */
const MIN_ENDED = 30;

/** A rule that has ended a stage or a run. */
export interface Stop {
  readonly reason: StopReason;
  /** Its numbers, if it has any. */
  readonly cause?: StopCause;
}

/**
 * Judges the rules on failures of a stage or of a run. It counts every request, those of the warm-up and the cool-down
 * included, except those that the end of the stage cut off. Of several shards each judges its part: counts are divided
 * among them, and rates hold for each.
 */
export class StopJudge {
  readonly #rules: RunStopRules;
  readonly #scope: StopCause["scope"];
  readonly #maxErrors: number;
  readonly #maxRequests: number;
  /** Whether each of the last requests failed; the oldest is overwritten. */
  readonly #recent: boolean[] = [];
  readonly #window: number;
  #recentErrors = 0;
  #started = 0;
  #ended = 0;
  #errors = 0;

  constructor(rules: RunStopRules, scope: StopCause["scope"], shard: Shard) {
    this.#rules = rules;
    this.#scope = scope;
    const { errors = Infinity, requests = Infinity } = rules;
    this.#maxErrors = Math.max(1, shareOf(errors, shard));
    this.#maxRequests = shareOf(requests, shard);
    this.#window = rules.recentErrorWindow ?? MIN_ENDED;
  }

  /** Counts a request that starts. Returns whether it is the last of a run that starts so many. */
  started(): Stop | undefined {
    if (++this.#started < this.#maxRequests) return undefined;
    return this.#stop("requests", {
      value: this.#started,
      limit: this.#maxRequests,
    });
  }

  /** Whether as many requests have started as may. */
  get isSpent(): boolean {
    return this.#started >= this.#maxRequests;
  }

  /** Counts a request that has ended. Returns the rule that ends the stage or the run, if one does. */
  ended({ outcome: { status } }: Sample): Stop | undefined {
    if (status === "cancelled") return undefined;
    const isError = status !== "ok";
    const at = this.#ended++ % this.#window;
    this.#errors += Number(isError);
    this.#recentErrors += Number(isError) - Number(this.#recent[at] ?? false);
    this.#recent[at] = isError;
    return this.#judge();
  }

  /** Returns the stop for a queue that grows, if this rule is set. */
  grown({ metric, from, to }: Growth): Stop | undefined {
    if (!this.#rules.saturation) return undefined;
    return this.#stop("saturation", { metric, from, value: to });
  }

  #judge(): Stop | undefined {
    const { errorRate = Infinity, recentErrorRate = Infinity } = this.#rules;
    if (this.#errors >= this.#maxErrors) {
      const limit = this.#maxErrors;
      return this.#stop("errors", { value: this.#errors, limit });
    }
    const recent = this.#recentErrors / this.#window;
    if (this.#ended >= this.#window && recent >= recentErrorRate) {
      return this.#stop("recentErrorRate", {
        value: recent,
        limit: recentErrorRate,
        of: this.#window,
      });
    }
    const share = this.#errors / this.#ended;
    if (this.#ended >= MIN_ENDED && share >= errorRate) {
      return this.#stop("errorRate", {
        value: share,
        limit: errorRate,
        of: this.#ended,
      });
    }
    return undefined;
  }

  #stop(reason: StopReason, numbers: Omit<StopCause, "scope">): Stop {
    return { reason, cause: { scope: this.#scope, ...numbers } };
  }
}

/** Explains why a stage ended, with its numbers: `31 % of the last 30 requests failed (limit 30 %)`. */
export function explainStop(
  { stopped, stopCause }: Pick<StageReport, "stopped" | "stopCause">,
): string | undefined {
  if (stopped === "interrupted") return "interrupted";
  if (stopped === "data") return "data exhausted";
  if (stopCause === undefined) return undefined;
  const { scope } = stopCause;
  return `${scope === "run" ? "run " : ""}stopped: ${
    wordsOf(stopped, stopCause)
  }`;
}

function wordsOf(
  reason: StopReason,
  { value, limit, of, metric, from }: StopCause,
): string {
  const ofLimit = (show: (value: number) => string) =>
    limit === undefined ? "" : ` (limit ${show(limit)})`;
  switch (reason) {
    case "errors":
      return `${value} request${value === 1 ? "" : "s"} failed${
        ofLimit(String)
      }`;
    case "errorRate":
      return `${percent(value)} of ${of} requests failed${ofLimit(percent)}`;
    case "recentErrorRate":
      return `${percent(value)} of the last ${of} requests failed${
        ofLimit(percent)
      }`;
    case "saturation":
      return metric === "inFlight"
        ? `requests in flight grew steadily from ${rounded(from)} to ${
          rounded(value)
        }`
        : `${metric} grew steadily from ${rounded(from)} to ${
          rounded(value)
        } ms`;
    case "silence":
      return `nothing was sent or received for ${seconds(value)}`;
    case "duration":
      return `after ${seconds(value)}`;
    default:
      return `after ${value} requests`;
  }
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

function rounded(value = 0): string {
  return String(Number(value.toPrecision(3)));
}
