import assert from "node:assert/strict";
import fc from "fast-check";
import { usageMeter, usageOf } from "./usage.ts";

const FORMS: readonly [string, unknown, ReturnType<typeof usageOf>][] = [
  ["chats and completions", {
    prompt_tokens: 9,
    total_tokens: 14,
    completion_tokens: 5,
    prompt_tokens_details: null,
    completion_tokens_details: null,
  }, { inputTokens: 9, outputTokens: 5 }],
  ["chats, with details", {
    prompt_tokens: 90,
    completion_tokens: 50,
    prompt_tokens_details: { cached_tokens: 64, audio_tokens: 12 },
    completion_tokens_details: { reasoning_tokens: 40, audio_tokens: 3 },
  }, {
    inputTokens: 90,
    outputTokens: 50,
    cachedTokens: 64,
    audioTokens: 12,
    reasoningTokens: 40,
  }],
  ["responses", {
    input_tokens: 7,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 3,
    output_tokens_details: { reasoning_tokens: 2 },
  }, { inputTokens: 7, outputTokens: 3, cachedTokens: 0, reasoningTokens: 2 }],
  ["transcriptions in tokens", {
    type: "tokens",
    input_tokens: 14,
    input_token_details: { text_tokens: 0, audio_tokens: 14 },
    output_tokens: 45,
  }, { inputTokens: 14, outputTokens: 45, audioTokens: 14 }],
  ["transcriptions in seconds", { type: "duration", seconds: 2.5 }, {
    audioSeconds: 2.5,
  }],
  ["a cache counted at the top", {
    prompt_tokens: 20,
    completion_tokens: 1,
    prompt_cache_hit_tokens: 16,
    prompt_cache_miss_tokens: 4,
  }, { inputTokens: 20, outputTokens: 1, cachedTokens: 16 }],
  ["reasoning counted at the top, seconds that are none", {
    prompt_tokens: 20,
    completion_tokens: 8,
    reasoning_tokens: 6,
    prompt_audio_seconds: {},
  }, { inputTokens: 20, outputTokens: 8, reasoningTokens: 6 }],
  ["audio in seconds beside tokens", {
    prompt_tokens: 20,
    completion_tokens: 8,
    prompt_audio_seconds: 4,
  }, { inputTokens: 20, outputTokens: 8, audioSeconds: 4 }],
  ["counts that are none", {
    prompt_tokens: -1,
    completion_tokens: "5",
    reasoning_tokens: 1.5,
  }, undefined],
  ["nothing known", {}, undefined],
  ["no object", 5, undefined],
  ["null", null, undefined],
];

for (const [name, told, expected] of FORMS) {
  Deno.test(`usageOf() reads ${name}`, () => {
    assert.deepEqual(usageOf(told), expected);
  });
}

Deno.test("usageMeter() gives each event its own tokens where every event counts", () => {
  fc.assert(fc.property(fc.array(fc.nat(50), { minLength: 1 }), (each) => {
    const meter = usageMeter({ answers: 1 });
    let total = 0;
    for (const tokens of each) {
      total += tokens;
      assert.equal(meter.output({ completion_tokens: total }), tokens);
    }
    meter.aside({ prompt_tokens: 3, completion_tokens: total });
    assert.deepEqual(meter.usage, { inputTokens: 3, outputTokens: total });
  }));
});

Deno.test("usageMeter() does not take one count at the end for the tokens of the last event", () => {
  const meter = usageMeter({ answers: 1 });
  assert.equal(meter.output(null), undefined);
  assert.equal(meter.output({ completion_tokens: 9 }), undefined);
  assert.deepEqual(meter.usage, { outputTokens: 9 });
});

Deno.test("usageMeter() stops telling tokens apart where the count falls", () => {
  const meter = usageMeter({ answers: 1 });
  assert.equal(meter.output({ completion_tokens: 4 }), 4);
  assert.equal(meter.output({ completion_tokens: 2 }), undefined);
  assert.equal(meter.output({ completion_tokens: 5 }), undefined);
});

Deno.test("usageMeter() tells no tokens apart where there are several answers", () => {
  const meter = usageMeter({ answers: 2 });
  assert.equal(meter.output({ completion_tokens: 1 }), undefined);
});

Deno.test("usageMeter() keeps the last usage that says anything", () => {
  const meter = usageMeter({ answers: 1 });
  assert.equal(meter.usage, undefined);
  meter.aside({ prompt_tokens: 1, completion_tokens: 2 });
  meter.aside(null);
  meter.aside({});
  assert.deepEqual(meter.usage, { inputTokens: 1, outputTokens: 2 });
});
