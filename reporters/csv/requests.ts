import {
  clientMetrics,
  type Instant,
  metrics,
  metricsOf,
  type Sample,
} from "../../plugins/mod.ts";
import type { Cell } from "./row.ts";

const instants: readonly Instant[] = [
  "connected",
  "ready",
  "requestSent",
  "headers",
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
  "reads",
  "readBytes",
  "deltas",
  "chunks",
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
    reads.count,
    reads.bytes,
    sample.deltas.length,
    sample.audioSent.length,
    output.finishReason,
    output.text,
    input.reference,
  ];
}
