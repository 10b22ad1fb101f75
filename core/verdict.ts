import { clientLimit, isClientMade } from "./failures.ts";
import type { StageReport, Summary, Verdict } from "./report.ts";

/** The part of a stage's report that the verdict is based on. */
export type Judged = Pick<
  StageReport,
  "counts" | "failures" | "metrics" | "client"
>;

/**
 * Judges whether the numbers of a stage describe the server or the client that measured it. With fewer successful
 * requests than a median needs, only failures that this client made can make it `client-limited`: they are counted, not
 * estimated.
 */
export function judge(stage: Judged): Verdict {
  const failed = failureReason(stage);
  const ownFailures = clientFailureReasons(stage);
  const few = failed === undefined ? fewReason(stage) : undefined;
  // A slow client makes requests late: if none succeeded, that can only explain a time limit.
  const slow = failed === undefined || stage.counts.timeout > 0
    ? slowReasons(stage)
    : [];
  const status = failed !== undefined
    ? "failed"
    : ownFailures.length > 0
    ? "client-limited"
    : few !== undefined
    ? "too-few-samples"
    : slow.length > 0
    ? "client-limited"
    : "valid";
  return {
    status,
    reasons: [failed ?? [], ownFailures, few ?? [], slow].flat(),
  };
}

/** The quantiles that are judged, highest first, each with the number of values that it needs. */
const EVIDENCE = [["p99", 100], ["p90", 30], ["p50", 10]] as const;

/** Number of successful requests below which not even the median is judged. */
const LEAST_REQUESTS = 10;

/** Remedy for a client that is too slow. */
const FEWER_STREAMS =
  "use fewer streams on this machine or spread them over more machines";

function slowReasons({ client, metrics }: Judged): string[] {
  const shareOfLatencyMs = 0.05 * (metrics.latency?.p50 ?? 0);
  return [
    slowReason(
      "chunk lateness",
      client.chunkLateness,
      (client.chunkMs ?? Infinity) / 2,
      "half a chunk",
    ),
    slowReason(
      "schedule lag",
      client.scheduleLag,
      Math.max(10, shareOfLatencyMs),
      shareOfLatencyMs > 10 ? "5 % of the median latency" : undefined,
    ),
    slowReason("event-loop delay", client.loopDelay, 50),
  ].flat();
}

/**
 * Why a measure of the client is too high, if it is.
 *
 * @param from How the limit is derived, if it is not fixed.
 */
function slowReason(
  what: string,
  measure: Summary | undefined,
  limitMs: number,
  from?: string,
): string[] {
  const [quantile] = EVIDENCE.find(([, n]) => (measure?.n ?? 0) >= n) ?? [];
  // A lower quantile cannot be above the limit where this one is not.
  const ms = quantile && measure?.[quantile];
  if (ms === undefined || ms <= limitMs) return [];
  // Rounded away from each other, so that a value above its limit is also shown as above.
  const value = `${Math.ceil(ms * 100) / 100} ms`;
  const limit = `${Math.floor(limitMs * 100) / 100} ms`;
  return [
    `${what} ${quantile} is ${value}, above the limit of ${limit}${
      from ? ` (${from})` : ""
    }: ${FEWER_STREAMS}`,
  ];
}

function fewReason({ counts: { ok } }: Judged): string | undefined {
  if (ok >= LEAST_REQUESTS) return undefined;
  return `only ${ok} request${
    ok === 1 ? "" : "s"
  } succeeded, and a median needs ${LEAST_REQUESTS}: measure longer, or more requests`;
}

/**
 * Share of requests that may fail on this machine: no percentile up to p99 then moves by more than a few values.
 */
const CLIENT_FAILURE_SHARE = 0.01;

function clientFailureReasons({ counts, failures }: Judged): string[] {
  const ended = counts.ok + counts.error + counts.timeout + counts.cancelled;
  const byCode = new Map<string, number>();
  for (const { code, count } of failures.filter(isClientMade)) {
    byCode.set(code!, (byCode.get(code!) ?? 0) + count);
  }
  const all = [...byCode.values()].reduce((sum, count) => sum + count, 0);
  if (all <= CLIENT_FAILURE_SHARE * ended) return [];
  return [...byCode].map(([code, count]) => {
    const percent = Number((100 * (count / ended)).toPrecision(3));
    const { remedy } = clientLimit(code)!;
    return `${count} of ${ended} requests (${percent} %) failed on this machine, not at the server, with ${code}: ${remedy}`;
  });
}

/** Number of failures that a reason names. */
const NAMED_FAILURES = 3;

function failureReason({ counts, failures }: Judged): string | undefined {
  if (counts.ok > 0) return undefined;
  const ended = counts.error + counts.timeout + counts.cancelled;
  if (ended === 0) {
    const dropped = counts.dropped > 0
      ? `, and ${counts.dropped} were dropped at the limit of requests in flight`
      : "";
    return `no request succeeded: none ended in the measured window${dropped}`;
  }
  const causes = failures.slice(0, NAMED_FAILURES).map((note) =>
    `${note.count} of ${ended} ${note.class}: ${note.message}`
  );
  return `no request succeeded: ${causes.join("; ")}`;
}
