import type { Sample } from "../../plugins/mod.ts";

/** A successful request, with every key that a sample may have. */
export const goodSample: Sample = {
  id: 0,
  session: { id: "clips/a.wav", turn: 0 },
  stage: 0,
  phase: "measure",
  input: {
    audioId: "clips/a.wav",
    audioMs: 300,
    reference: 'so "they" said,\nall of them',
  },
  scheduledMs: 10,
  dispatchedMs: 10.25,
  marks: {
    connected: 12,
    ready: 14.5,
    requestSent: 14.75,
    headers: 14.875,
    streamStart: 15,
    endSent: 316,
    final: 440,
  },
  reads: { count: 4, bytes: 812 },
  deltas: [
    { atMs: 120, kind: "text", text: "" },
    { atMs: 240, kind: "text", text: "so they", mode: "append", tokens: 2 },
    { atMs: 430, kind: "text", text: "=so they said", mode: "replace" },
  ],
  audioSent: [
    { dueMs: 115, atMs: 115.5, endMs: 100 },
    { dueMs: 215, atMs: 215.25, endMs: 200 },
    { dueMs: 315, atMs: 315.5, endMs: 300 },
    { atMs: 316, endMs: 300 },
  ],
  output: {
    text: "=so they said",
    usage: { inputTokens: 7, outputTokens: 4 },
    finishReason: "stop",
  },
  endedMs: 441,
  outcome: { status: "ok" },
};

/** A request that failed before anything was observed. */
export const failedSample: Sample = {
  id: 1,
  session: { id: "b", turn: 2 },
  stage: 0,
  phase: "warmup",
  input: {},
  scheduledMs: 0,
  dispatchedMs: 0,
  marks: {},
  reads: { count: 0, bytes: 0 },
  deltas: [],
  audioSent: [],
  output: {},
  endedMs: 3,
  outcome: {
    status: "error",
    failure: {
      class: "connect_error",
      code: "ECONNREFUSED",
      message: "Connection refused",
    },
  },
};
