import type {
  ClientHealth,
  Counts,
  ErrorRate,
  FailureNote,
  Rates,
  StageReport,
  Summary,
  TokenCounter,
} from "../../plugins/mod.ts";
import { type Look, verdictColor } from "./look.ts";
import { mebibytes, percent, rounded, seconds, times } from "./number.ts";
import { metricsTable } from "./table.ts";
import { plain, wrap, wrapMessage } from "./format.ts";

/** Where a stage stands in its run. */
export interface Place {
  /** From 0. */
  readonly index: number;
  /** Stages of the run. */
  readonly of: number;
  /** Audio seconds sent in a second, where the backend told; 0 is unpaced. */
  readonly speed: number | undefined;
}

/** A stage as text: title, table, speech, rates, failures, the client and the verdict. */
export function stageLines(
  stage: StageReport,
  place: Place,
  look: Look,
): string[] {
  const title = wrap(titleOf(stage, place), look);
  const [first = "", ...rest] = title;
  return [
    look.paint("bold", first),
    ...rest,
    ...(stage.verdict.status === "failed"
      ? failedLines(stage, look)
      : measuredLines(stage, place, look)),
  ];
}

/** Why there are no numbers, and what of it this client had a part in. */
export function failedLines(stage: StageReport, look: Look): string[] {
  const [first = "no request succeeded", ...rest] = stage.verdict.reasons;
  return [
    ...wrapMessage(first, {
      ...look,
      label: `${look.paint("red", "failed")}  `,
    }),
    ...rest.flatMap((reason) =>
      wrapMessage(reason, { ...look, label: "        " })
    ),
    ...objectiveLines(stage, look),
  ];
}

function titleOf(stage: StageReport, { index, of }: Place): string[] {
  const { window: { startMs, endMs, warmupMs }, stopped } = stage;
  const after = warmupMs > 0 ? ` after ${seconds(warmupMs)} warm-up` : "";
  return [
    ...(of > 1 ? [`stage ${index + 1} of ${of}`] : []),
    plain(stage.name),
    ...mostFailed(stage),
    `${seconds(endMs - startMs)} measured${after}`,
    ...endings(stage),
    ...(stopped === "interrupted" ? ["interrupted"] : []),
    ...(stopped === "data" ? ["data used up"] : []),
  ];
}

/** Said first, as no other number means much then. */
function mostFailed({ rates: { errorRate = 0 } }: StageReport): string[] {
  return errorRate > 0.5 ? [`${percent(errorRate)} of requests failed`] : [];
}

function endings({ counts, metrics }: StageReport): string[] {
  const all = total(counts);
  const what = metrics["audioSeconds"] ? "utterance" : "request";
  const rest: [number, string][] = [
    [counts.error, "failed"],
    [counts.timeout, "timed out"],
    [counts.cancelled, "cancelled"],
    [counts.dropped, "dropped"],
    [counts.emptyOutputs, "with empty answers"],
  ];
  const told = rest.flatMap(([n, words]) => n > 0 ? [`${n} ${words}`] : []);
  return [
    `${all} ${what}${all === 1 ? "" : "s"}, ${counts.ok} ok`,
    ...(told.length > 0 ? [told.join(", ")] : []),
  ];
}

function total({ ok, error, timeout, cancelled }: Counts): number {
  return ok + error + timeout + cancelled;
}

function measuredLines(
  stage: StageReport,
  { speed }: Place,
  look: Look,
): string[] {
  return [
    ...metricsTable(stage, { ...look, isPaced: !!speed }),
    ...wrap(speechOf(stage, speed), { ...look, label: subjectOf(stage) }),
    ...wrap(ratesOf(stage.rates), { ...look, label: "  rates   " }),
    ...outsideLines(stage, look),
    ...wrap(tokensOf(stage), { ...look, label: "  tokens  " }),
    ...wrap(retriedOf(stage.counts), { ...look, label: "  retried " }),
    ...failureLines(stage, look),
    ...objectiveLines(stage, look),
    ...clientLines(stage, look),
  ];
}

/** Where no speech was sent, what is compared with references is text. */
function subjectOf({ metrics, rates }: StageReport): string {
  const isSpeech = metrics["audioSeconds"] ?? rates.rtfxAggregate;
  return isSpeech === undefined ? "  quality " : "  speech  ";
}

function speechOf({ rates, quality }: StageReport, speed?: number): string[] {
  const { rtfxAggregate } = rates;
  const paced = speed === undefined
    ? ""
    : speed === 0
    ? " (unpaced)"
    : ` (speed ${times(speed)})`;
  return [
    ...(rtfxAggregate === undefined
      ? []
      : [`${times(rtfxAggregate)} real time in all${paced}`]),
    ...(quality.wer ? errorRate("WER", "words", quality.wer) : []),
    ...(quality.cer ? errorRate("CER", "characters", quality.cer) : []),
  ];
}

