import assert from "node:assert/strict";
import { answerLines } from "./check.ts";

Deno.test("answerLines() has a line for each part of an answer, and none for what there is not", () => {
  assert.deepEqual(
    answerLines({
      text: " It is a cat\n",
      reasoning: "Hm",
      refusal: "No",
      toolCalls: [{ id: "1", name: "look", arguments: '{"at":1}' }],
      embeddings: { count: 2, dimensions: 384 },
      usage: {
        inputTokens: 1,
        outputTokens: 2,
        countedBy: { input: "tokenize", output: "deltas" },
      },
    }),
    [
      "reasoning  Hm",
      "answer     It is a cat",
      "refusal    No",
      'call       look {"at":1}',
      "vectors    2 of 384 dimensions",
      "input      its tokens are counted by /tokenize",
      "output     its tokens are counted by deltas: an estimate",
    ],
  );
  assert.deepEqual(answerLines({ text: "" }), ["answer     "]);
  assert.deepEqual(answerLines({ usage: { inputTokens: 1 } }), []);
});
