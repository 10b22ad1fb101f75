import type { RequestDetails } from "../reporters/html/request_details.ts";
import {
  choice,
  disclosure,
  drawing,
  element,
  foreignText,
  table,
} from "./element.ts";
import { formatNumber, formatValue, plural } from "./format.ts";
import {
  chooseRequests,
  type LaneChoice,
  type Placed,
  placeInLanes,
  placeTexts,
  SPANS,
  spansOf,
} from "./lanes.ts";
import { requestPanel } from "./request_panel.ts";
import { chosenStage, isChosenFailure, startOf, type View } from "./state.ts";

/** Width of the drawing, in pixels; it is never narrower. */
const WIDTH = 900;

/** Width of a second where words are shown, and the largest width of a drawing. */
const SECOND = 60;
const MOST_WIDTH = 8000;

/** Height of the axis of time. */
const AXIS = 22;

const CHOICES: Readonly<Record<LaneChoice, string>> = {
  first: "the first requests",
  more: "more of the first requests",
  failed: "failed requests",
  slowest: "the slowest requests",
};

/** Requests as bars over time, and one of them in detail. */
export function lanesSection(view: View): HTMLElement | undefined {
  const { choices } = view;
  const stage = chosenStage(view);
  if (!stage?.details || stage.details.requests.length === 0) return undefined;
  const requests = chooseRequests(
    stage.details.requests.filter((each) => isChosenFailure(choices, each)),
    choices.lanes,
  );
  const isAligned = choices.lanes === "failed" || choices.lanes === "slowest";
  const drawn = drawLanes(requests, {
    startMs: isAligned ? undefined : startOf(stage),
    view,
  });
  const chosen = stage.details.requests.find(({ id }) =>
    id === choices.request
  );
  return element(
    "section",
    { id: "lanes", "aria-labelledby": "lanes-head" },
    element("h2", { id: "lanes-head" }, "Requests, one by one"),
    element(
      "div.controls",
      {},
      choice(
        "lanes-choice",
        "Show",
        Object.entries(CHOICES).map(([value, label]) => ({ value, label })),
        {
          value: choices.lanes,
          onChoice: (value) =>
            view.choose({ lanes: value as LaneChoice, request: undefined }),
        },
      ),
      choices.failure !== undefined && element(
        "button",
        {
          id: "lanes-all",
          onclick: () => view.choose({ failure: undefined }),
        },
        "Only ",
        foreignText(choices.failure),
        " – show all",
      ),
    ),
    legend(requests),
    requests.length > 0
      ? element(
        "div.scrolls.lanes",
        {
          id: "lanes-drawing",
          tabindex: 0,
          role: "group",
          "aria-label": `${
            plural(requests.length, "request")
          } as bars over time. The arrow keys choose one.`,
          onkeydown: (event) =>
            chooseByKey(event as KeyboardEvent, requests, view),
        },
        drawn,
      )
      : element("p.note", {}, "There are no such requests in this stage."),
    element(
      "div",
      { "aria-live": "polite", id: "lanes-request" },
      chosen ? requestPanel(view, chosen) : element(
        "p.hint",
        {},
        "Select a bar to see its request; the arrow keys go to the next.",
      ),
    ),
    element(
      "p.hint",
      {},
      (isAligned
        ? "Each row is a request, from when it was due. "
        : "In a row one request follows another, as in a stream. ") +
        thinningRule(view),
    ),
    disclosure("lanes-data", "These requests as a table", () => [
      requestTable(requests, startOf(stage)),
    ]),
  );
}

function thinningRule({ data: { limits } }: View): string {
  const { first, slowest, failed, ofClass, sampled } = limits;
  return `Of each stage the page has the first ${first} requests, the ${slowest} with the highest TTFT, E2E latency and finalization, the first ${failed} failed ones and ${ofClass} of each class, and ${sampled} chosen by a hash of their number. All figures and distributions are of all requests.`;
}

