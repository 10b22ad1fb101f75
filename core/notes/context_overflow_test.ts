import assert from "node:assert/strict";
import { ContextOverflow } from "./context_overflow.ts";

/** Number of messages that are taken for a refusal of a request that is too long. */
function refusedOf(
  messages: readonly string[],
  parts: { readonly class: string; readonly code?: string },
): number {
  const overflow = new ContextOverflow();
  for (const message of messages) overflow.add({ ...parts, message });
  return overflow.refused;
}

const TOO_LONG = [
  "400 This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
  "max_tokens=5000 cannot be greater than max_model_len=4096. Please request fewer output tokens.",
  "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
  "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
  "the request exceeds the available context size, try increasing it",
  "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000",
  "`inputs` must have less than 512 tokens. Given: 600",
  "prompt is too long: 210000 tokens > 200000 maximum",
];

Deno.test("ContextOverflow knows what servers say of a request longer than their context", () => {
  for (const message of TOO_LONG) {
    const refused = refusedOf([message], { class: "http_error", code: "400" });
    assert.equal(refused, 1, message);
  }
  const code = "context_length_exceeded";
  assert.equal(refusedOf(["no"], { class: "server_error", code }), 1);
});

Deno.test("ContextOverflow does not count other failures", () => {
  const others = [
    "Rate limit reached: 10000 tokens per min",
    "The audio is too long",
    "max_tokens must be at least 1, got 0.",
    "Request Entity Too Large",
  ];
  assert.equal(refusedOf(others, { class: "http_error", code: "400" }), 0);
  assert.equal(refusedOf(TOO_LONG, { class: "cancelled" }), 0);
  assert.equal(refusedOf(TOO_LONG, { class: "protocol_error" }), 0);
});
