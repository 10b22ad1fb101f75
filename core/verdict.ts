import type { FailureNote, StageReport, Verdict } from "./report.ts";

/** What a verdict rests on. */
export type Judged = Pick<
  StageReport,
  "counts" | "failures" | "metrics" | "client"
>;

/** Stricter limits than the usual ones; looser ones have no effect. */
export interface JudgeOptions {
  /** For the p99 of chunk lateness, in milliseconds. @default {half a chunk} */
  readonly chunkLatenessMs?: number;
  /** For the p99 of schedule lag, in milliseconds. @default {10, or 5 % of the median latency if that is more} */
  readonly scheduleLagMs?: number;
  /** For the p99 of the event loop's delay, in milliseconds. @default {50} */
  readonly loopDelayMs?: number;
  /** With fewer requests answered, the verdict is `too-few-samples`. @default {0} */
  readonly minRequests?: number;
}

/** Whether the numbers of a stage tell of the server, or of the client that measured it. */
export function judge(stage: Judged, options: JudgeOptions = {}): Verdict {
  const failed = failureReason(stage);
  const limited = clientReasons(stage, options);
  const few = floorReason(stage, options.minRequests ?? 0);
  const status = failed
    ? "failed"
    : limited.length > 0
    ? "client-limited"
    : few
    ? "too-few-samples"
    : "valid";
  return { status, reasons: [failed ?? few ?? [], limited].flat() };
}

/** A measure of the client, and what its p99 may be. */
interface Limit {
  readonly what: string;
  readonly p99: number | undefined;
  readonly limitMs: number;
  /** Where the limit comes from, if it is not fixed. */
  readonly from?: string;
}

function clientReasons(stage: Judged, options: JudgeOptions): string[] {
  return limits(stage, options)
    .filter(({ p99, limitMs }) => p99 !== undefined && p99 > limitMs)
    .map(({ what, p99, limitMs, from }) =>
      `${what} p99 is ${up(p99!)} ms, above the limit of ${down(limitMs)} ms` +
      `${
        from ? ` (${from})` : ""
      }: use fewer streams on this machine or spread them over more machines`
    );
}

function limits(
  { client, metrics }: Judged,
  options: JudgeOptions,
): readonly Limit[] {
  const shareOfLatencyMs = 0.05 * (metrics.latency?.p50 ?? 0);
  return [
    tightened(options.chunkLatenessMs, {
      what: "chunk lateness",
      p99: client.chunkLateness?.p99,
      limitMs: client.chunkMs === undefined ? Infinity : client.chunkMs / 2,
      from: "half a chunk",
    }),
    tightened(options.scheduleLagMs, {
      what: "schedule lag",
      p99: client.scheduleLag?.p99,
      limitMs: Math.max(10, shareOfLatencyMs),
      ...(shareOfLatencyMs > 10 && { from: "5 % of the median latency" }),
    }),
    tightened(options.loopDelayMs, {
      what: "event-loop delay",
      p99: client.loopDelay?.p99,
      limitMs: 50,
    }),
  ];
}

function tightened(givenMs: number | undefined, limit: Limit): Limit {
  if (givenMs === undefined || givenMs >= limit.limitMs) return limit;
  return { ...limit, limitMs: givenMs, from: "as configured" };
}

function floorReason(
  { counts: { ok } }: Judged,
  minRequests: number,
): string | undefined {
  if (ok >= minRequests) return undefined;
  return `only ${ok} of the ${minRequests} requests asked for succeeded: run longer`;
}

/** Kinds of failure that a reason names. */
const NAMED_FAILURES = 3;

function failureReason({ counts, failures }: Judged): string | undefined {
  if (counts.ok > 0) return undefined;
  const ended = counts.error + counts.timeout + counts.cancelled;
  const said = ended === 0
    ? nothingEnded(counts)
    : failures.slice(0, NAMED_FAILURES).map((note) => named(note, ended)).join(
      "; ",
    );
  return `no request succeeded: ${said}`;
}

function named({ class: name, message, count }: FailureNote, ended: number) {
  return `${count} of ${ended} ${name}: ${message}`;
}

function nothingEnded({ dropped }: Judged["counts"]): string {
  return dropped > 0
    ? `none ended in the measured window, and ${dropped} were dropped at the limit of requests in flight`
    : "none ended in the measured window";
}

/** Rounded away from each other, so that what is above a limit also reads so. */
function up(ms: number): number {
  return Math.ceil(ms * 100) / 100;
}

function down(ms: number): number {
  return Math.floor(ms * 100) / 100;
}
