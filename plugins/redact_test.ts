import assert from "node:assert/strict";
import { redact, shownText } from "./redact.ts";

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

Deno.test("shownText() hides what may be secret of every URL in a text", () => {
  const cases = {
    "from http://u:p@h/d.js?key=Q: it fails":
      "from http://***:***@h/d.js?key=***: it fails",
    '"HTTPS://h/?k=Q", twice (http://h/?k=Q)':
      '"https://h/?k=***", twice (http://h/?k=***)',
    "http://u:p@[h/a?key=Q is no URL": "http://***@[h/a?*** is no URL",
    "see http://h/a, and ws://h/?a": "see http://h/a, and ws://h/?a",
  };
  for (const [text, shown] of Object.entries(cases)) {
    assert.equal(shownText(text), shown);
  }
});
