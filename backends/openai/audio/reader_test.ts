import assert from "node:assert/strict";
import fc from "fast-check";
import { attempt } from "../../../core/attempt.ts";
import { manualClock } from "../../../plugins/testing/manual_clock.ts";
import type { Delta, Sample } from "../../../plugins/mod.ts";
import type { ServerEvent } from "../../http/http.ts";
import { type ResponseFormat, transcriptReader } from "./reader.ts";

/** Events or a whole body. */
type Answer = readonly (ServerEvent | string)[] | { readonly body: string };

/** Returns the sample that the engine records of an answer. Each event is a read of its own, 10 ms after the one before. */
async function read(answer: Answer, format: ResponseFormat = "json") {
  const clock = manualClock();
  let last: number | undefined;
  const backend = {
    needs: [],
    async send(
      _request: unknown,
      call: Parameters<typeof transcriptReader>[0],
    ) {
      const reader = transcriptReader(call, format);
      if ("body" in answer) reader.body(answer.body, call.read(1));
      else {
        for (const [i, each] of answer.entries()) {
          await clock.advance(10);
          const event = typeof each === "string" ? { data: each } : each;
          const atMs = call.read(event.data.length);
          call.event(atMs);
          last = i;
          if (reader.event(event, atMs)) break;
        }
      }
      return reader.result();
    },
  };
  const sample: Sample = await attempt(backend, {
    id: 0,
    turn: { columns: {} },
    prepared: undefined,
    session: { id: "s", turn: 0, history: [] },
  }, {
    stage: 0,
    phase: "measure",
    scheduledMs: 0,
    clock,
    signal: new AbortController().signal,
  });
  return { ...sample, read: (last ?? -1) + 1 };
}

const pieces = ({ deltas }: { deltas: Sample["deltas"] }) =>
  deltas.map(({ atMs, text, tokens }) =>
    tokens === undefined ? [atMs, text] : [atMs, text, tokens]
  );

const chunk = (content: string | undefined, more = {}, top = {}) =>
  JSON.stringify({
    id: "transcribe-8e1c",
    object: "transcription.chunk",
    created: 1,
    model: "m",
    choices: [{ delta: content === undefined ? {} : { content }, ...more }],
    ...top,
  });
const counts = (completion: number) => ({
  usage: {
    prompt_tokens: 64,
    total_tokens: 64 + completion,
    completion_tokens: completion,
  },
});
const countsAlone = (completion: number) =>
  JSON.stringify({
    id: "transcribe-8e1c",
    choices: [],
    ...counts(completion),
  });

interface Case {
  readonly answer: Answer;
  readonly deltas: readonly unknown[];
  readonly output: Sample["output"];
  readonly read?: number;
}