function legend(requests: readonly RequestDetails[]): HTMLElement {
  const entries = Object.entries(SPANS).filter(([kind]) =>
    requests.some((request) =>
      spansOf(request).some((span) => span.kind === kind)
    )
  );
  const hasAudio = requests.some(({ audioMs }) => audioMs);
  const hasFailed = requests.some(({ status }) => status !== "ok");
  return element(
    "ul.legend",
    {},
    entries.map(([kind, label]) =>
      element("li", {}, element(`i.key`, { class: `key span-${kind}` }), label)
    ),
    hasAudio &&
      element(
        "li",
        {},
        element("i", { class: "key span-audio" }),
        "audio is sent, with the words as they came",
      ),
    hasFailed &&
      element("li", {}, element("i", { class: "key span-failed" }), "failed"),
  );
}

/**
 * Draws requests in lanes.
 *
 * @param startMs Time of the left edge. Without it each request has a lane of its own and begins at the left.
 */
function drawLanes(
  requests: readonly RequestDetails[],
  { startMs, view }: { startMs: number | undefined; view: View },
): SVGElement {
  const placed = startMs === undefined
    ? requests.map((request, lane) => ({ request, lane }))
    : placeInLanes(requests);
  const lanes = Math.max(0, ...placed.map(({ lane }) => lane)) + 1;
  const hasTexts = requests.some(({ texts }) => texts) && lanes <= 24;
  const rowHeight = hasTexts ? 36 : lanes <= 16 ? 16 : lanes <= 40 ? 10 : 6;
  const originOf = ({ scheduledMs }: RequestDetails) => startMs ?? scheduledMs;
  const lengthMs = Math.max(
    1,
    ...requests.map((each) => each.endedMs - originOf(each)),
  );
  const firstMs = startMs === undefined
    ? 0
    : Math.min(...requests.map(({ scheduledMs }) => scheduledMs - startMs));
  const spanMs = Math.max(1, lengthMs - firstMs);
  const scale: Scale = {
    rowHeight,
    hasTexts,
    width: hasTexts
      ? Math.min(MOST_WIDTH, Math.max(WIDTH, SECOND * spanMs / 1000))
      : WIDTH,
    share: (request, atMs) => (atMs - originOf(request) - firstMs) / spanMs,
  };
  const height = AXIS + lanes * rowHeight + 4;
  return drawing(
    "svg",
    {
      width: "100%",
      height,
      style: `min-width: ${scale.width}px`,
      "aria-hidden": true,
    },
    timeAxis(firstMs, spanMs, { height, most: scale.width / 130 }),
    placed.map((each) => bar(each, scale, view)),
  );
}

