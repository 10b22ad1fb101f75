import type { Progress } from "../../plugins/mod.ts";
import { displayWidth, truncate } from "../../reporters/console/layout.ts";
import type { Tone } from "../../reporters/summary/model.ts";
import { rounded } from "../../reporters/summary/numbers.ts";
import { plain } from "../../reporters/summary/text.ts";
import {
  drawDistribution,
  quantileOf,
  scaleLabels,
  scaleOf,
} from "./distribution.ts";
import type { LiveState } from "./live_stats.ts";

/** Appearance of the live view. */
export interface FrameLook {
  /** Columns that a line may take. */
  readonly width: number;
  /** Lines that the view may take. */
  readonly height: number;
  /** Whether characters beyond ASCII can be shown. */
  readonly isUnicode: boolean;
  /** Shows the meaning of a text, unless colour is off. */
  readonly paint: (tone: Tone, text: string) => string;
}

/** Facts of the run that the view shows. */
export interface RunView {
  /** Number of stages, if it is known. */
  readonly stages?: number | undefined;
  /** Largest share of a metric that may be the client's. */
  readonly maxClientShare: number;
}

/** Widest view: longer lines are hard to read. */
const MAX_WIDTH = 120;
/** Kinds of failure that have a line. */
const MAX_FAILURES = 4;

/**
 * Formats the state of a run as lines, none wider or more than the look allows: parts that do not fit are left out, the
 * least important first.
 */
export function liveFrame(
  state: LiveState,
  run: RunView,
  given: FrameLook,
): string[] {
  const look = { ...given, width: Math.min(given.width, MAX_WIDTH) };
  const table = tableLines(state, look);
  const share = shareLines(state, run, look);
  const failures = failureLines(state, look);
  const sections = [
    { rank: 0, lines: [titleLine(state, run, look)] },
    { rank: 1, lines: [barLine(state, look)] },
    { rank: 2, lines: [countLine(state.snapshot, state, look)] },
    { rank: 6, lines: table.length > 0 ? [""] : [] },
    { rank: 3, lines: table },
    { rank: 5, lines: share },
    { rank: 7, lines: failures.length > 0 ? [""] : [] },
    { rank: 4, lines: failures },
  ];
  const kept = new Set<number>();
  let room = look.height;
  for (const { rank, lines } of sections.toSorted((a, b) => a.rank - b.rank)) {
    if (lines.length > room) continue;
    room -= lines.length;
    kept.add(rank);
  }
  return sections.flatMap(({ rank, lines }) => kept.has(rank) ? lines : []);
}

const PHASES = {
  warmup: "warming up",
  measure: "measuring",
  cooldown: "cooling down",
  drain: "waiting for the last",
} as const;

function titleLine(
  { snapshot: { name, stage, phase } }: LiveState,
  { stages }: RunView,
  look: FrameLook,
): string {
  const place = stages === undefined
    ? `stage ${stage + 1}`
    : stages > 1
    ? `stage ${stage + 1} of ${stages}`
    : undefined;
  const rest = joined([place, PHASES[phase]], look);
  const room = look.width - displayWidth(rest) - displayWidth(dot(look));
  const title = fitted(plain(name), Math.max(12, room), look);
  return fittedParts([look.paint("strong", title), place, PHASES[phase]], look);
}

/** The part that is done, and what remains. */
function barLine({ snapshot, done }: LiveState, look: FrameLook): string {
  const left = remaining(snapshot, look);
  if (done === undefined) return look.paint("minor", left);
  const percent = `${Math.floor(100 * done)} %`.padStart(5);
  const label = look.width >= displayWidth(left) + 20
    ? `${percent}  ${left}`
    : percent;
  const width = look.width - displayWidth(label) - 1;
  return `${bar(Math.min(1, done), width, look)} ${label}`;
}

function remaining(
  { remainingMs, remainingRequests, atMs }: Progress,
  look: FrameLook,
): string {
  const parts = [
    ...(remainingMs === undefined ? [] : [`${duration(remainingMs)} left`]),
    ...(remainingRequests === undefined
      ? []
      : [`${remainingRequests} to start`]),
  ];
  return parts.length > 0 ? joined(parts, look) : `running ${duration(atMs)}`;
}

function bar(done: number, width: number, look: FrameLook): string {
  const full = Math.round(done * width);
  const [on, off] = look.isUnicode ? ["━", "─"] : ["#", "-"];
  return look.paint("good", on.repeat(full)) +
    look.paint("minor", off.repeat(width - full));
}

