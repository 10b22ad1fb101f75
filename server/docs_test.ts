import assert from "node:assert/strict";
import { FAULTS, REQUEST_SETTINGS, SESSION_SETTINGS } from "./mod.ts";

const docs = await Deno.readTextFile(
  new URL("../docs/reference-server.md", import.meta.url),
);
const help = await Deno.readTextFile(
  new URL("../cli/goldens/serve_help.txt", import.meta.url),
);

/** The rows of the table under a heading, cells trimmed. */
function rowsUnder(heading: string): string[][] {
  const [, rest = ""] = docs.split(`## ${heading}\n`);
  const lines = rest.split("\n## ")[0]!.split("\n");
  return lines.filter((line) => line.startsWith("| `")).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
}

for (
  const [heading, settings] of [
    ["Settings of sessions", SESSION_SETTINGS],
    ["Settings of requests", REQUEST_SETTINGS],
  ] as const
) {
  Deno.test(`docs/reference-server.md and the help have the ${heading.toLowerCase()}`, () => {
    const own = Object.entries(settings).filter(([name]) =>
      settings === SESSION_SETTINGS || !(name in SESSION_SETTINGS)
    );
    const expected = own.map(([name, setting]) => [
      `\`${name}\``,
      setting.help,
      setting.default === undefined
        ? "tokenMs"
        : JSON.stringify(setting.default),
    ]);
    assert.deepEqual(rowsUnder(heading), expected);
    for (const name of Object.keys(settings)) {
      assert.match(help, new RegExp(`\\b${name}\\b`));
    }
  });
}

Deno.test("docs/reference-server.md and the help have every fault, with its points", () => {
  const expected = Object.entries(FAULTS).map(([verb, kind]) => [
    `\`${verb}${kind.form ?? ""}\``,
    placesOf(kind.session),
    placesOf(kind.request),
  ]);
  const rows = rowsUnder("Faults").map(([name, session, request]) => [
    name,
    session,
    request,
  ]);
  assert.deepEqual(rows, expected);
  for (const verb of Object.keys(FAULTS)) {
    assert.match(help, new RegExp(`(^| )${verb}\\b`, "m"), verb);
  }
});

function placesOf(points: readonly string[] = []): string {
  if (points.length === 0) return "";
  if (points.length === 1) return "`accept`";
  return points.includes("accept") ? "any" : "after `accept`";
}
