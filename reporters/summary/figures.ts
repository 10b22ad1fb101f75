import type { Bounds, ErrorRate, StageReport } from "../../plugins/mod.ts";
import type { Fact, Row, Table } from "./model.ts";
import { formatInterval, percent, plural, rounded, times } from "./numbers.ts";
import { nameOf } from "./text.ts";

/** A number of a whole stage, with its interval and what explains it. */
interface Figure {
  readonly label: string;
  readonly value: number | undefined;
  readonly bounds?: Bounds | undefined;
  readonly format: (value: number) => string;
  readonly detail?: string;
}

/** Numbers of the whole stage: the quality of what was recognized, and throughput. */
export function figuresTable(stage: StageReport, speed?: string): Table {
  const { rates, quality, withinRunIntervals: intervals, metrics } = stage;
  const isSpeech = (metrics["audioSeconds"] ?? rates.rtfxAggregate) !==
    undefined;
  const rate = (
    name: keyof typeof rates,
    label: string,
    format: Figure["format"] = rounded,
  ): Figure => ({
    label,
    value: rates[name],
    bounds: intervals?.rates[name],
    format,
  });
  return {
    columns: [
      { head: "" },
      { head: intervalHead(stage) },
      { head: "", align: "left", wraps: true },
    ],
    parts: [
      {
        // Without speech the error rates are those of text.
        title: isSpeech ? "speech" : "quality",
        rows: [
          ...figureRow({
            ...rate("rtfxAggregate", "RTFx", times),
            detail: speed === undefined || speed === "unpaced"
              ? speed ?? ""
              : `sent ${speed}`,
          }),
          ...errorRows("WER", "words", quality.wer, intervals?.quality.wer),
          ...errorRows(
            "CER",
            "characters",
            quality.cer,
            intervals?.quality.cer,
          ),
        ],
      },
      {
        title: "throughput",
        rows: [
          rate("requestsPerSecond", "requests/s"),
          rate("goodput", "goodput, requests/s"),
          rate("embeddingsPerSecond", "embeddings/s"),
          rate("outputTokensPerSecond", "output tokens/s"),
          rate("inputTokensPerSecond", "input tokens/s"),
        ].flatMap(figureRow),
      },
    ],
  };
}

function intervalHead({ withinRunIntervals }: StageReport): string {
  const { confidence = 0.95 } = withinRunIntervals ?? {};
  return `${rounded(100 * confidence)} % interval`;
}

/** The error rate in words. */
export function errorFacts(stage: StageReport): Fact[] {
  const { counts: { ok, error, timeout }, rates, withinRunIntervals } = stage;
  const { errorRate } = rates;
  if (errorRate === undefined) return [];
  const bounds = formatInterval(withinRunIntervals?.rates.errorRate, percent);
  const interval = bounds ? ` (${intervalHead(stage)} ${bounds})` : "";
  const of = plural(ok + error + timeout, "request");
  const value = `${percent(errorRate)}: ${error + timeout} of ${of}${interval}`;
  return [{ value, ...(errorRate > 0 && { tone: "bad" }) }];
}

function figureRow(
  { label, value, bounds, format, detail = "" }: Figure,
): Row[] {
  if (value === undefined) return [];
  const cells = [format(value), formatInterval(bounds, format) ?? "", detail];
  return [{ label, cells }];
}

function errorRows(
  label: string,
  units: string,
  rate: ErrorRate | undefined,
  bounds: Bounds | undefined,
): Row[] {
  if (rate === undefined) return [];
  const { value, s, d, i, n, normalizer, emptyReferenceInsertions } = rate;
  const more = emptyReferenceInsertions > 0
    ? `; ${emptyReferenceInsertions} more inserted where the reference is empty`
    : "";
  const detail = `S ${s} D ${d} I ${i} of ${n} ${units}, ${
    nameOf(normalizer)
  }${more}`;
  const shown = value === undefined ? "unknown" : percent(value);
  return [{
    label,
    cells: [shown, formatInterval(bounds, percent) ?? "", detail],
  }];
}
