import assert from "node:assert/strict";
import { constants } from "node:os";
import { open } from "node:fs/promises";
import { reasonOf, systemCodeOf } from "./system_code.ts";

const { ECONNREFUSED } = constants.errno;
const withCode = (code: string) => Object.assign(new Error("no"), { code });

for (
  const [what, error, code] of [
    ["a code", withCode("EPIPE"), "EPIPE"],
    ["a cause", new Error("x", { cause: withCode("EPIPE") }), "EPIPE"],
    ["the first of several", new AggregateError([withCode("EPIPE")]), "EPIPE"],
    ["a number", new Error(`x (os error ${ECONNREFUSED})`), "ECONNREFUSED"],
    [
      "a number that is quoted",
      new Error("x (os error 24) in JSON"),
      undefined,
    ],
    [
      "a number in a server's words",
      Object.assign(new Error("x (os error 24)"), { name: "RequestError" }),
      undefined,
    ],
    ["a library's code", withCode("CERT_HAS_EXPIRED"), undefined],
    ["a string", "EPIPE (os error 24)", undefined],
  ] as const
) {
  Deno.test(`systemCodeOf() of ${what}`, () => {
    assert.equal(systemCodeOf(error), code);
  });
}

Deno.test("systemCodeOf() finds the codes of a pattern, and ends where causes form a circle", () => {
  assert.equal(
    systemCodeOf(withCode("CERT_HAS_EXPIRED"), /^CERT_/),
    "CERT_HAS_EXPIRED",
  );
  const circle = new Error("round");
  circle.cause = circle;
  assert.equal(systemCodeOf(circle), undefined);
});

Deno.test("reasonOf() is the same for Deno's and Node's errors of files, and the message of others", async () => {
  for (
    const [read, reason] of [
      [() => Deno.readTextFile("gone"), "no such file or directory"],
      [() => open("gone"), "no such file or directory"],
      [() => Deno.readTextFile("."), "is a directory"],
    ] as const
  ) {
    assert.equal(
      reasonOf(await Promise.resolve(read()).catch((e) => e)),
      reason,
    );
  }
  const refused = "Connection refused (os error 111)";
  assert.equal(reasonOf(new Error(refused)), refused);
  assert.equal(reasonOf(new RangeError()), "RangeError");
  assert.equal(reasonOf("text"), "text");
});
