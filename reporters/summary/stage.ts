import {
  type ClientHealth,
  type Counts,
  explainStop,
  type FailureNote,
  formatSloValue,
  type SloResult,
  type StageReport,
  type Summary,
  type TokenCounter,
} from "../../plugins/mod.ts";
import { errorFacts, figuresTable } from "./figures.ts";
import { metricsTable } from "./metric_table.ts";
import {
  type Block,
  type Fact,
  type Facts,
  type Row,
  type Section,
  type Table,
  type TonedText,
  toneOfVerdict,
} from "./model.ts";
import {
  fourDigits,
  hundredths,
  percent,
  plural,
  rounded,
  seconds,
} from "./numbers.ts";
import { message, nameOf } from "./text.ts";
import { trendTable } from "./trends.ts";

/** Position of a stage in its run. */
export interface Place {
  /** Index of the stage, from 0. */
  readonly index: number;
  /** How fast audio is sent, if the backend reports it. */
  readonly speed: string | undefined;
}

/** A stage: what was offered, what the server did, errors, SLOs, the client and the verdict. */
export function stageSection(stage: StageReport, place: Place): Section {
  const { status } = stage.verdict;
  const { errorRate = 0 } = stage.rates;
  const title = [
    `stage ${place.index + 1}`,
    nameOf(stage.name),
    stage.repeat !== undefined && `repetition ${stage.repeat}`,
    // First, as all other numbers mean little then.
    errorRate > 0.5 && status !== "failed" &&
    `${percent(errorRate)} of requests failed`,
  ].filter((part) => part !== false).join(" · ");
  return {
    title,
    status: statusOf(stage),
    blocks: status === "failed"
      ? [
        group("offered", offeredFacts(stage)),
        failureTable(stage),
        sloTable(stage),
        group("verdict", verdictFacts(stage)),
      ]
      : measuredBlocks(stage, place),
  };
}

/** The verdict, and whether the SLOs were met, where there are any. */
export function statusOf({ verdict, slo = [] }: StageReport): TonedText {
  const { status } = verdict;
  const missed = slo.filter(({ pass }) => !pass).length;
  const all = slo.length === 1 ? "SLO" : `all ${slo.length} SLOs`;
  const some = slo.length === missed ? all : `${missed} of ${slo.length} SLOs`;
  const met = slo.length === 0
    ? ""
    : missed > 0
    ? `, ${some} missed`
    : `, ${all} met`;
  const tone = toneOfVerdict(status);
  return {
    text: status + met,
    tone: missed > 0 && tone === "good" ? "bad" : tone,
  };
}

function measuredBlocks(stage: StageReport, { speed }: Place): Block[] {
  const isPaced = speed !== undefined && speed !== "unpaced";
  return [
    group("offered", offeredFacts(stage)),
    metricsTable(stage, isPaced),
    figuresTable(stage, speed),
    trendTable(stage),
    group("errors", errorFacts(stage)),
    failureTable(stage),
    sloTable(stage),
    group("tokens", tokenFacts(stage)),
    group("client", [...networkFacts(stage.client), ...clientFacts(stage)]),
    group(
      "notes",
      (stage.notes ?? []).map((note) => ({ value: message(note) })),
    ),
    group("verdict", verdictFacts(stage)),
  ];
}

function group(title: string, facts: readonly Fact[]): Facts {
  return { title, facts };
}

function offeredFacts(stage: StageReport): Fact[] {
  const { window, window: { startMs, endMs }, counts, metrics } = stage;
  const noun = metrics["audioSeconds"] ? "utterance" : "request";
  const all = counts.ok + counts.error + counts.timeout + counts.cancelled;
  const ends = [`${counts.ok} ok`, ...notableEnds(counts)].join(", ");
  const stop = explainStop(stage);
  const { retried } = counts;
  return [
    ...arrivalFacts(stage),
    {
      label: "window",
      value: `${seconds(endMs - startMs)} measured${aroundWindow(window)}`,
    },
    { label: "requests", value: `${plural(all, noun)}: ${ends}` },
    ...(retried > 0
      ? [{
        label: "retried",
        value: `${
          plural(retried, "request")
        } sent again, after a closed connection or a refusal`,
      }]
      : []),
    ...(stop === undefined ? [] : [{ label: "ended", value: stop }]),
  ];
}

