import { z } from "zod";
import {
  count,
  fields,
  ms,
  optional,
  positiveCount,
  size,
  text,
} from "./schema_fields.ts";

/** Schema of the failure of a request. */
export const failure = z.object({
  class: text.min(1),
  code: text.exactOptional(),
  message: text,
  retryAfterMs: ms.exactOptional().describe(
    "How long the server asked to wait",
  ),
}).meta({ id: "failure", description: "Why a request failed" });

/** Schema of the source of a token count. */
export const tokenCounter = z.enum([
  "server",
  "tokenize",
  "tokenizer",
  "deltas",
  "characters",
]);

const instant = z.number();

const delta = z.object({
  atMs: instant,
  kind: z.enum(["text", "reasoning", "tool", "refusal", "audio"]),
  ...optional(text, "text"),
  mode: z.enum(["append", "replace"]).exactOptional(),
  ...optional(count, "tokens"),
  bytes: count.exactOptional().describe("Size of the media"),
  choice: count.exactOptional().describe("Index of the answer"),
});

const usage = z.object({
  ...optional(count, "inputTokens", "outputTokens", "cachedTokens"),
  ...optional(count, "audioTokens", "reasoningTokens"),
  ...optional(size, "audioSeconds"),
  countedBy: z.object(optional(tokenCounter, "input", "output"))
    .exactOptional().describe("Sources of counts other than the server's"),
}).meta({ id: "usage", description: "Token counts of one request" });

/** Schema of the instants of a request. */
export const marks = z.object({
  ...optional(instant, "connected", "ready", "requestSent", "headers"),
  ...optional(instant, "firstByte", "firstEvent", "streamStart"),
  ...optional(instant, "endSent", "final"),
});

/** Fields of a sample. */
export const sample = {
  id: count,
  session: z.object({ id: text, turn: count }),
  stage: count,
  phase: z.enum(["warmup", "measure", "cooldown"]),
  input: z.object({
    ...optional(text, "audioId", "reference"),
    audioMs: ms.exactOptional(),
    ...optional(count, "images", "texts", "maxOutputTokens"),
    isExactLength: z.literal(true).exactOptional().describe(
      "Whether exactly maxOutputTokens were requested",
    ),
  }),
  scheduledMs: instant,
  dispatchedMs: instant,
  marks,
  retried: positiveCount.exactOptional().describe(
    "Number of times it was sent again on a new connection",
  ),
  reads: z.object({ count, bytes: count, events: count.exactOptional() }),
  deltas: z.array(delta).readonly(),
  audioSent: z.array(z.object({
    dueMs: instant.exactOptional(),
    atMs: instant,
    endMs: ms,
  })).readonly(),
  output: z.object({
    ...optional(text, "text", "reasoning", "refusal"),
    ...optional(text, "responseId", "finishReason"),
    toolCalls: z.array(z.object({
      ...optional(text, "id"),
      ...fields(text, "name", "arguments"),
    })).readonly().exactOptional(),
    choices: z.array(z.object(optional(text, "text", "finishReason")))
      .readonly().exactOptional(),
    embeddings: z.object({ count, dimensions: count }).exactOptional(),
    usage: usage.exactOptional(),
  }),
  endedMs: instant,
  outcome: z.discriminatedUnion("status", [
    z.object({ status: z.literal("ok") }),
    z.object({ status: z.enum(["error", "timeout", "cancelled"]), failure }),
  ]),
  client: z.object({
    ...optional(ms, "sendingMs", "firstTokenMs", "turnaroundMs"),
    endMs: ms,
    isTimedBySystem: z.literal(true).exactOptional().describe(
      "The time of the end is that of its arrival, by the system",
    ),
  }).exactOptional().describe("Upper bounds of what this client added, in ms"),
};
