import assert from "node:assert/strict";
import { Refusal } from "../http/refusal.ts";
import { createResponseStore, inputMessages } from "./responses.ts";

const answer = {
  pieces: [{ kind: "text", text: "yes", tokens: 1 }],
  finishReason: "stop",
} as const;

Deno.test("createResponseStore() keeps the newest responses, and no more than its limit", () => {
  const store = createResponseStore(2);
  for (const id of ["a", "b", "c"]) {
    store.add(id, [{ role: "user", content: id }], answer);
  }
  assert.throws(() => store.messagesBefore("a", { dialect: "vllm" }), Refusal);
  assert.deepEqual(store.messagesBefore("c", { dialect: "vllm" }), [
    { role: "user", content: "c" },
    { role: "assistant", content: "yes" },
  ]);
  assert.deepEqual(store.messagesBefore(null, { dialect: "vllm" }), []);
});

Deno.test("inputMessages() reads a text, messages, and results of functions", () => {
  assert.deepEqual(inputMessages({ input: "x" }), [
    { role: "user", content: "x" },
  ]);
  assert.deepEqual(
    inputMessages({
      input: [
        { role: "system", content: "y" },
        { type: "function_call", arguments: "{}" },
        { type: "function_call_output", output: "42" },
      ],
    }),
    [
      { role: "system", content: "y" },
      { role: "assistant", content: "{}" },
      { role: "tool", content: "42" },
    ],
  );
});
