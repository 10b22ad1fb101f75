import assert from "node:assert/strict";
import fc from "fast-check";
import {
  isEventStream,
  parseBody,
  parseEvent,
  refuseWrappedEvents,
  serverErrorIn,
} from "./answer.ts";

Deno.test("parseEvent() returns the object in an event, also if the stream ends right after it", () => {
  assert.deepEqual(parseEvent({ data: '{"a":1}' }), { a: 1 });
  assert.deepEqual(parseEvent({ data: '{"a":1}', isCut: true }), { a: 1 });
});

Deno.test("parseEvent() distinguishes half an event from one that is not a JSON object", () => {
  const half = { data: '{"choices":[{"del' };
  assert.throws(() => parseEvent(half), { class: "protocol_error" });
  assert.throws(() => parseEvent({ ...half, isCut: true }), {
    class: "truncated",
  });
  for (const data of ["[1]", "null", "1"]) {
    assert.throws(() => parseEvent({ data, isCut: true }), {
      class: "protocol_error",
    });
  }
});

Deno.test("parseEvent() reports an empty event", () => {
  assert.throws(() => parseEvent({ data: "\n" }), {
    message: "Invalid answer: must be a JSON object, but was empty",
  });
});

Deno.test("parseEvent() recognizes an error that is cut off", () => {
  assert.throws(
    () => parseEvent({ type: "error", data: '{"mess', isCut: true }),
    { class: "server_error" },
  );
});

Deno.test("parseBody() rejects events under another content type and explains how to read them", () => {
  const ways = [
    'data: {"choices":[]}\n\n',
    'data:{"choices":[]}',
    "data: [DONE]\n\n",
    '\n: ping\r\n\r\nid: 1\nevent: delta\ndata: {"a":1}\n\n',
  ];
  for (const body of ways) {
    assert.throws(() => parseBody(body), {
      class: "protocol_error",
      message:
        /received events under another content type than text\/event-stream .* \(stream=true reads them\): \S/,
    });
  }
  for (const body of ["data", "event: none", `${"\n: ".repeat(50_000)}x`]) {
    assert.throws(() => parseBody(body), { message: /must be a JSON object/ });
  }
  assert.deepEqual(parseBody(' {"data: {":1}'), { "data: {": 1 });
});

const ERRORS: readonly [
  string,
  unknown,
  string | undefined,
  [string, string?],
][] = [
  [
    "an error object",
    {
      error: {
        message: "no seat",
        type: "ServerError",
        param: null,
        code: 503,
      },
    },
    undefined,
    ["no seat", "503"],
  ],
  [
    "an error whose code is null",
    {
      error: { message: "no", type: "server_error", code: null },
    },
    undefined,
    ["no", "server_error"],
  ],
  ["an error that is a text", { error: "out of memory" }, undefined, [
    "out of memory",
  ]],
  [
    "an event of type error with an object",
    {
      type: "error",
      error: { message: "bad audio", code: "invalid" },
    },
    undefined,
    ["bad audio", "invalid"],
  ],
  [
    "an event of type error, flat",
    {
      type: "error",
      message: "too long",
      code: "audio_too_long",
    },
    undefined,
    ["too long", "audio_too_long"],
  ],
  [
    "JSON after event: error",
    {
      object: "error",
      message: "overloaded",
      type: "service_unavailable",
      code: 3505,
    },
    "error",
    ["overloaded", "3505"],
  ],
  [
    "an error that is the whole object, as older vLLM sends it",
    { object: "error", message: "no such model", type: "NotFoundError" },
    undefined,
    ["no such model", "NotFoundError"],
  ],
  ["text after event: error", "gone", "error", ["gone"]],
  [
    "an error with a long message",
    { error: { message: "x".repeat(9000) } },
    undefined,
    [`${"x".repeat(300)}…`],
  ],
  ["an error without a message", { error: { reason: 1 } }, undefined, [
    '{"error":{"reason":1}}',
  ]],
];

for (const [name, value, type, [message, code]] of ERRORS) {
  Deno.test(`serverErrorIn() finds ${name}`, () => {
    const found = serverErrorIn(value, type);
    assert.equal(found?.class, "server_error");
    assert.deepEqual([found.message, found.code], [message, code]);
  });
}

Deno.test("serverErrorIn() returns undefined without an error", () => {
  for (const value of [{ text: "a" }, { error: null }, null, "a", 1, []]) {
    assert.equal(serverErrorIn(value), undefined, JSON.stringify(value));
  }
});

const EVENT_STREAMS: Record<string, string> = {
  "of a transcript":
    'data: {"type": "transcript.text.delta", "delta": "Hi"}\n\ndata: [DONE]\n\n',
  "with only an end": "data: [DONE]\n\n",
  "without an empty line at its end": 'data: {"a":1}',
  "with other fields and comments":
    ': ping\n\nevent: message\nid: 1\nretry: 5\ndata: {"a":1}\n\n',
  "with CRLF, and no space after the colon": 'data:{"a":1}\r\n\r\ndata:[DONE]',
  "with data of several lines": 'data: {"a":\ndata: 1}\n\n',
  "with white space around": '\n  data: {"a":1}\n\n  ',
  "cut off within an event": 'data: {"a":1}\n\ndata: {"a',
};

const TEXTS: Record<string, string> = {
  nothing: "",
  "a word": "Hello",
  "words after a label": "data: the word that comes before it",
  "a label alone": "data:",
  "several labels": "data: one\n\ndata: two\n\n",
  "an event and words": 'data: {"a":1}\n\nThat is an event.',
  "words and an event": 'This is an event:\n\ndata: {"a":1}\n\n',
  "an event in a block of code": '```\ndata: {"a":1}\n\n```',
  "a number, which is JSON": "data: 5\n\n",
  "a list, which is JSON": "data: [1]\n\n",
  "half an object": 'data: {"a":',
  "an event among labels": 'data: {"a":1}\n\ndata: x\n\ndata: {"a":1}\n\n',
  "comments alone": ": well\n\n: then\n\n",
  "an emoticon": ":-) data",
};

for (const [name, text] of Object.entries(EVENT_STREAMS)) {
  Deno.test(`isEventStream() recognizes a stream ${name}`, () => {
    assert.equal(isEventStream(text), true);
    assert.throws(() => refuseWrappedEvents(text), {
      class: "protocol_error",
      message: /its text is an event stream/,
    });
  });
}

for (const [name, text] of Object.entries(TEXTS)) {
  Deno.test(`isEventStream() accepts ${name}`, () => {
    assert.equal(isEventStream(text), false);
    refuseWrappedEvents(text);
  });
}

Deno.test("isEventStream() recognizes events with any values, unless words precede or follow them", () => {
  fc.assert(fc.property(
    fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 1 }),
    (values) => {
      const stream = values.map((value) => `data: ${JSON.stringify(value)}\n\n`)
        .join("");
      assert.equal(isEventStream(stream), true);
      assert.equal(isEventStream(`Listen\n\n${stream}`), false);
      assert.equal(isEventStream(`${stream}Listen`), false);
    },
  ));
});