const STREAMS: Record<string, Case> = {
  "chunks, as vLLM sends them": {
    answer: [
      chunk("lab"),
      chunk("-être", { finish_reason: "stop", stop_reason: null }),
      "[DONE]",
    ],
    deltas: [[10, "lab"], [20, "-être"]],
    output: {
      text: "lab-être",
      finishReason: "stop",
      responseId: "transcribe-8e1c",
    },
  },
  "chunks with counts at the end": {
    answer: [
      chunk("a"),
      chunk("b", { finish_reason: "length" }),
      countsAlone(12),
      "[DONE]",
    ],
    deltas: [[10, "a"], [20, "b"]],
    output: {
      text: "ab",
      finishReason: "length",
      responseId: "transcribe-8e1c",
      usage: { inputTokens: 64, outputTokens: 12 },
    },
  },
  "chunks with counts in each": {
    answer: [
      chunk("a", {}, counts(2)),
      chunk("b", { finish_reason: "stop" }, counts(3)),
      countsAlone(3),
      "[DONE]",
    ],
    deltas: [[10, "a", 2], [20, "b", 1]],
    output: {
      text: "ab",
      finishReason: "stop",
      responseId: "transcribe-8e1c",
      usage: { inputTokens: 64, outputTokens: 3 },
    },
  },
  "parts of 30 s, each with a finish_reason": {
    answer: [
      chunk("a", { finish_reason: "stop" }),
      chunk(" b"),
      chunk("c", { finish_reason: "length" }),
      "[DONE]",
    ],
    deltas: [[10, "a"], [20, " b"], [30, "c"]],
    output: {
      text: "a bc",
      finishReason: "length",
      responseId: "transcribe-8e1c",
    },
  },
  "chunks with an empty one last, as sglang sends them": {
    answer: [
      chunk("one "),
      chunk("two", { index: 0, finish_reason: null }),
      chunk("", { finish_reason: "stop" }),
      " [DONE]",
    ],
    deltas: [[10, "one "], [20, "two"], [30, ""]],
    output: {
      text: "one two",
      finishReason: "stop",
      responseId: "transcribe-8e1c",
    },
  },
  "chunks that end after the counts of the whole, without [DONE]": {
    answer: [
      chunk("a"),
      chunk(undefined, { finish_reason: "stop" }),
      countsAlone(1),
    ],
    deltas: [[10, "a"]],
    output: {
      text: "a",
      finishReason: "stop",
      responseId: "transcribe-8e1c",
      usage: { inputTokens: 64, outputTokens: 1 },
    },
  },
  "translation chunks without any text": {
    answer: [
      '{"object":"translation.chunk","choices":[{"delta":{"content":""},"finish_reason":"stop"}]}',
      "[DONE]",
    ],
    deltas: [[10, ""]],
    output: { text: "", finishReason: "stop" },
  },
  "named events, as OpenAI and speaches send them": {
    answer: [
      '{"type":"transcript.text.delta","delta":"I see","logprobs":[]}',
      '{"type":"transcript.text.delta","delta":""}',
      '{"type":"transcript.text.delta","delta":" skies"}',
      '{"type":"transcript.text.done","text":"I see skies","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}',
      '{"type":"transcript.text.delta","delta":"never read"}',
    ],
    deltas: [[10, "I see"], [20, ""], [30, " skies"]],
    output: {
      text: "I see skies",
      usage: { inputTokens: 14, audioTokens: 14, outputTokens: 45 },
    },
    read: 4,
  },
  "a done event that corrects its deltas": {
    answer: [
      '{"type":"transcript.text.delta","delta":"I sea"}',
      '{"type":"transcript.text.done","text":"I see."}',
    ],
    deltas: [[10, "I sea"]],
    output: { text: "I see." },
  },
  "a done event without a text": {
    answer: [
      '{"type":"transcript.text.delta","delta":"I see"}',
      '{"type":"transcript.text.done"}',
    ],
    deltas: [[10, "I see"]],
    output: { text: "I see" },
  },
  "a done event alone": {
    answer: ['{"type":"transcript.text.done","text":"I see"}'],
    deltas: [[10, "I see"]],
    output: { text: "I see" },
  },
  "a done event of silence": {
    answer: ['{"type":"transcript.text.done","text":""}'],
    deltas: [],
    output: { text: "" },
  },
  "segments and deltas": {
    answer: [
      '{"type":"transcript.text.delta","delta":"Hi there.","segment_id":"s0"}',
      '{"type":"transcript.text.segment","id":"s0","start":0,"end":1.5,"speaker":"A","text":"Hi there."}',
      '{"type":"transcript.text.done","text":"Hi there.","usage":{"type":"duration","seconds":2}}',
    ],
    deltas: [[10, "Hi there."]],
    output: { text: "Hi there.", usage: { audioSeconds: 2 } },
  },
  "segments alone": {
    answer: [
      '{"type":"transcript.text.segment","id":"s0","speaker":"A","text":"Hi there."}',
      '{"type":"transcript.text.segment","id":"s1","speaker":"B","text":"Hello."}',
      '{"type":"transcript.text.segment","id":"s2","speaker":"A","text":" Yes."}',
      '{"type":"transcript.text.done"}',
    ],
    deltas: [[10, "Hi there."], [20, " Hello."], [30, " Yes."]],
    output: { text: "Hi there. Hello. Yes." },
  },
  "named events with event lines, as Mistral sends them": {
    answer: [
      {
        type: "transcription.language",
        data: '{"type":"transcription.language","audio_language":"en"}',
      },
      {
        type: "transcription.text.delta",
        data: '{"type":"transcription.text.delta","text":"So "}',
      },
      { type: "transcription.text.delta", data: '{"text":"far"}' },
      {
        type: "transcription.segment",
        data:
          '{"type":"transcription.segment","start":0,"end":1,"text":"So far"}',
      },
      {
        type: "transcription.done",
        data:
          '{"type":"transcription.done","model":"voxtral","text":"So far","language":"en","usage":{"prompt_tokens":4,"completion_tokens":635,"total_tokens":3264,"prompt_audio_seconds":203}}',
      },
    ],
    deltas: [[20, "So "], [30, "far"]],
    output: {
      text: "So far",
      usage: { inputTokens: 4, outputTokens: 635, audioSeconds: 203 },
    },
  },
  "unknown events among others": {
    answer: [
      '{"type":"transcript.later"}',
      "{}",
      chunk("a", { finish_reason: "stop" }),
      "[DONE]",
    ],
    deltas: [[30, "a"]],
    output: { text: "a", finishReason: "stop", responseId: "transcribe-8e1c" },
  },
};

