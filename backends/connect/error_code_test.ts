import assert from "node:assert/strict";
import { constants } from "node:os";
import { clientLimitIn, connectReason, errorCode } from "./failures.ts";

const { EMFILE, ENOBUFS } = constants.errno;

for (
  const [what, error, code] of [
    [
      "its own code",
      Object.assign(new Error(), { code: "ECONNRESET" }),
      "ECONNRESET",
    ],
    ["a number in Deno's text", new Error(`x (os error ${EMFILE})`), "EMFILE"],
    [
      "the code of its cause",
      new Error("x", { cause: Object.assign(new Error(), { code: "ENOMEM" }) }),
      "ENOMEM",
    ],
    [
      "the first of several",
      new AggregateError([new Error(`x (os error ${ENOBUFS})`)]),
      "ENOBUFS",
    ],
    ["none", new Error("x (os error of a kind)"), undefined],
    ["no code in a value that is not an Error", "x (os error 24)", undefined],
  ] as const
) {
  Deno.test(`errorCode() finds ${what}`, () => {
    assert.equal(errorCode(error), code);
  });
}

for (
  const code of ["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS", "ENOMEM"]
) {
  Deno.test(`connectReason() says that ${code} is a limit of this machine`, () => {
    const error = Object.assign(new Error("connect failed"), { code });
    assert.equal(clientLimitIn(error), code);
    const { text, code: reported } = connectReason(error, {});
    assert.equal(reported, code);
    assert.match(text, /\(this (process|machine) .*: \w+/);
  });
}

Deno.test("connectReason() prefers this machine's limit over an address that refused", () => {
  const errors = ["ECONNREFUSED", "EMFILE"].map((code) =>
    Object.assign(new Error(code), { code })
  );
  assert.equal(connectReason(new AggregateError(errors), {}).code, "EMFILE");
  errors.pop();
  const refused = new AggregateError(errors);
  assert.equal(connectReason(refused, {}).code, "ECONNREFUSED");
  assert.equal(clientLimitIn(refused), undefined);
});
