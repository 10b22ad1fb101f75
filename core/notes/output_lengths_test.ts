import assert from "node:assert/strict";
import type { Output, SampleInput } from "../sample.ts";
import { sample } from "../../tests/support/sample.ts";
import { OutputLengths } from "./output_lengths.ts";

const EXACT = { maxOutputTokens: 100, isExactLength: true } as const;

function lengthsOf(
  ...answers: readonly (readonly [SampleInput, Output])[]
): OutputLengths {
  const lengths = new OutputLengths();
  for (const [input, output] of answers) lengths.add(sample({ input, output }));
  return lengths;
}

function answer(outputTokens: number, finishReason = "stop"): Output {
  return { usage: { outputTokens }, finishReason };
}

Deno.test("OutputLengths finds answers with clearly fewer or more tokens than exactly requested", () => {
  const { other, cut, exact } = lengthsOf(
    [EXACT, answer(100)],
    [EXACT, answer(95)],
    [EXACT, answer(94)],
    [EXACT, answer(120, "length")],
    [EXACT, answer(20)],
    [{ maxOutputTokens: 3, isExactLength: true }, answer(2)],
  );
  assert.deepEqual(other, { n: 3, asked: 100, got: 94 });
  assert.equal(exact, 6);
  assert.equal(cut, undefined);
});

Deno.test("OutputLengths expects no exact length where only a limit was set, nor trusts a count of its own", () => {
  const estimated = {
    usage: { outputTokens: 20, countedBy: { output: "deltas" } },
  } as const;
  const { other, exact, limited } = lengthsOf(
    [{ maxOutputTokens: 100 }, answer(20)],
    [{}, answer(20)],
    [EXACT, estimated],
    [EXACT, { finishReason: "stop" }],
    [{ audioMs: 5000 }, answer(20, "length")],
  );
  assert.deepEqual({ other, exact, limited }, {
    other: undefined,
    exact: 0,
    limited: 1,
  });
});

Deno.test("OutputLengths finds answers that end at a limit below the one requested", () => {
  const many = (...reasons: string[]): Output => ({
    ...answer(40, reasons[0]),
    choices: reasons.map((finishReason) => ({ finishReason })),
  });
  const { other, cut, limited } = lengthsOf(
    [{ maxOutputTokens: 100 }, answer(30, "length")],
    [{ maxOutputTokens: 100 }, answer(50, "max_output_tokens")],
    [EXACT, answer(40, "length")],
    [{ maxOutputTokens: 100 }, answer(100, "length")],
    [{ maxOutputTokens: 200 }, many("length", "length")],
    [{ maxOutputTokens: 200 }, many("length", "stop")],
  );
  assert.deepEqual(cut, { n: 4, asked: 100, got: 40 });
  assert.equal(other, undefined);
  assert.equal(limited, 6);
});