for (
  const [name, { answer, deltas, output, read: count }] of Object.entries(
    STREAMS,
  )
) {
  Deno.test(`transcriptReader() reads ${name}`, async () => {
    const sample = await read(answer);
    assert.deepEqual(sample.outcome, { status: "ok" });
    assert.deepEqual(pieces(sample), deltas);
    assert.deepEqual(sample.output, output);
    assert.equal(sample.read, count ?? (answer as readonly unknown[]).length);
  });
}

const WRAPPED = 'data: {"delta":"Hello"}\n\ndata: [DONE]\n\n';
const FAILURES: Record<string, readonly [Answer, string, RegExp, string?]> = {
  "wraps another stream in its deltas": [
    [chunk("so far"), chunk(WRAPPED)],
    "protocol_error",
    /its text is an event stream/,
  ],
  "wraps another stream in its done event": [
    [
      chunk("so far"),
      JSON.stringify({ type: "transcript.text.done", text: WRAPPED }),
    ],
    "protocol_error",
    /its text is an event stream/,
  ],
  "is cut off before its end": [
    [chunk("so far")],
    "truncated",
    /^The stream ended before \[DONE\]/,
  ],
  "is cut off in its second part of 30 s": [
    [chunk("so", { finish_reason: "stop" }), chunk(" far")],
    "truncated",
    /\[DONE\]/,
  ],
  "is cut off between two parts of 30 s": [
    [chunk("so"), chunk(" far", { finish_reason: "stop" })],
    "truncated",
    /before \[DONE\], a done event or the token counts/,
  ],
  "is cut off between two parts of 30 s, with counts in each event": [
    [
      chunk("so", {}, counts(1)),
      chunk(" far", { finish_reason: "stop" }, counts(2)),
    ],
    "truncated",
    /counts of the whole transcript/,
  ],
  "has counts before its text and is cut off": [
    [countsAlone(0), chunk("so far", { finish_reason: "stop" })],
    "truncated",
    /counts of the whole transcript/,
  ],
  "continues after its counts and is cut off": [
    [chunk("so", { finish_reason: "stop" }), countsAlone(1), chunk(" far")],
    "truncated",
    /counts of the whole transcript/,
  ],
  "is cut off before its done event": [
    ['{"type":"transcript.text.delta","delta":"so far"}'],
    "truncated",
    /done event/,
  ],
  "has a placeholder as the finish_reason of each chunk": [
    [
      chunk("so", { finish_reason: "null" }),
      chunk(" far", { finish_reason: "null" }),
      chunk("", { finish_reason: "None" }),
    ],
    "truncated",
    /ended before \[DONE\]/,
  ],
  "ends after counts and a placeholder as its finish_reason": [
    [
      chunk("so far", { finish_reason: "null" }),
      '{"choices":[],"usage":{"completion_tokens":2}}',
    ],
    "truncated",
    /ended before \[DONE\]/,
  ],
  "breaks off with an error, as vLLM reports it": [
    [
      chunk("so far"),
      '{"error":{"message":"engine died","type":"InternalServerError","param":null,"code":500}}',
      "[DONE]",
    ],
    "server_error",
    /^engine died$/,
    "500",
  ],
  "breaks off with an error, as OpenAI reports it": [
    [
      '{"type":"transcript.text.delta","delta":"so far"}',
      '{"type":"error","error":{"message":"bad audio","code":"invalid_audio"}}',
    ],
    "server_error",
    /^bad audio$/,
    "invalid_audio",
  ],
  "breaks off with an error, as Mistral reports it": [
    [
      {
        type: "transcription.text.delta",
        data: '{"type":"transcription.text.delta","text":"so far"}',
      },
      {
        type: "error",
        data: '{"object":"error","message":"overloaded","code":3505}',
      },
    ],
    "server_error",
    /^overloaded$/,
    "3505",
  ],
  "is aborted without a message": [
    [chunk("so far"), chunk("", { finish_reason: "abort" })],
    "server_error",
    /finish_reason is abort/,
    "abort",
  ],
  "is not JSON": [[chunk("so far"), "oops"], "protocol_error", /oops$/],
  "is JSON of another kind": [
    [chunk("so far"), "[1]"],
    "protocol_error",
    /\[1\]$/,
  ],
};