/** Formats warm-up and cool-down: ` after 12 s warm-up (steady) before 3 s cool-down`. */
function aroundWindow(
  { warmupMs, warmupEnd, cooldownMs }: StageReport["window"],
): string {
  const found = { requests: "", steady: " (steady)", limit: " (not steady)" };
  const how = warmupEnd === undefined ? "" : found[warmupEnd];
  const warmup = warmupMs > 0
    ? ` after ${seconds(warmupMs)} warm-up${how}`
    : "";
  const cooldown = cooldownMs === undefined
    ? ""
    : ` before ${seconds(cooldownMs)} cool-down`;
  return warmup + cooldown;
}

function notableEnds(counts: Counts): string[] {
  const { error, throttled } = counts;
  const ends = {
    [throttled > 0 ? `failed (${throttled} throttled)` : "failed"]: error,
    "timed out": counts.timeout,
    cancelled: counts.cancelled,
    dropped: counts.dropped,
    "with empty answers": counts.emptyOutputs,
  };
  return Object.entries(ends).flatMap(([words, n]) =>
    n > 0 ? [`${n} ${words}`] : []
  );
}

/** How requests really arrived, where their times were set beforehand. */
function arrivalFacts({ load, arrivals }: StageReport): Fact[] {
  if (!arrivals || load["concurrency"] !== undefined) return [];
  const { ratePerSecond, dispersion, gapCorrelation } = arrivals;
  const wanted = load["ratePerSecond"];
  const of = typeof wanted === "number" ? ` of ${rounded(wanted)}/s` : "";
  const parts = [
    `${fourDigits(ratePerSecond)}/s${of}`,
    dispersion !== undefined && `dispersion ${hundredths(dispersion)}`,
    gapCorrelation !== undefined && `lag-1 ${hundredths(gapCorrelation)}`,
  ].filter((part) => part !== false);
  return [{ label: "arrivals", value: parts.join(", ") }];
}

/** Failures by class and code, with their number in all; and those of the warm-up. */
function failureTable(
  { counts, failures, warmupFailures = [] }: StageReport,
): Table {
  const all = Object.values(counts.failures).reduce((sum, n) => sum + n, 0);
  const shown = failures.reduce((sum, { count }) => sum + count, 0);
  const rest = { label: "other kinds", cells: [String(all - shown)] };
  return {
    columns: [
      { head: "requests" },
      { head: "first message", align: "left", wraps: true },
    ],
    parts: [
      {
        title: "failures",
        rows: [
          ...failures.map(failureRow),
          ...(failures.length > 0 && all > shown ? [rest] : []),
        ],
      },
      { title: "in the warm-up", rows: warmupFailures.map(failureRow) },
    ],
  };
}

function failureRow({ class: name, code = "", ...failure }: FailureNote): Row {
  return {
    label: nameOf(`${name} ${code}`),
    cells: [
      { text: String(failure.count), tone: "bad" },
      message(failure.message),
    ],
  };
}

function sloTable({ slo = [] }: StageReport): Table {
  return {
    columns: [
      { head: "result", align: "left" },
      { head: "measured", align: "left", wraps: true },
    ],
    parts: [{
      title: "SLOs",
      rows: slo.map((result) => ({
        label: nameOf(result.objective),
        cells: [
          result.pass
            ? { text: "met", tone: "good" }
            : { text: "missed", tone: "bad" },
          message(measuredBy(result)),
        ],
      })),
    }],
  };
}

