import {
  type ClientHealth,
  type Counts,
  type ErrorRate,
  formatSloValue,
  type Rates,
  type StageReport,
  type Summary,
  type TokenCounter,
} from "../../plugins/mod.ts";
import {
  displayWidth,
  type Look,
  optional,
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
  return [
    ...wrapMessage(first, { ...look, label }),
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

function titleOf(stage: StageReport, { index, of }: Place): string[] {
  const { window: { startMs, endMs, warmupMs }, stopped } = stage;
  const { errorRate = 0 } = stage.rates;
  const after = warmupMs > 0 ? ` after ${seconds(warmupMs)} warm-up` : "";
  return [
    ...(of > 1 ? [`stage ${index + 1} of ${of}`] : []),
    plain(stage.name),
    // First, as all other numbers mean little then.
    ...(errorRate > 0.5 ? [`${percent(errorRate)} of requests failed`] : []),
    `${seconds(endMs - startMs)} measured${after}`,
    ...endings(stage),
    ...(stopped === "interrupted" ? ["interrupted"] : []),
    ...(stopped === "data" ? ["data exhausted"] : []),
  ];
}

function endings({ counts, metrics }: StageReport): string[] {
  const { ok, error, timeout, cancelled, dropped, emptyOutputs } = counts;
  const noun = metrics["audioSeconds"] ? "utterance" : "request";
  const rest = {
    failed: error,
    "timed out": timeout,
    cancelled,
    dropped,
    "with empty answers": emptyOutputs,
  };
  const parts = Object.entries(rest).filter(([, n]) => n > 0)
    .map(([words, n]) => `${n} ${words}`);
  return [
    `${plural(ok + error + timeout + cancelled, noun)}, ${ok} ok`,
    ...(parts.length > 0 ? [parts.join(", ")] : []),
  ];
}

function measuredLines(
  stage: StageReport,
  { speed }: Place,
  look: Look,
): string[] {
  const section = (name: string, parts: readonly string[]) =>
    wrap(parts, { ...look, label: labelOf(name) });
  return [
    ...metricsTable(stage, { ...look, isPaced: !!speed }),
    ...section(subjectOf(stage), speechOf(stage, speed)),
    ...section("rates", ratesOf(stage.rates)),
    ...outsideLines(stage, look),
    ...section("tokens", tokensOf(stage)),
    ...section("retried", retriedOf(stage.counts)),
    ...failureLines(stage, look),
    ...sloLines(stage, look),
    ...section("client", healthOf(stage.client)),
    ...verdictLines(stage, look),
  ];
}

/** Label of a section. Its further lines are indented by the same width. */
function labelOf(name = ""): string {
  return `  ${name.padEnd(8)}`;
}

/** Returns the name of the section with the error rates: without speech they are those of text. */
function subjectOf({ metrics, rates }: StageReport): string {
  const isSpeech = metrics["audioSeconds"] ?? rates.rtfxAggregate;
  return isSpeech === undefined ? "quality" : "speech";
}

function speechOf({ rates, quality }: StageReport, speed?: number): string[] {
  const [pace = ""] = optional(
    speed,
    (speed) => speed === 0 ? " (unpaced)" : ` (speed ${times(speed)})`,
  );
  return [
    ...optional(rates.rtfxAggregate, (rtfx) => `RTFx ${times(rtfx)}${pace}`),
    ...(quality.wer ? errorRate("WER", "words", quality.wer) : []),
    ...(quality.cer ? errorRate("CER", "characters", quality.cer) : []),
  ];
}

function errorRate(name: string, units: string, rate: ErrorRate): string[] {
  const { value, s, d, i, n, normalizer, emptyReferenceInsertions } = rate;
  const [shown = "unknown"] = optional(value, percent);
  const how = `S ${s} D ${d} I ${i} of ${n} ${units}, ${plain(normalizer)}`;
  return [
    `${name} ${shown} (${how})`,
    ...(emptyReferenceInsertions > 0
      ? [
        `${emptyReferenceInsertions} more ${units} inserted where the reference is empty`,
      ]
      : []),
  ];
}

function ratesOf(rates: Rates): string[] {
  const inUnit = (unit: string) => (rate: number) => `${rounded(rate)} ${unit}`;
  return [
    ...optional(rates.requestsPerSecond, inUnit("requests/s")),
    ...optional(rates.embeddingsPerSecond, inUnit("embeddings/s")),
    ...optional(rates.inputTokensPerSecond, inUnit("input tokens/s")),
    ...optional(rates.outputTokensPerSecond, inUnit("output tokens/s")),
    ...optional(rates.errorRate, (share) => `errors ${percent(share)}`),
  ];
}

/** Share of answers outside the window from which rates are explained. */
const OUTSIDE_SHARE = 0.1;

/** Explains why rates and counts differ: rates include only requests that ended within the window. */
function outsideLines(
  { counts: { ok }, rates, window: { startMs, endMs } }: StageReport,
  look: Look,
): string[] {
  const { requestsPerSecond } = rates;
  if (requestsPerSecond === undefined) return [];
  const within = Math.round(requestsPerSecond * (endMs - startMs) / 1000);
  if (ok - within <= OUTSIDE_SHARE * ok) return [];
  const counted = plural(within, "request");
  const length = seconds(endMs - startMs);
  const text =
    `rates count the ${counted} that ended within the window of ${length}, not all ${ok} ok: measure longer`;
  return wrapMessage(text, { ...look, label: labelOf() });
}

/** Formats SLOs in columns: the objective with its limit, the value with its number of requests, and the result. */
function sloLines({ slo = [] }: StageReport, look: Look): string[] {
  const rows = slo.map((each) => [plain(each.objective), formatSloValue(each)]);
  const [widest = 0, widestValue = 0] = [0, 1].map((i) =>
    Math.max(0, ...rows.map((cells) => displayWidth(cells[i]!)))
  );
  return slo.map(({ pass }, i) => {
    const [objective, value] = rows[i]!;
    const result = pass
      ? look.paint("green", "met")
      : look.paint("red", "missed");
    const label = labelOf(i === 0 ? "slo" : "");
    return `${label}${objective!.padEnd(widest)}  ${
      value!.padEnd(widestValue)
    }  ${result}`;
  });
}

/** Names the sources of token counts other than the server's: an estimate must not look like a count. */
function tokensOf({ tokenCounts = {}, counts: { ok } }: StageReport): string[] {
  const of = `of ${plural(ok, "request")}`;
  return (["input", "output"] as const).flatMap((side) =>
    Object.entries(counters).flatMap(([by, words]) => {
      const n = tokenCounts[side]?.[by as keyof typeof counters];
      return n === undefined ? [] : [`${side} ${words} (${n} ${of})`];
    })
  );
}

const counters: Readonly<Record<Exclude<TokenCounter, "server">, string>> = {
  tokenize: "counted by /tokenize",
  tokenizer: "counted by the tokenizer",
  deltas: "estimated from deltas",
  characters: "estimated from characters",
};

/** Names requests that were sent again, as these are slower than the server. */
function retriedOf({ retried }: Counts): string[] {
  if (retried === 0) return [];
  const requests = plural(retried, "request");
  return [`${requests} sent again, after a closed connection or a refusal`];
}

function failureLines(
  { counts, failures }: StageReport,
  look: Look,
): string[] {
  if (failures.length === 0) return [];
  const all = Object.values(counts.failures).reduce((sum, n) => sum + n, 0);
  const shown = failures.reduce((sum, { count }) => sum + count, 0);
  return [
    look.paint("red", "  failures"),
    ...failures.flatMap(({ class: name, code = "", message, count }) =>
      wrapMessage(`${`${name} ${code}`.trim()}: ${message}`, {
        ...look,
        label: `${String(count).padStart(8)}  `,
      })
    ),
    ...(all > shown
      ? [`${String(all - shown).padStart(8)}  of other kinds`]
      : []),
  ];
}

function verdictLines(
  { verdict: { status, reasons } }: StageReport,
  look: Look,
): string[] {
  return [
    labelOf("verdict") + look.paint(verdictColor(status), status),
    ...messageLines(reasons, { ...look, label: labelOf() }),
  ];
}

function healthOf(client: ClientHealth): string[] {
  const { scheduleLag, chunkLateness, loopDelay, cpu, rssBytes } = client;
  return [
    ...p99Of("schedule lag", scheduleLag),
    ...p99Of("chunk lateness", chunkLateness),
    ...p99Of("event-loop delay", loopDelay),
    ...optional(cpu, (share) => `CPU ${percent(share)}`),
    ...optional(rssBytes, (bytes) => `memory ${rounded(bytes / 2 ** 20)} MiB`),
  ];
}

/** Adds n to a p99 of few values, which the verdict does not use. */
function p99Of(what: string, summary: Summary | undefined): string[] {
  if (!summary) return [];
  const few = summary.n < 100 ? ` (n ${summary.n})` : "";
  return [`${what} p99 ${rounded(summary.p99)} ms${few}`];
}
