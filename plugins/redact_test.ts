import assert from "node:assert/strict";
import { redact } from "./redact.ts";

Deno.test("redact() hides headers, and what of a URL may be a secret", () => {
  assert.deepEqual(
    redact({
      target: "https://me:pw@host:8000/a?key=SECRET&v=1",
      headers: { Authorization: "Bearer SECRET", "X-Team": "a" },
      list: ["ws://host/b?token=SECRET", "plain"],
      apiKeyEnv: "MY_KEY",
      speed: 1,
      deep: { Headers: { a: ["SECRET"] } },
    }),
    {
      target: "https://***:***@host:8000/a?key=***&v=***",
      headers: { Authorization: "***", "X-Team": "***" },
      list: ["ws://host/b?token=***", "plain"],
      apiKeyEnv: "MY_KEY",
      speed: 1,
      deep: { Headers: { a: ["***"] } },
    },
  );
});

Deno.test("redact() leaves what holds no secret as it is", () => {
  for (
    const value of [
      "http://127.0.0.1:8000",
      "./speech?x=1",
      "",
      0,
      null,
      undefined,
      true,
    ]
  ) {
    assert.equal(redact(value), value);
  }
});
