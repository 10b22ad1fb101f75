import assert from "node:assert/strict";
import { received, receivedWhole } from "./answer.ts";

Deno.test("received() finds the object that an event holds, cut off behind it or not", () => {
  assert.deepEqual(received({ data: '{"a":1}' }), { a: 1 });
  assert.deepEqual(received({ data: '{"a":1}', isCut: true }), { a: 1 });
});

Deno.test("received() tells half an event from one that is no JSON object", () => {
  const half = { data: '{"choices":[{"del' };
  assert.throws(() => received(half), { class: "protocol_error" });
  assert.throws(() => received({ ...half, isCut: true }), {
    class: "truncated",
  });
  for (const data of ["[1]", "null", "1"]) {
    assert.throws(() => received({ data, isCut: true }), {
      class: "protocol_error",
    });
  }
});

Deno.test("received() says that nothing came where nothing did", () => {
  assert.throws(() => received({ data: "\n" }), {
    message:
      "Cannot understand the server as answers must be JSON objects: current value is empty",
  });
});

Deno.test("received() takes an error for one, even where half of it came", () => {
  assert.throws(
    () => received({ type: "error", data: '{"mess', isCut: true }),
    { class: "server_error" },
  );
});

Deno.test("receivedWhole() refuses events under another content type, and says how they can be read", () => {
  const ways = [
    'data: {"choices":[]}\n\n',
    'data:{"choices":[]}',
    "data: [DONE]\n\n",
    '\n: ping\r\n\r\nid: 1\nevent: delta\ndata: {"a":1}\n\n',
  ];
  for (const body of ways) {
    assert.throws(() => receivedWhole(body), {
      class: "protocol_error",
      message:
        /as a whole answer was asked for, and events came under another content type than text\/event-stream \(stream=true reads them\): \S/,
    });
  }
  for (const body of ["data", "event: none", `${"\n: ".repeat(50_000)}x`]) {
    assert.throws(() => receivedWhole(body), { message: /be JSON objects/ });
  }
  assert.deepEqual(receivedWhole(' {"data: {":1}'), { "data: {": 1 });
});
