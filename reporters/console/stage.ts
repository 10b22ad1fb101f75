import {
  type Bounds,
  type ClientHealth,
  type Counts,
  type ErrorRate,
  explainStop,
  formatSloValue,
  type Rates,
  type StageReport,
  type Summary,
  type TokenCounter,
} from "../../plugins/mod.ts";
import {
  displayWidth,
  formatInterval,
  type Look,
  optional,
  type Part,
  percent,
  plain,
  plural,
  rounded,
  seconds,
  times,
  verdictColor,
  wrap,
  wrapMessage,
} from "./format.ts";
import { metricsTable } from "./table.ts";

/** Position of a stage in its run. */
export interface Place {
  /** Index of the stage, from 0. */
  readonly index: number;
  /** Number of stages. */
  readonly of: number;
  /** Seconds of audio sent per second, if the backend reports it; 0 is unpaced. */
  readonly speed: number | undefined;
}

/** Formats a stage: title, table, speech, rates, failures, SLOs, the client and the verdict. */
export function stageLines(
  stage: StageReport,
  place: Place,
  look: Look,
): string[] {
  const [first = "", ...rest] = wrap(titleOf(stage, place), look);
  return [
    look.paint("bold", first),
    ...rest,
    ...(stage.verdict.status === "failed"
      ? failedLines(stage, look)
      : measuredLines(stage, place, look)),
  ];
}

/** Formats the reasons why a stage has no numbers, and its SLOs. */
export function failedLines(stage: StageReport, look: Look): string[] {
  const { reasons: [first = "no request succeeded", ...rest] } = stage.verdict;
  const label = `${look.paint("red", "failed")}  `;
  const stop = stage.stopCause && explainStop(stage);
  return [
    ...wrapMessage(stop ? `${first}; ${stop}` : first, { ...look, label }),
    ...messageLines(rest, { ...look, label: " ".repeat(8) }),
    ...sloLines(stage, look),
  ];
}

function messageLines(
  messages: readonly string[],
  look: Look & { readonly label: string },
): string[] {
  return messages.flatMap((message) => wrapMessage(message, look));
}

