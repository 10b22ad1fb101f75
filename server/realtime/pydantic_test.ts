import assert from "node:assert/strict";
import { pydanticError, pythonRepr, pythonStr, pythonType } from "./vllm.ts";

Deno.test("pythonRepr() prints values of JSON as Python does", () => {
  assert.equal(
    pythonRepr({ a: [1, 2.5, null, true], b: "it's", c: 'x"y', d: "l\nm" }),
    `{'a': [1, 2.5, None, True], 'b': "it's", 'c': 'x"y', 'd': 'l\\nm'}`,
  );
  assert.equal(pythonStr("plain"), "plain");
  assert.equal(pythonStr(undefined), "None");
});

Deno.test("pythonType() names the types of JSON", () => {
  assert.deepEqual(
    [null, true, 1, 1.5, "s", [], {}].map(pythonType),
    ["NoneType", "bool", "int", "float", "str", "list", "dict"],
  );
});

Deno.test("pydanticError() shortens long values to their ends", () => {
  const input = { type: "input_audio_buffer.append", event_id: "e".repeat(40) };
  const message = pydanticError("Model", "audio", {
    message: "Field required",
    kind: "missing",
    input,
  });
  assert.match(
    message,
    /input_value=\{'type': 'input_audio_buf\.\.\.e{22}'\}, input_type=dict\]/,
  );
});
