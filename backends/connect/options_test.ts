import assert from "node:assert/strict";
import { z } from "zod";
import { refineTarget, targetShape } from "./options.ts";

const schema = z.object(targetShape).superRefine(refineTarget);

/** The problems with options. */
function said(options: Readonly<Record<string, unknown>>): string {
  const { error } = schema.safeParse({ target: "http://h", ...options });
  assert.ok(error, JSON.stringify(options));
  return error.issues.map(({ path, message }) => `${path}: ${message}`)
    .join("\n");
}

Deno.test("targetShape refuses a target without showing what may be secret of it", () => {
  for (
    const [target, shown] of [
      ["http://usr:PW@/?key=PW", '"http://***@/?***"'],
      ["ftp://usr:PW@h/x?key=PW", '"ftp://***@h/x?***"'],
      [5, "5"],
    ]
  ) {
    assert.equal(
      said({ target }),
      `target: must be an http, https, ws or wss URL, but was ${shown}`,
    );
  }
});

Deno.test("targetShape refuses a key in place of a variable's name, and does not show it", () => {
  const rule =
    "apiKeyEnv: must be the name of an environment variable, not the key itself, but was";
  for (const key of ["sk-abc", "a b", "1A", "x".repeat(65)]) {
    assert.equal(said({ apiKeyEnv: key }), `${rule} not shown`);
  }
  assert.equal(said({ apiKeyEnv: "" }), `${rule} empty`);
  for (const name of ["OPENAI_API_KEY", "_k", "k2"]) {
    assert.ok(schema.parse({ target: "http://h", apiKeyEnv: name }));
  }
});

Deno.test("refineTarget() refuses an Authorization beside another one", () => {
  const target = "http://usr:PW@h/x?key=PW";
  const headers = { AUTHORIZATION: "Bearer PW" };
  assert.equal(
    said({ target, headers }),
    'target: must not contain a user and a password, as headers contain an Authorization already, but was "http://***@h/x?***"',
  );
  assert.equal(
    said({ headers, apiKeyEnv: "KEY" }),
    "apiKeyEnv: must not be given, as headers contain an Authorization already",
  );
  for (const rest of [{ headers: { "x-a": "b" } }, { apiKeyEnv: "KEY" }]) {
    assert.ok(schema.parse({ target, ...rest }));
  }
});
