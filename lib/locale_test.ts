import assert from "node:assert/strict";
import { isUnicodeLocale } from "./locale.ts";

Deno.test("isUnicodeLocale() follows the variables in their order", () => {
  const locale = (values: Record<string, string>) =>
    isUnicodeLocale((name) => values[name]);
  assert.equal(locale({ LANG: "en_US.UTF-8" }), true);
  assert.equal(locale({ LC_ALL: "C", LANG: "en_US.UTF-8" }), false);
  assert.equal(locale({ LC_ALL: "", LC_CTYPE: "de_DE.utf8", LANG: "C" }), true);
  assert.equal(locale({}), false);
});
