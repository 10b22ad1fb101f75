import {
  clientMetrics,
  type Instant,
  metrics,
  metricsOf,
  type Sample,
  type TokenCounter,
  type Usage,
} from "../../plugins/mod.ts";
import type { Cell } from "../safe_text.ts";

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

/** Metrics with a list of values for each request, which a row cannot contain. */
const lists: readonly string[] = ["itl", "deltaGap", "chunkLateness"];

type Column = readonly [name: string, value: (sample: Sample) => Cell];

const before: readonly Column[] = [
  ["id", ({ id }) => id],
  ["session", ({ session }) => session.id],
  ["turn", ({ session }) => session.turn],
  ["stage", ({ stage }) => stage],
  ["phase", ({ phase }) => phase],
  ["status", ({ outcome }) => outcome.status],
  ["failure.class", (sample) => failureOf(sample)?.class],
  ["failure.code", (sample) => failureOf(sample)?.code],
  ["failure.message", (sample) => failureOf(sample)?.message],
  ["audio.id", ({ input }) => input.audioId],
  ["audio.ms", ({ input }) => input.audioMs],
  ["scheduledMs", ({ scheduledMs }) => scheduledMs],
  ["dispatchedMs", ({ dispatchedMs }) => dispatchedMs],
  ...instants.map((name): Column => [`${name}Ms`, ({ marks }) => marks[name]]),
  ["endedMs", ({ endedMs }) => endedMs],
];

const names: readonly string[] = [...metrics, ...clientMetrics]
  .map(({ name }) => name).filter((name) => !lists.includes(name));

const after: readonly Column[] = [
  ["countedBy.input", ({ output }) => counterOf(output.usage, "input")],
  ["countedBy.output", ({ output }) => counterOf(output.usage, "output")],
  ["retried", ({ retried = 0 }) => retried],
  ["reads", ({ reads }) => reads.count],
  ["readBytes", ({ reads }) => reads.bytes],
  ["events", ({ reads }) => reads.events],
  ["deltas", ({ deltas }) => deltas.length],
  ["chunks", ({ audioSent }) => audioSent.length],
  ["texts", ({ input }) => input.texts],
  ["images", ({ input }) => input.images],
  ["embeddings", ({ output }) => output.embeddings?.count],
  ["dimensions", ({ output }) => output.embeddings?.dimensions],
  ["finishReason", ({ output }) => output.finishReason],
  ["text", ({ output }) => output.text],
  ["reference", ({ input }) => input.reference],
];

/** Columns of a table of requests: the same in every run. */
export const requestColumns: readonly string[] = [
  ...before.map(([name]) => name),
  ...names,
  ...after.map(([name]) => name),
];

/** Returns the cells of a request in the order of the columns. */
export function requestCells(sample: Sample): Cell[] {
  const values = metricsOf(sample);
  return [
    ...before.map(([, value]) => value(sample)),
    ...names.map((name) => values[name]),
    ...after.map(([, value]) => value(sample)),
  ];
}

function failureOf({ outcome }: Sample) {
  return outcome.status === "ok" ? undefined : outcome.failure;
}

/** Returns the source of a token count, and `undefined` for an unknown count. */
function counterOf(
  usage: Usage | undefined,
  side: "input" | "output",
): TokenCounter | undefined {
  if (usage?.[`${side}Tokens`] === undefined) return undefined;
  return usage.countedBy?.[side] ?? "server";
}
