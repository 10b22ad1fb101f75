import type { RequestDetails } from "../reporters/html/request_details.ts";

/** A part of a request's time. */
export interface Span {
  readonly kind: "late" | "connect" | "waiting" | "streaming";
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Names of the parts, in the order of the legend. */
export const SPANS: Readonly<Record<Span["kind"], string>> = {
  late: "due, not yet sent",
  connect: "connecting",
  waiting: "until the first output",
  streaming: "output streams",
};

/** The parts of a request, one after another; those of no length are left out. */
export function spansOf(
  { scheduledMs, dispatchedMs, endedMs, marks, tokensMs }: RequestDetails,
): Span[] {
  const ready = marks.ready ?? marks.connected ?? dispatchedMs;
  const first = tokensMs?.[0] ?? endedMs;
  const spans: Span[] = [
    { kind: "late", fromMs: scheduledMs, untilMs: dispatchedMs },
    { kind: "connect", fromMs: dispatchedMs, untilMs: ready },
    { kind: "waiting", fromMs: ready, untilMs: first },
    { kind: "streaming", fromMs: first, untilMs: endedMs },
  ];
  return spans.filter(({ fromMs, untilMs }) => untilMs > fromMs);
}

/** A request with its lane: the number of a row in which nothing else happens at its time. */
export interface Placed {
  readonly request: RequestDetails;
  readonly lane: number;
}

/** Gives each request the first lane that is free when it is due, so that lanes are streams of a closed loop. */
export function placeInLanes(requests: readonly RequestDetails[]): Placed[] {
  const freeAt: number[] = [];
  return [...requests].sort((a, b) =>
    a.scheduledMs - b.scheduledMs || a.id - b.id
  ).map((request) => {
    const free = freeAt.findIndex((timeMs) =>
      timeMs <= request.scheduledMs + ROUNDING_MS
    );
    const lane = free < 0 ? freeAt.length : free;
    freeAt[lane] = request.endedMs;
    return { request, lane };
  });
}

/** Times are rounded to hundredths. */
const ROUNDING_MS = 0.02;

/** Texts placed side by side; one that would cover the text before it is left out. */
export function placeTexts(
  texts: NonNullable<RequestDetails["texts"]>,
  { xOf, widthOf }: {
    xOf(atMs: number): number;
    widthOf(text: string): number;
  },
): { readonly x: number; readonly text: string }[] {
  let end = -Infinity;
  return texts.flatMap(({ atMs, text: whole }) => {
    const text = whole.trim();
    const x = xOf(atMs);
    if (text === "" || x < end) return [];
    end = x + widthOf(text);
    return [{ x, text }];
  });
}

/** Which requests the lanes show. */
export type LaneChoice = "first" | "more" | "failed" | "slowest";

/** Number of requests of each choice. */
const COUNTS: Readonly<Record<LaneChoice, number>> = {
  first: 100,
  more: 300,
  failed: 100,
  slowest: 30,
};

/** Number of the first requests with streamed audio: their words need room. */
const FIRST_SPOKEN = 24;

/** The requests of a choice, in their order. */
export function chooseRequests(
  requests: readonly RequestDetails[],
  lanes: LaneChoice,
): RequestDetails[] {
  const selected = requests.filter(({ status }) =>
    lanes !== "failed" || status !== "ok"
  );
  const isSpoken = selected[0]?.texts !== undefined;
  const most = lanes === "first" && isSpoken ? FIRST_SPOKEN : COUNTS[lanes];
  if (lanes !== "slowest") return selected.slice(0, most);
  const durationOf = ({ endedMs, scheduledMs }: RequestDetails) =>
    endedMs - scheduledMs;
  return selected.sort((a, b) => durationOf(b) - durationOf(a) || a.id - b.id)
    .slice(0, most);
}
