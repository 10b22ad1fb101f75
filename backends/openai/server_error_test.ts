import assert from "node:assert/strict";
import { serverErrorIn } from "./server_error.ts";

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
    "JSON behind event: error",
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
    "an error that is the whole object, as older vLLM has it",
    { object: "error", message: "no such model", type: "NotFoundError" },
    undefined,
    ["no such model", "NotFoundError"],
  ],
  ["text behind event: error", "gone", "error", ["gone"]],
  [
    "an error that says too much",
    { error: { message: "x".repeat(9000) } },
    undefined,
    [`${"x".repeat(300)}…`],
  ],
  ["an error without words", { error: { reason: 1 } }, undefined, [
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

Deno.test("serverErrorIn() finds none where there is none", () => {
  for (const value of [{ text: "a" }, { error: null }, null, "a", 1, []]) {
    assert.equal(serverErrorIn(value), undefined, JSON.stringify(value));
  }
});
