import type { MinSamples } from "./config.ts";
import { clientLimit, isClientMade } from "./failures.ts";
import { floorReason } from "./sample_floors.ts";
import type {
  FailureNote,
  ShareSummary,
  StageReport,
  Verdict,
} from "./report.ts";

/** The part of a stage's report that the verdict is based on. */
export type Judged = Pick<
  StageReport,
  | "counts"
  | "failures"
  | "warmupFailures"
  | "load"
  | "metrics"
  | "client"
  | "slo"
>;

/** Limits that a verdict depends on. */
export interface VerdictRules {
  /** Largest share of a metric that may be the client's. @default {0.1} */
  readonly maxClientShare?: number | undefined;
  /** Number of values below which a percentile has too few. @default No number */
  readonly minSamples?: MinSamples | undefined;
}

/**
 * Judges whether the numbers of a stage describe the server or the client that measured it. With fewer successful
 * requests than a median needs, only failures that this client made can make it `client-limited`: they are counted, not
 * estimated.
 */
export function judge(
  stage: Judged,
  { maxClientShare = MAX_CLIENT_SHARE, minSamples }: VerdictRules = {},
): Verdict {
  const failed = failureReason(stage);
  const ownFailures = clientFailureReasons(stage);
  const few = failed === undefined ? fewReason(stage) : undefined;
  // A slow client makes requests late: if none succeeded, that can only explain a time limit.
  const slow = failed === undefined || stage.counts.timeout > 0
    ? slowReasons(stage, maxClientShare)
    : [];
  const floor = few === undefined ? floorReason(stage, minSamples) : undefined;
  const status = failed !== undefined
    ? "failed"
    : ownFailures.length > 0
    ? "client-limited"
    : few !== undefined
    ? "too-few-samples"
    : slow.length > 0
    ? "client-limited"
    : floor !== undefined
    ? "too-few-samples"
    : "valid";
  return {
    status,
    reasons: [failed ?? [], ownFailures, few ?? [], slow, floor ?? []].flat(),
    ...(maxClientShare !== MAX_CLIENT_SHARE && { maxClientShare }),
  };
}

/** The quantiles that are judged, highest first, each with the number of values that it needs. */
const EVIDENCE = [["p99", 100], ["p90", 30], ["p50", 10]] as const;

/** Number of successful requests below which not even the median is judged. */
const LEAST_REQUESTS = 10;

/** Largest share of a metric that may be the client's, unless a run sets another. */
export const MAX_CLIENT_SHARE = 0.1;

/** A share of fewer milliseconds is never held against the client: its bound is not more exact than this. */
const FLOOR_MS = { arrivals: 1, scheduler: 1, timers: 5 };

/** Remedy for a client that is too slow. */
function lessLoad({ concurrency }: Judged["load"]): string {
  return concurrency === undefined
    ? "offer a lower rate or spread it over more machines"
    : "use fewer streams on this machine or spread them over more machines";
}

/** A value of the client that is above its limit. */
interface Excess {
  readonly what: string;
  readonly ms: number;
  readonly limitMs: number;
  /** How the limit is derived. */
  readonly from: string;
}

function slowReasons(stage: Judged, maxShare: number): string[] {
  const found = [
    ...shareExcesses(stage, maxShare),
    ...turnaroundExcess(stage, maxShare),
    ...chunkExcess(stage.client),
  ];
  if (found.length === 0) return [];
  return [
    ...found.map(({ what, ms, limitMs, from }) =>
      `${what} ${up(ms)} ms may be this client's, above the limit of ${
        down(limitMs)
      } ms (${from})`
    ),
    causeOf(stage),
  ];
}

/** The metrics that people read first: each has a share of the client's, under its name. */
const HEADLINES = [
  ["ttft", "TTFT"],
  ["latency", "E2E latency"],
  ["responseTime", "response time"],
  ["finalization", "finalization"],
] as const;

function shareExcesses(stage: Judged, maxShare: number): Excess[] {
  const { client, metrics } = stage;
  const floorMs = FLOOR_MS[client.method ?? "timers"];
  const found: Excess[] = [];
  for (const [name, label] of HEADLINES) {
    const share = addedTo(client, name), metric = metrics[name];
    // In a closed loop both have the same cause.
    if (name === "responseTime" && found.some(isLatency)) continue;
    if (!share || !metric) continue;
    const quantile = EVIDENCE.find(([quantile, least]) =>
      share.n >= least &&
      share[quantile] > Math.max(floorMs, maxShare * metric[quantile])
    )?.[0];
    if (quantile === undefined) continue;
    const limitMs = Math.max(floorMs, maxShare * metric[quantile]);
    found.push({
      what: `${label} ${quantile} ${up(metric[quantile])} ms: up to`,
      ms: share[quantile],
      limitMs,
      from: `${
        limitMs > floorMs ? percent(maxShare) : "the accuracy of this bound"
      }${
        share.maxAtMs === undefined
          ? ""
          : `; most at ${(share.maxAtMs / 1000).toFixed(1)} s`
      }`,
    });
  }
  return found;
}