/** Formats a time: `8 s`, `2 min 05 s`, `1 h 20 min`. */
function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600
    ? `${minutes} min ${two(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

function countLine(
  { counts, inFlight, requestsPerSecond }: Progress,
  { outputTokensPerSecond }: LiveState,
  look: FrameLook,
): string {
  const isWide = look.width >= 60;
  const failed = counts.error + counts.timeout;
  const red = (text: string) => look.paint("bad", text);
  const failures = failed > 0 && red(`${failed} failed`);
  return fittedParts([
    `${rounded(requestsPerSecond)}${isWide ? " requests" : ""}/s`,
    `${inFlight} in flight`,
    !isWide && failures,
    `${counts.ok} ok`,
    isWide && failures,
    counts.cancelled > 0 && `${counts.cancelled} cancelled`,
    counts.dropped > 0 && red(`${counts.dropped} dropped`),
    outputTokensPerSecond !== undefined &&
    `${rounded(outputTokensPerSecond)} output tokens/s`,
  ], look);
}

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;
const LABEL = 13;
const NUMBER = 8;
/** Narrowest distribution that is shown. */
const MIN_DISTRIBUTION = 8;

/** Percentiles and distributions of the last seconds, a line for each metric. */
function tableLines(
  { recent, spanMs }: LiveState,
  look: FrameLook,
): string[] {
  if (recent.length === 0) return [];
  const columns = LABEL + NUMBER * 3;
  const hasCount = look.width >= columns + NUMBER;
  const used = columns + (hasCount ? NUMBER : 0) + 2;
  const room = look.width - used;
  const scale = room >= MIN_DISTRIBUTION
    ? scaleOf(recent.map(({ values }) => values), room)
    : undefined;
  const cells = (texts: readonly string[]) =>
    texts.map((text) => text.padStart(NUMBER)).join("");
  const span = `last ${Math.max(1, Math.round(spanMs / 1000))} s, ms`;
  const head = span.padEnd(LABEL) +
    cells([...Object.keys(QUANTILES), ...(hasCount ? ["n"] : [])]) +
    (scale ? `  ${scaleLabels(scale)}` : "");
  const lines = recent.map(({ metric, values }) => {
    const quantiles = Object.values(QUANTILES).map((p) =>
      (isFew(values.n, p) ? "~" : "") + rounded(quantileOf(values, p)!)
    );
    const count = hasCount ? [shortCount(values.n)] : [];
    const shape = scale ? `  ${drawDistribution(values, scale, look)}` : "";
    return (metric.label.padEnd(LABEL) + cells([...quantiles, ...count]) +
      shape).trimEnd();
  });
  return [look.paint("minor", head.trimEnd()), ...lines];
}

/** Whether there are too few values to distinguish a percentile from the largest: `~` marks it, as in the report. */
function isFew(n: number, p: number): boolean {
  return Math.round(n * (1 - p) * 1e6) < 1e6;
}

/** Formats a count in at most six characters. */
function shortCount(n: number): string {
  if (n < 100_000) return String(n);
  return n < 1e7 ? `${Math.round(n / 1000)}k` : `${Math.round(n / 1e6)}M`;
}

/** A share of fewer milliseconds is not more exact than this. */
const FLOOR_MS = 5;

function shareLines(
  { clientShare }: LiveState,
  { maxClientShare }: RunView,
  look: FrameLook,
): string[] {
  if (!clientShare) return [];
  const { of, n, p95, share } = clientShare;
  const part = share === undefined ? "" : ` (${rounded(100 * share)} %)`;
  const value = `${isFew(n, 0.95) ? "~" : ""}${rounded(p95)} ms${part}`;
  const isHigh = !isFew(n, 0.95) && share !== undefined &&
    share > maxClientShare &&
    p95 > FLOOR_MS;
  const text = look.width >= 60
    ? `client's share of ${of.label}: p95 at most ${value}`
    : `client's share p95 ${value}`;
  return [
    look.paint(isHigh ? "warning" : "minor", fitted(text, look.width, look)),
  ];
}

/** Failures of the stage, a line for each class and code, with the message of the first. */
function failureLines(
  { failures, recentFailures }: LiveState,
  look: FrameLook,
): string[] {
  const shown = failures.slice(0, MAX_FAILURES);
  const lines = shown.map(({ class: name, code, count, message }) => {
    const recent = recentFailures.get(name) ?? 0;
    const head = fitted(
      `${count} ${plain(name)}${code === undefined ? "" : ` ${plain(code)}`}`,
      look.width,
      look,
    );
    const said = `${recent === 0 ? ", not recently" : ""}: ${
      firstLine(message)
    }`;
    const room = look.width - displayWidth(head);
    return look.paint("bad", head) +
      (room > 12 ? fitted(said, room, look) : "");
  });
  const more = failures.length - shown.length;
  return more > 0
    ? [...lines, fitted(`and ${more} more kinds`, look.width, look)]
    : lines;
}

/** A message of a server may be long: only its beginning can be shown. */
function firstLine(message: string): string {
  return plain(message.slice(0, 2 * MAX_WIDTH));
}

function dot({ isUnicode }: FrameLook): string {
  return isUnicode ? " · " : ", ";
}

type MaybeText = string | false | undefined;

function joined(parts: readonly MaybeText[], look: FrameLook): string {
  return parts.filter((part) => part !== undefined && part !== false)
    .join(dot(look));
}

/** Joins as many parts as fit on a line, in their order. */
function fittedParts(parts: readonly MaybeText[], look: FrameLook): string {
  let line = "";
  for (const part of parts) {
    if (part === undefined || part === false) continue;
    const longer = line === "" ? part : joined([line, part], look);
    if (displayWidth(longer) > look.width && line !== "") continue;
    line = longer;
  }
  return line;
}

/** Shortens a text to a width. */
function fitted(text: string, width: number, look: FrameLook): string {
  const cut = truncate(text, width);
  return look.isUnicode || cut === text ? cut : cut.replace(/…$/u, "~");
}
