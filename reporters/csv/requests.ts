import {
  clientMetrics,
  type Instant,
  metrics,
  metricsOf,
  type Sample,
  type TokenCounter,
  type Usage,
} from "../../plugins/mod.ts";
import type { Cell } from "./row.ts";

const instants: readonly Instant[] = [
  "connected",
  "ready",
  "requestSent",
  "headers",
  "firstByte",
  "firstEvent",
  "streamStart",
  "endSent",
  "final",
];

/** Metrics that are a list for each request: a row cannot hold them. */
const lists: ReadonlySet<string> = new Set([
  "itl",
  "deltaGap",
  "chunkLateness",
]);

const names: readonly string[] = [...metrics, ...clientMetrics]
  .map(({ name }) => name).filter((name) => !lists.has(name));

/** The columns of a table of requests: the same in every run. */
export const requestColumns: readonly string[] = [
  "id",
  "session",
  "turn",
  "stage",
  "phase",
  "status",
  "failure.class",
  "failure.code",
  "failure.message",
  "audio.id",
  "audio.ms",
  "scheduledMs",
  "dispatchedMs",
  ...instants.map((instant) => `${instant}Ms`),
  "endedMs",
  ...names,
  "countedBy.input",
  "countedBy.output",
  "retried",
  "reads",
  "readBytes",
  "events",
  "deltas",
  "chunks",
  "texts",
  "images",
  "embeddings",
  "dimensions",
  "finishReason",
  "text",
  "reference",
];

/** The cells of a request, in the order of the columns. */
export function requestCells(sample: Sample): Cell[] {
  const { input, marks, reads, output, outcome } = sample;
  const values = metricsOf(sample);
  const failure = outcome.status === "ok" ? undefined : outcome.failure;
  return [
    sample.id,
    sample.session.id,
    sample.session.turn,
    sample.stage,
    sample.phase,
    outcome.status,
    failure?.class,
    failure?.code,
    failure?.message,
    input.audioId,
    input.audioMs,
    sample.scheduledMs,
    sample.dispatchedMs,
    ...instants.map((instant) => marks[instant]),
    sample.endedMs,
    ...names.map((name) => values[name]),
    counterOf(output.usage, "input"),
    counterOf(output.usage, "output"),
    sample.retried ?? 0,
    reads.count,
    reads.bytes,
    reads.events,
    sample.deltas.length,
    sample.audioSent.length,
    input.texts,
    input.images,
    output.embeddings?.count,
    output.embeddings?.dimensions,
    output.finishReason,
    output.text,
    input.reference,
  ];
}

/** Who counted the tokens of one side; nobody where they are not known. */
function counterOf(
  usage: Usage | undefined,
  side: "input" | "output",
): TokenCounter | undefined {
  if (usage?.[`${side}Tokens`] === undefined) return undefined;
  return usage.countedBy?.[side] ?? "server";
}