interface Scale {
  readonly rowHeight: number;
  readonly hasTexts: boolean;
  /** The least width of the drawing. */
  readonly width: number;
  /** Place of a time, from 0 to 1. */
  share(request: RequestDetails, atMs: number): number;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(3)}%`;
}

function timeAxis(
  firstMs: number,
  spanMs: number,
  { height, most }: { height: number; most: number },
): SVGElement {
  const stepMs = niceStep(spanMs / most);
  const ticks: SVGElement[] = [];
  for (
    let ms = Math.ceil(firstMs / stepMs) * stepMs;
    ms <= firstMs + spanMs * 0.97;
    ms += stepMs
  ) {
    const x = percent((ms - firstMs) / spanMs);
    ticks.push(
      drawing("line", { x1: x, x2: x, y1: 0, y2: height, class: "grid" }),
      drawing(
        "text",
        { x, y: 13, dx: 4, class: "axis" },
        stepMs >= 1000
          ? `${formatNumber(ms / 1000)} s`
          : `${formatNumber(ms)} ms`,
      ),
    );
  }
  return drawing("g", {}, ticks);
}

/** The next 1, 2 or 5 times a power of ten. */
function niceStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10);
}

function bar(
  { request, lane }: Placed,
  scale: Scale,
  { choices, choose }: View,
): SVGElement {
  const y = AXIS + lane * scale.rowHeight;
  const height = scale.hasTexts
    ? 12
    : scale.rowHeight - (scale.rowHeight > 8 ? 3 : 1);
  const x = (atMs: number) => percent(scale.share(request, atMs));
  const width = (fromMs: number, untilMs: number) =>
    percent(
      Math.max(
        0.0006,
        scale.share(request, untilMs) - scale.share(request, fromMs),
      ),
    );
  const { id, scheduledMs, endedMs, status } = request;
  const isChosen = id === choices.request;
  return drawing(
    "g",
    {
      class: `bar${isChosen ? " chosen" : ""}`,
      onclick: () => choose({ request: isChosen ? undefined : id }),
    },
    drawing("title", {}, titleOf(request)),
    spansOf(request).map(({ kind, fromMs, untilMs }) =>
      drawing("rect", {
        class: `span-${kind}`,
        x: x(fromMs),
        y,
        width: width(fromMs, untilMs),
        height,
      })
    ),
    status !== "ok" && drawing("rect", {
      class: "span-failed",
      x: x(endedMs),
      y: y - 1,
      width: 4,
      height: height + 2,
      transform: "translate(-4 0)",
    }),
    scale.hasTexts && speechOf(request, { y, scale, x, width }),
    isChosen && drawing("rect", {
      class: "outline",
      x: x(scheduledMs),
      y: y - 1,
      width: width(scheduledMs, endedMs),
      height: height + 2,
    }),
  );
}

function speechOf(
  request: RequestDetails,
  { y, scale, x, width }: {
    y: number;
    scale: Scale;
    x(atMs: number): string;
    width(fromMs: number, untilMs: number): string;
  },
): SVGElement {
  const { audioMs, texts = [] } = request;
  const placed = placeTexts(texts, {
    xOf: (atMs) => scale.width * scale.share(request, atMs),
    widthOf: (text) => 6 * text.length + 6,
  });
  return drawing(
    "g",
    {},
    audioMs && drawing("rect", {
      class: "span-audio",
      x: x(audioMs[0]),
      y: y + 13,
      width: width(...audioMs),
      height: 3,
    }),
    placed.map(({ x, text }) =>
      drawing(
        "text",
        { x: percent(x / scale.width), y: y + 28, class: "word" },
        text,
      )
    ),
  );
}

function titleOf({ id, session, values, status, failure }: RequestDetails) {
  const parts = [
    `request ${id}`,
    session,
    ...(values["ttft"] === undefined
      ? []
      : [`TTFT ${formatValue(values["ttft"], "ms")}`]),
    ...(values["latency"] === undefined
      ? []
      : [`E2E latency ${formatValue(values["latency"], "ms")}`]),
    status === "ok" ? "ok" : failure?.class ?? status,
  ];
  return parts.join(" · ");
}

/** Chooses the next request, or the one before. */
function chooseByKey(
  event: KeyboardEvent,
  requests: readonly RequestDetails[],
  { choices, choose }: View,
): void {
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: 1,
    ArrowDown: 1,
    ArrowLeft: -1,
    ArrowUp: -1,
  };
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const at = requests.findIndex(({ id }) => id === choices.request);
  const next = at < 0
    ? 0
    : Math.min(requests.length - 1, Math.max(0, at + step));
  choose({ request: requests[next]?.id });
}

function requestTable(
  requests: readonly RequestDetails[],
  startMs: number,
): HTMLElement {
  const value = (name: string) => ({ values }: RequestDetails) =>
    values[name] === undefined ? "–" : formatValue(values[name], "ms");
  return table("Requests by their number", [
    { head: "request", cell: ({ id }) => String(id) },
    {
      head: "session",
      isText: "long",
      cell: ({ session }) => foreignText(session),
    },
    {
      head: "due",
      title: "since the stage began",
      cell: ({ scheduledMs }) =>
        `${formatNumber((scheduledMs - startMs) / 1000)} s`,
    },
    { head: "TTFT", cell: value("ttft") },
    { head: "E2E latency", cell: value("latency") },
    { head: "ended", isText: true, cell: ({ status }) => status },
  ], requests);
}
