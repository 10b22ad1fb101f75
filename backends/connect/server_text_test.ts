import assert from "node:assert/strict";
import { cleanFailure, shortened, traceTo } from "./server_text.ts";
import { RequestError } from "../../plugins/mod.ts";

Deno.test("shortened() shows media by its beginning and length, and leaves words alone", () => {
  const audio = new Uint8Array(3200).fill(1).toBase64();
  assert.equal(
    shortened(JSON.stringify({ type: "x", audio })),
    '{"type":"x","audio":"AQEB…(4268 base64 chars)"}',
  );
  assert.equal(
    shortened(JSON.stringify({ url: `data:audio/x-wav;base64,${audio}` })),
    '{"url":"data:audio/x-wav;base64,AQEB…(4268 base64 chars)"}',
  );
  const words = JSON.stringify({ text: "many words ".repeat(50) });
  assert.equal(shortened(words), words);
});

Deno.test("traceTo() is nothing where nobody looks", () => {
  assert.equal(traceTo({}, (text) => text), undefined);
});

const clean = (text: string) => text.replaceAll("sk-123", "***");

Deno.test("cleanFailure() takes secrets out of the message, the code and the causes", () => {
  const cause = new Error("server said sk-123", { cause: new Error("sk-123") });
  const failure = cleanFailure(
    new RequestError("server_error", "bad sk-123", {
      code: "sk-123",
      retryAfterMs: 1000,
      cause,
    }),
    clean,
  );
  assert.ok(failure instanceof RequestError);
  assert.equal(failure.class, "server_error");
  assert.equal(failure.code, "***");
  assert.equal(failure.message, "bad ***: server said ***");
  assert.equal(failure.cause, undefined);
  assert.equal(failure.retryAfterMs, 1000);
});

Deno.test("cleanFailure() leaves a missing code missing, and other errors alone", () => {
  const failure = cleanFailure(new RequestError("closed", "gone"), clean);
  assert.ok(failure instanceof RequestError);
  assert.equal(failure.code, undefined);
  const defect = new TypeError("x is not a function");
  assert.equal(cleanFailure(defect, clean), defect);
});
