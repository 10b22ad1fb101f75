import assert from "node:assert/strict";
import { HTTP_ACTIONS } from "./http_faults.ts";
import { REQUEST_DEFAULTS, SESSION_DEFAULTS } from "./options.ts";

const docs = await Deno.readTextFile(
  new URL("../docs/reference-server.md", import.meta.url),
);
const help = await Deno.readTextFile(
  new URL("../cli/goldens/serve_help.txt", import.meta.url),
);

/** The part of the page under a heading. */
function under(heading: string): string {
  const [, rest = ""] = docs.split(`## ${heading}\n`);
  return rest.split("\n## ")[0]!;
}

for (
  const [heading, defaults] of [
    ["Behaviour of sessions", SESSION_DEFAULTS],
    ["Behaviour of requests", REQUEST_DEFAULTS],
  ] as const
) {
  Deno.test(`docs/reference-server.md has every option under "${heading}", with its default, and no other`, () => {
    const rows = [...under(heading).matchAll(/^\| `(\w+)` .*\| (\S+) +\|$/gm)];
    const told = Object.fromEntries(
      rows.map(([, name, value]) => [name, value]),
    );
    const { faults: _, ...options } = { ...defaults };
    assert.deepEqual(Object.keys(told), Object.keys(options));
    for (const [name, value] of Object.entries(options)) {
      if (name === "finalTokenMs") continue;
      assert.equal(told[name], JSON.stringify(value), name);
      assert.match(help, new RegExp(`\\b${name}\\b`));
    }
  });
}

Deno.test("docs/reference-server.md and the help have every fault of requests", () => {
  const told = under("Faults of requests");
  for (const verb of Object.keys(HTTP_ACTIONS)) {
    assert.match(told, new RegExp(`\`${verb}\\b`), verb);
    assert.match(help, new RegExp(`\\b${verb}\\b`), verb);
  }
});