function errorRate(name: string, units: string, rate: ErrorRate): string[] {
  const { value, s, d, i, n, normalizer, emptyReferenceInsertions } = rate;
  const shown = value === undefined ? "unknown" : percent(value);
  const how = `S ${s} D ${d} I ${i} of ${n} ${units}, ${plain(normalizer)}`;
  return [
    `${name} ${shown} (${how})`,
    ...(emptyReferenceInsertions > 0
      ? [`${emptyReferenceInsertions} more ${units} against empty references`]
      : []),
  ];
}

function ratesOf(rates: Rates): string[] {
  const { errorRate } = rates;
  const told: readonly (readonly [number | undefined, string])[] = [
    [rates.requestsPerSecond, "requests/s"],
    [rates.embeddingsPerSecond, "embeddings/s"],
    [rates.inputTokensPerSecond, "input tokens/s"],
    [rates.outputTokensPerSecond, "output tokens/s"],
  ];
  return [
    ...told.flatMap(([rate, unit]) =>
      rate === undefined ? [] : [`${rounded(rate)} ${unit}`]
    ),
    ...(errorRate === undefined ? [] : [`errors ${percent(errorRate)}`]),
  ];
}

/** Above this share of answers outside the window the rates need a word. */
const OUTSIDE_SHARE = 0.1;

/** Why rates and counts do not fit together: rates have only what ended within the window. */
function outsideLines(
  { counts: { ok }, rates, window: { startMs, endMs } }: StageReport,
  look: Look,
): string[] {
  const { requestsPerSecond } = rates;
  if (requestsPerSecond === undefined) return [];
  const within = Math.round(requestsPerSecond * (endMs - startMs) / 1000);
  if (ok - within <= OUTSIDE_SHARE * ok) return [];
  const text = `rates count the ${within} request${
    within === 1 ? "" : "s"
  } that ended within the window of ${
    seconds(endMs - startMs)
  }, not all ${ok} ok: measure longer`;
  return wrapMessage(text, { ...look, label: "          " });
}

function objectiveLines({ slo = [] }: StageReport, look: Look): string[] {
  const pieces = slo.map(({ objective, value, pass }) => {
    const measured = value === undefined ? "no data" : percent(value);
    const result = pass
      ? look.paint("green", "met")
      : look.paint("red", "missed");
    return `${plain(objective)}  ${measured}  ${result}`;
  });
  return wrap(pieces, { ...look, label: "  slo     " });
}

/** Who counted tokens beside the server's own answers: without a word of it, an estimate would look like a count. */
function tokensOf({ tokenCounts = {}, counts: { ok } }: StageReport): string[] {
  const of = `of ${ok} request${ok === 1 ? "" : "s"}`;
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

/** A request that was sent twice is slower than the server is. */
function retriedOf({ retried }: Counts): string[] {
  if (retried === 0) return [];
  const what = retried === 1 ? "request" : "requests";
  return [
    `${retried} ${what} sent again, after a closed connection or a refusal`,
  ];
}

function failureLines(
  { counts, failures }: StageReport,
  look: Look,
): string[] {
  if (failures.length === 0) return [];
  const all = Object.values(counts.failures).reduce((sum, n) => sum + n, 0);
  const told = failures.reduce((sum, { count }) => sum + count, 0);
  return [
    look.paint("red", "  failures"),
    ...failures.flatMap((note) => failureLine(note, look)),
    ...(all > told
      ? [`${String(all - told).padStart(8)}  of other kinds`]
      : []),
  ];
}

function failureLine(
  { class: name, code = "", message, count }: FailureNote,
  look: Look,
): string[] {
  const kind = `${name} ${code}`.trim();
  const label = `${String(count).padStart(8)}  `;
  return wrapMessage(`${kind}: ${message}`, { ...look, label });
}

function clientLines(
  { client, verdict }: StageReport,
  look: Look,
): string[] {
  const status = look.paint(verdictColor(verdict.status), verdict.status);
  const pieces = healthOf(client);
  const last = pieces.pop();
  const told = last === undefined
    ? [status]
    : [...pieces, `${last}   ${status}`];
  const label = "  client  ";
  const indent = " ".repeat(label.length);
  return [
    ...wrap(told, { ...look, label }),
    ...verdict.reasons.flatMap((reason) =>
      wrapMessage(reason, { ...look, label: indent })
    ),
  ];
}

function healthOf(client: ClientHealth): string[] {
  const { scheduleLag, chunkLateness, loopDelay, cpu, rssBytes } = client;
  return [
    ...p99Of("lag", scheduleLag),
    ...p99Of("chunk lateness", chunkLateness),
    ...p99Of("loop", loopDelay),
    ...(cpu === undefined ? [] : [`cpu ${percent(cpu)}`]),
    ...(rssBytes === undefined ? [] : [mebibytes(rssBytes)]),
  ];
}

/** With its n where a p99 is little more than the largest value: the verdict does not rest on it then. */
function p99Of(what: string, summary: Summary | undefined): string[] {
  if (!summary) return [];
  const few = summary.n < 100 ? ` (n ${summary.n})` : "";
  return [`${what} p99 ${rounded(summary.p99)} ms${few}`];
}
