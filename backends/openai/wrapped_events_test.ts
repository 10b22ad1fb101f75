import assert from "node:assert/strict";
import fc from "fast-check";
import { isEventStream, refuseWrappedEvents } from "./wrapped_events.ts";

const STREAMS: Record<string, string> = {
  "of a transcript":
    'data: {"type": "transcript.text.delta", "delta": "Hi"}\n\ndata: [DONE]\n\n',
  "of nothing but an end": "data: [DONE]\n\n",
  "without the empty line behind": 'data: {"a":1}',
  "with other fields and comments":
    ': ping\n\nevent: message\nid: 1\nretry: 5\ndata: {"a":1}\n\n',
  "with CRLF, and no space behind the colon": 'data:{"a":1}\r\n\r\ndata:[DONE]',
  "with data of several lines": 'data: {"a":\ndata: 1}\n\n',
  "with white space around": '\n  data: {"a":1}\n\n  ',
  "that is cut within an event": 'data: {"a":1}\n\ndata: {"a',
};

const TEXTS: Record<string, string> = {
  nothing: "",
  "a word": "Hello",
  "words behind a label": "data: the word that comes before it",
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

for (const [name, text] of Object.entries(STREAMS)) {
  Deno.test(`isEventStream() knows a stream ${name}`, () => {
    assert.equal(isEventStream(text), true);
    assert.throws(() => refuseWrappedEvents(text), {
      class: "protocol_error",
      message: /must not be an event stream/,
    });
  });
}

for (const [name, text] of Object.entries(TEXTS)) {
  Deno.test(`isEventStream() lets pass ${name}`, () => {
    assert.equal(isEventStream(text), false);
    refuseWrappedEvents(text);
  });
}

Deno.test("isEventStream() knows events of any values, unless there are words before or behind", () => {
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
