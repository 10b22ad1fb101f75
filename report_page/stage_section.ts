import type { SloResult, StageReport } from "../plugins/mod.ts";
import { VERDICTS } from "./answer.ts";
import { choice, disclosure, element, foreignText, table } from "./element.ts";
import { formatNumber, formatValue } from "./format.ts";
import { chosenStage, stageName, type View } from "./state.ts";

/** The choice of a stage, its facts, objectives, verdict and notes. */
export function stageSection(view: View): HTMLElement | undefined {
  const { data, choices } = view;
  const stage = chosenStage(view);
  if (!stage) return undefined;
  const { report } = stage;
  return element(
    "section",
    { id: "stage", "aria-labelledby": "stage-head" },
    element(
      "h2",
      { id: "stage-head" },
      "Stage: ",
      foreignText(stageName(data, choices.stage)),
    ),
    data.stages.length > 1 && element(
      "div.controls",
      {},
      choice(
        "stage-choice",
        "Stage",
        data.stages.map((_, i) => ({
          value: String(i),
          label: stageName(data, i),
        })),
        {
          value: String(choices.stage),
          onChoice: (value) =>
            view.choose({ stage: Number(value), request: undefined }),
        },
      ),
      element(
        "span.hint",
        {},
        `What follows is of this stage, one of ${data.stages.length}.`,
      ),
    ),
    data.stagesLeftOut !== undefined && element(
      "p.note",
      {},
      `The page has the first ${data.stages.length} stages; ${data.stagesLeftOut} more are in the JSON report.`,
    ),
    report && facts(report),
    report && disclosure(
      "stage-client",
      "The client that measured this stage",
      () => [clientTable(report)],
    ),
  );
}

function facts(report: StageReport): HTMLElement {
  const { verdict, slo = [], notes = [] } = report;
  return element(
    "div",
    {},
    element("p", {}, factsOf(report).join(" · ")),
    verdict.status !== "valid" && element(
      "div.callout.warning",
      {},
      element("strong", {}, VERDICTS[verdict.status]),
      element(
        "ul",
        {},
        verdict.reasons.map((reason) => element("li", {}, foreignText(reason))),
      ),
    ),
    slo.length > 0 && element("ul.objectives", {}, slo.map(objective)),
    notes.length > 0 && element(
      "div.callout",
      {},
      element("strong", {}, "Notes"),
      element(
        "ul",
        {},
        notes.map((note) => element("li", {}, foreignText(note))),
      ),
    ),
  );
}

/** Summaries of the client's condition, in milliseconds. */
const CLIENT = [
  ["ttftShare", "client's share of TTFT"],
  ["finalizationShare", "client's share of finalization"],
  ["latencyShare", "client's share of E2E latency"],
  ["responseTimeShare", "client's share of response time"],
  ["scheduleLag", "schedule lag"],
  ["chunkLateness", "chunk lateness"],
  ["turnaround", "turnaround"],
  ["loopDelay", "delay of the event loop"],
  ["rtt", "round trip to the server"],
  ["connectAhead", "opening a connection ahead"],
] as const;

function clientTable({ client }: StageReport): HTMLElement {
  const rows = CLIENT.flatMap(([name, label]) => {
    const summary = client[name];
    return summary ? [{ label, summary }] : [];
  });
  const more = [
    ...(client.cpu === undefined
      ? []
      : [`processor ${formatNumber(100 * client.cpu)} %`]),
    ...(client.queued === undefined ? [] : [
      `waited for a processor ${
        formatNumber(100 * client.queued)
      } % of the time`,
    ]),
    ...(client.rssBytes === undefined
      ? []
      : [`memory ${formatNumber(client.rssBytes / 2 ** 20)} MiB`]),
    ...(client.method === undefined
      ? []
      : [`shares from ${METHODS[client.method]}`]),
  ];
  return element(
    "div",
    {},
    table(
      "The client, in milliseconds. Its shares are upper bounds of what it can have added to each request.",
      [
        { head: "figure", isText: true, cell: ({ label }) => label },
        { head: "n", cell: ({ summary }) => formatNumber(summary.n) },
        ...(["p50", "p90", "p99", "max"] as const).map((head) => ({
          head,
          cell: ({ summary }: typeof rows[number]) =>
            formatNumber(summary[head]),
        })),
      ],
      rows,
    ),
    element("p", {}, more.join(" · ")),
  );
}

const METHODS = {
  arrivals: "the system's times of arrival",
  scheduler: "the system's account of the thread",
  timers: "timers",
} as const;

function objective({ objective, pass, value, unit, n, reason }: SloResult) {
  const measured = value === undefined
    ? "no data"
    : `${formatValue(value, unit)}, n = ${formatNumber(n)}`;
  return element(
    "li",
    { class: pass ? "good" : "bad" },
    `${pass ? "✓ met" : "✕ missed"}: `,
    element("code", {}, foreignText(objective)),
    ` (${measured})`,
    reason !== undefined && element("span.hint", {}, " ", foreignText(reason)),
  );
}

/** Length, requests by their end, and rates of a stage. */
export function factsOf(
  { window, counts, rates, stopped }: StageReport,
): string[] {
  const { startMs, endMs, warmupMs, cooldownMs = 0 } = window;
  const seconds = (ms: number) => `${formatNumber(ms / 1000)} s`;
  const some = (count: number, words: string) =>
    count > 0 ? [`${formatNumber(count)} ${words}`] : [];
  const rate = (name: keyof StageReport["rates"], words: string) => {
    const value = rates[name];
    return value === undefined ? [] : [`${formatNumber(value)} ${words}`];
  };
  return [
    `${seconds(endMs - startMs)} measured` +
    (warmupMs > 0 ? `, after ${seconds(warmupMs)} of warm-up` : "") +
    (cooldownMs > 0 ? `, before ${seconds(cooldownMs)} of cool-down` : ""),
    `ended by ${STOPS[stopped]}`,
    `${formatNumber(counts.ok)} ok`,
    ...some(counts.error, "failed"),
    ...some(counts.timeout, "timed out"),
    ...some(counts.cancelled, "cancelled"),
    ...some(counts.dropped, "never started"),
    ...some(counts.emptyOutputs, "with empty answers"),
    ...some(counts.retried, "sent again"),
    ...rate("requestsPerSecond", "requests/s"),
    ...rate("goodput", "requests/s that keep every SLO"),
    ...rate("inputTokensPerSecond", "input tokens/s"),
    ...rate("outputTokensPerSecond", "output tokens/s"),
    ...rate("embeddingsPerSecond", "embeddings/s"),
    ...rate("rtfxAggregate", "seconds of audio per second"),
  ];
}

const STOPS: Readonly<Record<StageReport["stopped"], string>> = {
  duration: "its duration",
  requests: "its number of requests",
  data: "the end of the data",
  errors: "the number of failures",
  errorRate: "the share of failures",
  recentErrorRate: "the share of recent failures",
  saturation: "a queue that grew steadily",
  silence: "silence",
  decided: "the search, which had decided",
  interrupted: "an interrupt",
};
