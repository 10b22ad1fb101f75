import assert from "node:assert/strict";
import { RequestError } from "../../plugins/mod.ts";
import { cleanFailure } from "./clean_failure.ts";

const clean = (text: string) => text.replaceAll("sk-123", "***");

Deno.test("cleanFailure() takes secrets out of the message, the code and the causes", () => {
  const cause = new Error("server said sk-123", { cause: new Error("sk-123") });
  const failure = cleanFailure(
    new RequestError("server_error", "bad sk-123", { code: "sk-123", cause }),
    clean,
  );
  assert.ok(failure instanceof RequestError);
  assert.equal(failure.class, "server_error");
  assert.equal(failure.code, "***");
  assert.equal(failure.message, "bad ***: server said ***");
  assert.equal(failure.cause, undefined);
});

Deno.test("cleanFailure() leaves a missing code missing, and other errors alone", () => {
  const failure = cleanFailure(new RequestError("closed", "gone"), clean);
  assert.ok(failure instanceof RequestError);
  assert.equal(failure.code, undefined);
  const defect = new TypeError("x is not a function");
  assert.equal(cleanFailure(defect, clean), defect);
});