function isLatency({ what }: Excess): boolean {
  return what.startsWith("E2E latency");
}

/**
 * How much the client can have added to the percentiles of a metric. Where nothing watched it, that of the response time
 * is the schedule lag.
 */
function addedTo(
  client: Judged["client"],
  name: typeof HEADLINES[number][0],
): ShareSummary["added"] & { n: number; maxAtMs?: number } | undefined {
  const share = client[`${name}Share`];
  if (share) return { ...share.added, n: share.n, maxAtMs: share.maxAtMs };
  return name === "responseTime" ? client.scheduleLag : undefined;
}

/** In a closed loop, the time between two requests of a stream is missing from the requests per second. */
function turnaroundExcess(
  { load, metrics: { latency }, client: { turnaround } }: Judged,
  maxShare: number,
): Excess[] {
  if (load.concurrency === undefined || !latency || !turnaround) return [];
  const ms = turnaround.mean, cycleMs = latency.mean + ms;
  const limitMs = Math.max(FLOOR_MS.scheduler, maxShare * cycleMs);
  if (ms <= limitMs) return [];
  return [{
    what: `requests/s: of ${up(cycleMs)} ms that a stream took for each,`,
    ms,
    limitMs,
    from: percent(maxShare),
  }];
}

function chunkExcess({ chunkLateness, chunkMs }: Judged["client"]): Excess[] {
  if (!chunkLateness || chunkMs === undefined) return [];
  const [quantile] = EVIDENCE.find(([, n]) => chunkLateness.n >= n) ?? [];
  const ms = quantile && chunkLateness[quantile];
  if (ms === undefined || ms <= chunkMs / 2) return [];
  return [{
    what: `chunk lateness ${quantile}: up to`,
    ms,
    limitMs: chunkMs / 2,
    from: "half a chunk",
  }];
}

/** Processor time ÷ wall time from which a process with one busy thread is out of processor time. */
const FULL_CORE = 0.85;
/** Share of time in the queue for a processor from which other processes are the likely cause. */
const CROWDED = 0.05;

/** An event loop that was held up for longer, although the processor was free, is the likely cause. In milliseconds. */
const HELD_UP_MS = 200;

/** The likely cause of a slow client, and what helps. */
function causeOf({ client, load }: Judged): string {
  const { cpu = 0, queued = 0, loopDelay } = client;
  const delayMs = loopDelay?.max ?? 0;
  if (delayMs > HELD_UP_MS && cpu <= FULL_CORE && queued <= CROWDED) {
    return `likely cause: the event loop of this process was held up for up to ${
      up(delayMs)
    } ms: see that the process is not stopped or swapped out and that no plugin blocks it, and spread starts`;
  }
  if (queued > CROWDED) {
    return `likely cause: other processes, as this one waited for a processor ${
      percent(queued)
    } of the time: stop them, or measure from a machine of its own`;
  }
  return cpu > FULL_CORE
    ? `likely cause: this process, which used ${percent(cpu)} of a core: ${
      lessLoad(load)
    }`
    : `likely cause: starts at the same time, as the processor was used ${
      percent(cpu)
    }: spread them, or ${lessLoad(load)}`;
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
  return [...byCode].map(([code, count]) =>
    `${count} of ${ended} requests (${
      percent(count / ended)
    }) failed on this machine, not at the server, with ${code}: ${
      clientLimit(code)!.remedy
    }`
  );
}

/** Number of failures that a reason names. */
const NAMED_FAILURES = 3;

function failureReason(
  { counts, failures, warmupFailures = [] }: Judged,
): string | undefined {
  if (counts.ok > 0) return undefined;
  const ended = counts.error + counts.timeout + counts.cancelled;
  if (ended > 0) return `no request succeeded: ${named(failures, ended)}`;
  const dropped = counts.dropped > 0
    ? `, and ${counts.dropped} were dropped at the limit of requests in flight`
    : "";
  const warmup = warmupFailures.length > 0
    ? `; in the warm-up ${named(warmupFailures, counts.warmup)}`
    : "";
  return `no request succeeded: none ended in the measured window${dropped}${warmup}`;
}

function named(failures: readonly FailureNote[], ended: number): string {
  return failures.slice(0, NAMED_FAILURES).map((
    { count, class: name, message },
  ) =>
    `${count} of ${ended} ${name}${count > 1 ? ", the first" : ""}: ${message}`
  ).join("; ");
}

/** Value and limit are rounded away from each other, so that a value above its limit is also shown as above. */
function up(ms: number): number {
  return Math.ceil(ms * 100) / 100;
}

function down(ms: number): number {
  return Math.floor(ms * 100) / 100;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