for (const [name, [answer, kind, message, code]] of Object.entries(FAILURES)) {
  Deno.test(`transcriptReader() keeps the output of a stream that ${name}`, async () => {
    const { outcome, output } = await read(answer);
    assert.ok("failure" in outcome);
    assert.deepEqual([
      outcome.status,
      outcome.failure.class,
      outcome.failure.code,
    ], ["error", kind, code]);
    assert.match(outcome.failure.message, message);
    assert.equal(output.text, "so far");
  });
}

Deno.test("transcriptReader() rejects a stream that wraps another in a segment", async () => {
  const segment = { type: "transcript.text.segment", text: WRAPPED };
  const { outcome, deltas } = await read([JSON.stringify(segment)]);
  assert.ok("failure" in outcome);
  assert.equal(outcome.failure.class, "protocol_error");
  assert.deepEqual(deltas, []);
});

Deno.test("transcriptReader() rejects a stream without events", async () => {
  const { outcome, output } = await read([]);
  assert.ok("failure" in outcome);
  assert.equal(outcome.failure.class, "truncated");
  assert.deepEqual(output, {});
});

Deno.test("transcriptReader() rejects a stream without a transcript", async () => {
  const { outcome } = await read([
    '{"type":"response.output_text.delta","delta":"hi"}',
    "[DONE]",
  ]);
  assert.ok("failure" in outcome);
  assert.equal(outcome.failure.class, "protocol_error");
  assert.match(outcome.failure.message, /has no transcript/);
});

Deno.test("transcriptReader() reads a whole answer without deltas", async () => {
  const sample = await read({
    body: '{"text":"hello","usage":{"type":"duration","seconds":2}}',
  });
  assert.deepEqual(sample.outcome, { status: "ok" });
  assert.deepEqual(sample.deltas, []);
  assert.deepEqual(sample.output, {
    text: "hello",
    usage: { audioSeconds: 2 },
  });
});

Deno.test("transcriptReader() rejects a whole answer that is not a transcript", async () => {
  const { outcome } = await read({ body: "<html>" });
  assert.ok("failure" in outcome);
  assert.equal(outcome.failure.class, "protocol_error");
});

Deno.test("transcriptReader() joins any deltas of each protocol", async () => {
  const forms: ((text: string) => string)[] = [
    (text) => chunk(text),
    (delta) => JSON.stringify({ type: "transcript.text.delta", delta }),
    (text) => JSON.stringify({ type: "transcription.text.delta", text }),
  ];
  await fc.assert(fc.asyncProperty(
    fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 8 }),
    fc.constantFrom(...forms),
    async (texts, form) => {
      const { output, outcome, deltas } = await read([
        ...texts.map(form),
        "[DONE]",
      ]);
      assert.equal(outcome.status, "ok");
      assert.equal(output.text, texts.join(""));
      assert.deepEqual(deltas.map(({ text }: Delta) => text), texts);
    },
  ));
});