function titleOf(stage: StageReport, { index, of }: Place): Part[] {
  const { window, window: { startMs, endMs }, counts } = stage;
  const { errorRate = 0 } = stage.rates;
  const noun = stage.metrics["audioSeconds"] ? "utterance" : "request";
  const all = counts.ok + counts.error + counts.timeout + counts.cancelled;
  return [
    of > 1 && `stage ${index + 1} of ${of}`,
    plain(stage.name),
    stage.repeat !== undefined && `repetition ${stage.repeat}`,
    // First, as all other numbers mean little then.
    errorRate > 0.5 && `${percent(errorRate)} of requests failed`,
    `${seconds(endMs - startMs)} measured${aroundWindow(window)}`,
    `${plural(all, noun)}, ${counts.ok} ok`,
    ...notableEnds(counts),
    explainStop(stage),
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

function notableEnds(counts: Counts): Part[] {
  const { error, throttled } = counts;
  const ends = {
    [throttled > 0 ? `failed (${throttled} throttled)` : "failed"]: error,
    "timed out": counts.timeout,
    cancelled: counts.cancelled,
    dropped: counts.dropped,
    "with empty answers": counts.emptyOutputs,
  };
  return Object.entries(ends).map(([words, n]) => n > 0 && `${n} ${words}`);
}

function measuredLines(
  stage: StageReport,
  { speed }: Place,
  look: Look,
): string[] {
  const section = (name: string, parts: readonly Part[]) =>
    wrap(parts, { ...look, label: labelOf(name) });
  const { metrics, rates } = stage;
  const isSpeech = (metrics["audioSeconds"] ?? rates.rtfxAggregate) !==
    undefined;
  return [
    ...metricsTable(stage, { ...look, isPaced: !!speed }),
    // Without speech the error rates are those of text.
    ...section(isSpeech ? "speech" : "quality", speechOf(stage, speed)),
    ...section("rates", ratesOf(stage)),
    ...section("load", arrivalsOf(stage)),
    ...section("tokens", tokensOf(stage)),
    ...section("retried", [retriedOf(stage.counts)]),
    ...failureLines(stage, look),
    ...sloLines(stage, look),
    ...section("network", networkOf(stage.client)),
    ...section("client", [
      ...sharesOf(stage.client),
      ...healthOf(stage.client),
    ]),
    ...noteLines(stage, look),
    ...verdictLines(stage, look),
  ];
}

/** Label of a section. Its further lines are indented by the same width. */
function labelOf(name = ""): string {
  return `  ${name.padEnd(8)}`;
}

function speechOf(stage: StageReport, speed?: number): Part[] {
  const { rates, quality, withinRunIntervals: intervals } = stage;
  const pace = optional(
    speed,
    (speed) => speed === 0 ? "unpaced" : `speed ${times(speed)}`,
  );
  const interval = formatInterval(intervals?.rates.rtfxAggregate, times);
  return [
    optional(rates.rtfxAggregate, (rtfx) => {
      const notes = [interval, pace].filter((note) => note !== undefined);
      return `RTFx ${times(rtfx)}${
        notes.length > 0 ? ` (${notes.join("; ")})` : ""
      }`;
    }),
    ...errorRate("WER", "words", quality.wer, intervals?.quality.wer),
    ...errorRate("CER", "characters", quality.cer, intervals?.quality.cer),
  ];
}

/** Adds an interval to a figure, where it has one. */
function withInterval(part: Part, interval: string | undefined): Part {
  return part && interval ? `${part} (${interval})` : part;
}

function errorRate(
  name: string,
  units: string,
  rate?: ErrorRate,
  bounds?: Bounds,
): Part[] {
  if (rate === undefined) return [];
  const { value, s, d, i, n, normalizer, emptyReferenceInsertions } = rate;
  const shown = optional(value, percent) ?? "unknown";
  const interval = formatInterval(bounds, percent);
  const how = `${
    interval ? `${interval}; ` : ""
  }S ${s} D ${d} I ${i} of ${n} ${units}, ${plain(normalizer)}`;
  return [
    `${name} ${shown} (${how})`,
    emptyReferenceInsertions > 0 &&
    `${emptyReferenceInsertions} more ${units} inserted where the reference is empty`,
  ];
}

/** Rates that are shown, each with the text around it. */
const RATES: readonly (readonly [keyof Rates, (rate: string) => string])[] = [
  ["requestsPerSecond", (rate) => `${rate} requests/s`],
  ["goodput", (rate) => `goodput ${rate} requests/s`],
  ["embeddingsPerSecond", (rate) => `${rate} embeddings/s`],
  ["inputTokensPerSecond", (rate) => `${rate} input tokens/s`],
  ["outputTokensPerSecond", (rate) => `${rate} output tokens/s`],
  ["errorRate", (rate) => `errors ${rate}`],
];

function ratesOf({ rates, withinRunIntervals }: StageReport): Part[] {
  return RATES.map(([name, words]) => {
    const format = name === "errorRate" ? percent : rounded;
    const rate = optional(rates[name], (value) => words(format(value)));
    const bounds = withinRunIntervals?.rates[name];
    return withInterval(rate, formatInterval(bounds, format));
  });
}

/** How requests really arrived, where their times were set beforehand. */
function arrivalsOf({ load, arrivals }: StageReport): Part[] {
  if (!arrivals || load["concurrency"] !== undefined) return [];
  const { ratePerSecond, dispersion, gapCorrelation } = arrivals;
  const wanted = load["ratePerSecond"];
  const of = typeof wanted === "number" ? ` of ${rounded(wanted)}/s` : "";
  return [
    `offered ${fine(ratePerSecond)}/s${of}`,
    optional(dispersion, (value) => `dispersion ${hundredths(value)}`),
    optional(gapCorrelation, (value) => `lag-1 ${hundredths(value)}`),
  ];
}

/** Formats a number with two decimals; −0 as 0. */
function hundredths(value: number): string {
  return (Math.round(100 * value) / 100 + 0).toFixed(2);
}

/** Formats a number with four digits. */
function fine(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** Formats SLOs in columns: the objective with its limit, the value with its number of requests, and the result. */
function sloLines({ slo = [] }: StageReport, look: Look): string[] {
  const objectives = padded(slo.map(({ objective }) => plain(objective)));
  const values = padded(slo.map(formatSloValue));
  return slo.map(({ pass }, i) => {
    const result = pass
      ? look.paint("green", "met")
      : look.paint("red", "missed");
    const label = labelOf(i === 0 ? "slo" : "");
    return `${label}${objectives[i]}  ${values[i]}  ${result}`;
  });
}

function padded(texts: readonly string[]): string[] {
  const width = Math.max(0, ...texts.map(displayWidth));
  return texts.map((text) => text.padEnd(width));
}

/** Names the sources of token counts other than the server's: an estimate must not look like a count. */
function tokensOf({ tokenCounts = {}, counts: { ok } }: StageReport): Part[] {
  const of = `of ${plural(ok, "request")}`;
  return (["input", "output"] as const).flatMap((side) =>
    Object.entries(counters).map(([by, words]) =>
      optional(
        tokenCounts[side]?.[by as keyof typeof counters],
        (n) => `${side} ${words} (${n} ${of})`,
      )
    )
  );
}

const counters: Readonly<Record<Exclude<TokenCounter, "server">, string>> = {
  tokenize: "counted by /tokenize",
  tokenizer: "counted by the tokenizer",
  deltas: "estimated from deltas",
  characters: "estimated from characters",
};

/** Names requests that were sent again, as these are slower than the server. */
function retriedOf({ retried }: Counts): Part {
  const requests = plural(retried, "request");
  return retried > 0 &&
    `${requests} sent again, after a closed connection or a refusal`;
}

function failureLines({ counts, failures }: StageReport, look: Look): string[] {
  if (failures.length === 0) return [];
  const label = (count: number) => `${String(count).padStart(8)}  `;
  const all = Object.values(counts.failures).reduce((sum, n) => sum + n, 0);
  const shown = failures.reduce((sum, { count }) => sum + count, 0);
  return [
    look.paint("red", "  failures"),
    ...failures.flatMap(({ class: name, code = "", message, count }) => {
      const kind = `${name} ${code}`.trim();
      return wrapMessage(`${kind}: ${message}`, {
        ...look,
        label: label(count),
      });
    }),
    ...(all > shown ? [`${label(all - shown)}of other kinds`] : []),
  ];
}

function verdictLines(
  { verdict: { status, reasons, maxClientShare } }: StageReport,
  look: Look,
): string[] {
  const limit = maxClientShare === undefined
    ? ""
    : ` (client's share up to ${percent(maxClientShare)} allowed)`;
  return [
    labelOf("verdict") + look.paint(verdictColor(status), status) + limit,
    ...messageLines(reasons, { ...look, label: labelOf() }),
  ];
}

/** Shares that people read, each with the name of its metric. */
const SHARES = [
  ["ttftShare", "TTFT"],
  ["finalizationShare", "finalization"],
  ["latencyShare", "E2E latency"],
] as const;

/** How much this client can have added to the first headline metric. */
function sharesOf(client: ClientHealth): Part[] {
  for (const [name, label] of SHARES) {
    const share = client[name];
    if (!share) continue;
    const { n, added } = share;
    const few = n < 100 ? ` (n ${n})` : "";
    return [
      `adds ≤ ${rounded(added.p50)} ms to ${label} p50, ≤ ${
        rounded(added.p99)
      } ms to p99${few}`,
    ];
  }
  return [];
}

/** The distance of the server, and the connections that were opened before the stage. */
function networkOf({ rtt, connectAhead }: ClientHealth): Part[] {
  return [
    rtt && `RTT ${rounded(rtt.min)} ms (fastest of ${rtt.n})`,
    connectAhead &&
    `${plural(connectAhead.n, "connection")} opened ahead, in ${
      rounded(connectAhead.p50)
    } ms p50, ${rounded(connectAhead.p99)} ms p99`,
  ];
}

function noteLines({ notes = [] }: StageReport, look: Look): string[] {
  return notes.flatMap((note, i) =>
    wrapMessage(note, { ...look, label: labelOf(i === 0 ? "note" : "") })
  );
}

function healthOf(client: ClientHealth): Part[] {
  return [
    p99Of("schedule lag", client.scheduleLag),
    p99Of("chunk lateness", client.chunkLateness),
    p99Of("event-loop delay", client.loopDelay),
    optional(client.cpu, (share) => `CPU ${percent(share)}`),
    optional(
      client.rssBytes,
      (bytes) => `memory ${rounded(bytes / 2 ** 20)} MiB`,
    ),
  ];
}

/** Adds n to a p99 of few values, which the verdict does not use. */
function p99Of(name: string, summary: Summary | undefined): Part {
  if (!summary) return undefined;
  const few = summary.n < 100 ? ` (n ${summary.n})` : "";
  return `${name} p99 ${rounded(summary.p99)} ms${few}`;
}