/** The measured value of an SLO, or the reason why it is missing. */
function measuredBy(result: SloResult): string {
  const { value, reason } = result;
  return value === undefined && reason
    ? `no data: ${reason}`
    : formatSloValue(result);
}

/** Names the sources of token counts other than the server's: an estimate must not look like a count. */
function tokenFacts({ tokenCounts = {}, counts: { ok } }: StageReport): Fact[] {
  const of = `of ${plural(ok, "request")}`;
  return (["input", "output"] as const).flatMap((side) => {
    const counts = tokenCounts[side] ?? {};
    const parts = Object.entries(COUNTERS).flatMap(([by, words]) => {
      const n = counts[by as keyof typeof COUNTERS];
      return n === undefined ? [] : [`${words} (${n} ${of})`];
    });
    return parts.length > 0 ? [{ label: side, value: parts.join(", ") }] : [];
  });
}

const COUNTERS: Readonly<Record<Exclude<TokenCounter, "server">, string>> = {
  tokenize: "counted by /tokenize",
  tokenizer: "counted by the tokenizer",
  deltas: "estimated from deltas",
  characters: "estimated from characters",
};

/** The distance of the server, and the connections that were opened before the stage. */
function networkFacts({ rtt, connectAhead }: ClientHealth): Fact[] {
  return [
    ...rtt
      ? [{
        label: "network",
        value: `RTT ${rounded(rtt.min)} ms (fastest of ${rtt.n})`,
      }]
      : [],
    ...connectAhead
      ? [{
        label: "connections",
        value: `${connectAhead.n} opened ahead, in ${
          rounded(connectAhead.p50)
        } ms p50, ${rounded(connectAhead.p99)} ms p99`,
      }]
      : [],
  ];
}

/** Shares that people read, each with the name of its metric. */
const SHARES = [
  ["ttftShare", "TTFT"],
  ["finalizationShare", "finalization"],
  ["latencyShare", "E2E latency"],
] as const;

function clientFacts({ client }: StageReport): Fact[] {
  const { cpu, rssBytes } = client;
  const delays = [
    p99Of("schedule lag", client.scheduleLag),
    p99Of("chunk lateness", client.chunkLateness),
    p99Of("event-loop delay", client.loopDelay),
  ].filter((part) => part !== undefined);
  const machine = [
    cpu !== undefined && `CPU ${percent(cpu)}`,
    rssBytes !== undefined && `memory ${rounded(rssBytes / 2 ** 20)} MiB`,
  ].filter((part) => part !== false);
  return [
    ...shareFact(client),
    ...(delays.length > 0
      ? [{ label: "delays p99", value: delays.join(", ") }]
      : []),
    ...(machine.length > 0
      ? [{ label: "machine", value: machine.join(", ") }]
      : []),
  ];
}

/** How much this client can have added to the first headline metric. */
function shareFact(client: ClientHealth): Fact[] {
  for (const [name, label] of SHARES) {
    const share = client[name];
    if (!share) continue;
    const { n, added } = share;
    return [{
      label: "adds to " + label,
      value: `≤ ${rounded(added.p50)} ms to p50, ≤ ${
        rounded(added.p99)
      } ms to p99${fewOf(n)}`,
    }];
  }
  return [];
}

/** Adds n to a p99 of few values, which the verdict does not use. */
function fewOf(n: number): string {
  return n < 100 ? ` (n=${n})` : "";
}

function p99Of(name: string, summary: Summary | undefined): string | undefined {
  return summary && `${name} ${rounded(summary.p99)} ms${fewOf(summary.n)}`;
}

/** The verdict with its reasons. */
function verdictFacts({ verdict }: StageReport): Fact[] {
  const { status, reasons, maxClientShare } = verdict;
  const limit = maxClientShare === undefined
    ? ""
    : ` (client's share up to ${percent(maxClientShare)} allowed)`;
  return [
    { value: status + limit, tone: toneOfVerdict(status) },
    ...reasons.map((reason) => ({ value: message(reason) })),
  ];
}
