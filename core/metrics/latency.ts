import { isText, isToken, type Metric, minus, startMs } from "./metric.ts";

/** How long things took, whatever was asked for. */
export const latencyMetrics: readonly Metric[] = [
  {
    name: "latency",
    unit: "ms",
    label: "latency",
    formula: "ended − dispatched",
    of: ({ endedMs, dispatchedMs }) => minus(endedMs, dispatchedMs),
  },
  {
    name: "responseTime",
    unit: "ms",
    label: "response time",
    formula: "ended − scheduled",
    of: ({ endedMs, scheduledMs }) => minus(endedMs, scheduledMs),
  },
  {
    name: "connect",
    unit: "ms",
    label: "connect",
    formula: "connected − dispatched",
    of: ({ marks, dispatchedMs }) => minus(marks.connected, dispatchedMs),
  },
  {
    name: "setup",
    unit: "ms",
    label: "session setup",
    formula: "ready − connected",
    of: ({ marks }) => minus(marks.ready, marks.connected),
  },
  {
    name: "upload",
    unit: "ms",
    label: "upload",
    formula: "requestSent − connected, or − dispatched on an open connection",
    of: ({ marks, dispatchedMs }) =>
      minus(marks.requestSent, marks.connected ?? dispatchedMs),
  },
  {
    name: "ttfb",
    unit: "ms",
    label: "response headers",
    formula: "headers − dispatched",
    of: ({ marks, dispatchedMs }) => minus(marks.headers, dispatchedMs),
  },
  {
    name: "firstEvent",
    unit: "ms",
    label: "first event",
    formula: "first event, or delta of any kind, empty ones too − start",
    of: (sample) =>
      minus(
        sample.marks.firstEvent ?? sample.deltas[0]?.atMs,
        startMs(sample),
      ),
  },
  {
    name: "ttft",
    unit: "ms",
    label: "first output",
    formula: "first token delta − start",
    of: (sample) => minus(sample.deltas.find(isToken)?.atMs, startMs(sample)),
  },
  {
    name: "ttftCold",
    unit: "ms",
    label: "first output, cold",
    formula: "first token delta − dispatched",
    of: ({ deltas, dispatchedMs }) =>
      minus(deltas.find(isToken)?.atMs, dispatchedMs),
  },
  {
    name: "ttfo",
    unit: "ms",
    label: "first answer text",
    formula: "first text delta − dispatched",
    of: ({ deltas, dispatchedMs }) =>
      minus(deltas.find(isText)?.atMs, dispatchedMs),
  },
];
