import assert from "node:assert/strict";
import fc from "fast-check";
import type { Usage } from "../../plugins/mod.ts";
import { type UsageMeter, usageMeter, usageOf } from "./usage.ts";

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
  ["reasoning counted at the top, invalid seconds", {
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
  ["two names, one of them with 0", {
    prompt_tokens: 12,
    completion_tokens: 34,
    total_tokens: 46,
    input_tokens: 0,
    output_tokens: 0,
    input_tokens_details: null,
  }, { inputTokens: 12, outputTokens: 34 }],
  ["a completion that only the total has", {
    prompt_tokens: 5,
    total_tokens: 33,
  }, { inputTokens: 5, outputTokens: 28 }],
  ["a completion of 0 that the total has", {
    prompt_tokens: 5,
    completion_tokens: 0,
    total_tokens: 33,
  }, { inputTokens: 5, outputTokens: 28 }],
  ["a prompt alone, which says nothing of the completion", {
    prompt_tokens: 5,
    total_tokens: 5,
  }, { inputTokens: 5 }],
  [
    "only a total",
    { total_tokens: 5 },
    undefined,
  ],
  ["reasoning counted beside the completion, by the total", {
    prompt_tokens: 32,
    completion_tokens: 90,
    total_tokens: 142,
    completion_tokens_details: { reasoning_tokens: 20 },
  }, { inputTokens: 32, outputTokens: 110, reasoningTokens: 20 }],
  ["reasoning counted beside the completion, as there is more of it", {
    completion_tokens: 4,
    completion_tokens_details: { reasoning_tokens: 381 },
  }, { outputTokens: 385, reasoningTokens: 381 }],
  ["zeros", { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, {
    inputTokens: 0,
    outputTokens: 0,
  }],
  ["invalid counts", {
    prompt_tokens: -1,
    completion_tokens: "5",
    reasoning_tokens: 1.5,
  }, undefined],
  ["nothing known", {}, undefined],
  ["a number", 5, undefined],
  ["null", null, undefined],
];

for (const [name, usage, expected] of FORMS) {
  Deno.test(`usageOf() reads ${name}`, () => {
    assert.deepEqual(usageOf(usage), expected);
  });
}

/** Adds an event with output of one answer. */
function output(meter: UsageMeter, usage: unknown, index = 0) {
  return meter.event([usage], [{ index, hasOutput: true }]);
}

function aside(meter: UsageMeter, usage: unknown) {
  return meter.event([usage], []);
}

Deno.test("usageMeter() returns the tokens of each event if every event has a count", () => {
  fc.assert(fc.property(fc.array(fc.nat(50), { minLength: 1 }), (each) => {
    const meter = usageMeter(1);
    let total = 0;
    for (const tokens of each) {
      total += tokens;
      assert.equal(output(meter, { completion_tokens: total }), tokens);
    }
    aside(meter, { prompt_tokens: 3, completion_tokens: total });
    assert.deepEqual(meter.usage(), { inputTokens: 3, outputTokens: total });
  }));
});

Deno.test("usageMeter() does not assign a count at the end to the last event", () => {
  const meter = usageMeter(1);
  assert.equal(output(meter, null), undefined);
  assert.equal(output(meter, { completion_tokens: 9 }), undefined);
  assert.deepEqual(meter.usage(), { outputTokens: 9 });
});

Deno.test("usageMeter() returns no tokens after a count that falls", () => {
  const meter = usageMeter(1);
  assert.equal(output(meter, { completion_tokens: 4 }), 4);
  assert.equal(output(meter, { completion_tokens: 2 }), undefined);
  assert.equal(output(meter, { completion_tokens: 5 }), undefined);
});

Deno.test("usageMeter() returns no tokens for several answers", () => {
  const meter = usageMeter(2);
  assert.equal(output(meter, { completion_tokens: 1 }), undefined);
});

const MERGES: readonly [string, readonly unknown[], Usage | undefined][] = [
  ["objects without counts", [null, {}, "5"], undefined],
  [
    "a later object with fewer counts",
    [{ prompt_tokens: 5, completion_tokens: 28 }, { output_tokens: 0 }],
    { inputTokens: 5, outputTokens: 28 },
  ],
  [
    "zeros first, as placeholders",
    [
      { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      { prompt_tokens: 9, completion_tokens: 26, total_tokens: 35 },
    ],
    { inputTokens: 9, outputTokens: 26 },
  ],
  [
    "zeros last",
    [
      { prompt_tokens: 9, completion_tokens: 26, total_tokens: 35 },
      { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    ],
    { inputTokens: 9, outputTokens: 26 },
  ],
  [
    "the prompt first and the completion last, as in Anthropic's API",
    [
      { input_tokens: 25, cache_read_input_tokens: 0, output_tokens: 1 },
      { output_tokens: 15 },
    ],
    { inputTokens: 25, outputTokens: 15 },
  ],
  [
    "the prompt first and the total last",
    [{ prompt_tokens: 5 }, { total_tokens: 33 }],
    { inputTokens: 5, outputTokens: 28 },
  ],
  [
    "details in one and not in the other",
    [
      {
        prompt_tokens: 9,
        completion_tokens: 4,
        prompt_tokens_details: { cached_tokens: 8 },
      },
      { prompt_tokens: 9, completion_tokens: 4, prompt_tokens_details: null },
    ],
    { inputTokens: 9, outputTokens: 4, cachedTokens: 8 },
  ],
  [
    "repeated counts",
    Array.from({ length: 3 }, () => ({ completion_tokens: 7 })),
    { outputTokens: 7 },
  ],
];

for (const answers of [1, 2]) {
  for (const [name, usages, expected] of MERGES) {
    Deno.test(`usageMeter() merges ${name} (${answers} answers)`, () => {
      const meter = usageMeter(answers);
      for (const usage of usages) aside(meter, usage);
      assert.deepEqual(meter.usage(), expected);
    });
  }
}

/** Usage with any of its fields. The prompt is the same in all. */
const someUsage = fc.record({
  prompt_tokens: fc.constantFrom(0, 5),
  completion_tokens: fc.nat(60),
  output_tokens: fc.nat(60),
  total_tokens: fc.nat(70),
  prompt_tokens_details: fc.record({ cached_tokens: fc.nat(9) }),
  completion_tokens_details: fc.record({ reasoning_tokens: fc.nat(60) }),
  seconds: fc.nat(9),
}, { requiredKeys: [] });

Deno.test("usageMeter() does not depend on the order of usage and never decreases", () => {
  fc.assert(fc.property(
    fc.array(someUsage, { minLength: 1, maxLength: 6 }).chain((usages) =>
      fc.tuple(
        fc.constant(usages),
        fc.shuffledSubarray(usages, { minLength: usages.length }),
      )
    ),
    ([usages, shuffled]) => {
      const meter = usageMeter(1);
      const other = usageMeter(1);
      for (const usage of shuffled) output(other, usage);
      let before: Usage = {};
      for (const usage of usages) {
        output(meter, usage);
        const now = meter.usage() ?? {};
        for (const [field, count] of Object.entries(usageOf(usage) ?? {})) {
          const merged = now[field as keyof Usage] as number;
          assert.ok(merged >= (count as number), field);
        }
        for (const [field, count] of Object.entries(before)) {
          const merged = now[field as keyof Usage] as number;
          assert.ok(merged >= (count as number), field);
        }
        before = now;
      }
      assert.deepEqual(other.usage(), meter.usage());
    },
  ));
});

/** Places in which servers report the usage of several answers. */
const STYLES = [
  "all at the end (OpenAI)",
  "of each with each event, of all at the end (vLLM, sglang)",
  "of each with each event",
  "of each with its last event",
  "of each in its choice (Moonshot)",
  "of each in an event after it (llama.cpp)",
  "of all so far with each event",
  "of all so far with the last event of each",
  "of all so far with the last event of each, and again at the end",
  "of all at the end, twice",
] as const;

/** Sends deltas of one token each for several answers in the order of `turns`. */
function several(style: typeof STYLES[number], turns: readonly number[]) {
  const left = Map.groupBy(turns, (index) => index);
  const answers = left.size;
  const meter = usageMeter(answers);
  const each = new Map<number, number>();
  const usageFor = (tokens: number) => ({
    prompt_tokens: 9,
    completion_tokens: tokens,
    total_tokens: 9 + tokens,
    completion_tokens_details: { reasoning_tokens: Math.floor(tokens / 20) },
  });
  let all = 0;
  for (const index of turns) {
    all++;
    const own = (each.get(index) ?? 0) + 1;
    each.set(index, own);
    const isLast = own === left.get(index)!.length;
    const isEach = style.includes("with each event");
    const tokens = style.startsWith("of all so far") ? all : own;
    const isBeside = isEach || (isLast && style.includes("last event"));
    const isInChoice = isLast && style.includes("in its choice");
    meter.event([isBeside ? usageFor(tokens) : null], [{
      index,
      hasOutput: true,
      ...(isInChoice && { usage: usageFor(own) }),
    }]);
    if (isLast && style.includes("in an event after")) {
      aside(meter, usageFor(own));
    }
  }
  if (style.includes("at the end")) aside(meter, usageFor(all));
  if (style.includes("twice")) aside(meter, usageFor(all));
  return meter.usage();
}

for (const style of STYLES) {
  Deno.test(`usageMeter() counts several answers: ${style}`, () => {
    const turns = fc.integer({ min: 2, max: 4 }).chain((answers) =>
      fc.array(fc.nat(answers - 1), { maxLength: 40 }).map((turns) => [
        ...Array(answers).keys(),
        ...Array(answers).keys(),
        ...Array(answers).keys(),
        ...turns,
      ])
    ).chain((turns) => fc.shuffledSubarray(turns, { minLength: turns.length }));
    fc.assert(fc.property(turns, (turns) => {
      const usage = several(style, turns);
      assert.equal(usage?.inputTokens, 9);
      assert.equal(usage?.outputTokens, turns.length);
    }));
  });
}

for (const isApart of [true, false]) {
  Deno.test(`usageMeter() counts an answer with only an end, ${isApart ? "apart" : "beside"}`, () => {
    const usageFor = (completion_tokens: number) => ({ completion_tokens });
    for (const [pieces, tokens] of [[5, 6], [6, 6], [1, 1], [0, 1]] as const) {
      const meter = usageMeter(2);
      const end = (index: number, tokens: number) => {
        const choices = [{ index, hasOutput: false }];
        meter.event([isApart ? null : usageFor(tokens)], choices);
        if (isApart) aside(meter, usageFor(tokens));
      };
      end(0, 1);
      for (let i = 0; i < pieces; i++) output(meter, null, 1);
      end(1, tokens);
      assert.equal(meter.usage()?.outputTokens, 1 + tokens);
    }
  });
}

Deno.test("usageMeter() adds up the usage of each answer in a whole response", () => {
  const meter = usageMeter(2);
  const usage = { prompt_tokens: 9, completion_tokens: 11 };
  meter.event([undefined], [
    { index: 0, hasOutput: true, usage },
    { index: 1, hasOutput: true, usage },
  ]);
  assert.deepEqual(meter.usage(), { inputTokens: 9, outputTokens: 22 });
});
