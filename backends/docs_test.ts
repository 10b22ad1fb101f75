import assert from "node:assert/strict";
import { jsonSchemaOf } from "../plugins/schema.ts";
import { targetShape } from "./connect/options.ts";
import { transcriptions, translations } from "./openai/audio/transcriptions.ts";
import { chat } from "./openai/chat.ts";
import { completions } from "./openai/completions.ts";
import { embeddings } from "./openai/embeddings.ts";
import { responses } from "./openai/responses.ts";
import { realtime } from "./realtime/realtime.ts";

const pageOf = (name: string) =>
  Deno.readTextFile(new URL(`../docs/${name}.md`, import.meta.url));

/** JSON Schema of each option of a backend. */
function optionsOf(
  { definition }: { definition: { options: unknown } },
): Record<string, { default?: unknown }> {
  const schema = jsonSchemaOf(definition.options as typeof targetShape.target);
  return schema?.properties as Record<string, { default?: unknown }>;
}

Deno.test("docs/realtime.md has every option of the protocol, with its default", async () => {
  const [, table = ""] = (await pageOf("realtime")).split("## Options\n");
  const rows = table.split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").slice(1, 3).map((cell) => cell.trim()));
  const options = Object.entries(optionsOf(realtime)).filter(([name]) =>
    !(name in targetShape) || name === "connectTimeoutMs"
  );
  assert.deepEqual(
    rows.map(([name]) => name).sort(),
    options.map(([name]) => `\`${name}\``).sort(),
  );
  for (const [name, { default: value }] of options) {
    const [, shown] = rows.find(([cell]) => cell === `\`${name}\``)!;
    // The default of the transport depends on the system.
    if (value === undefined || name === "transport") continue;
    assert.equal(shown, shownDefault(name, value), name);
  }
});

function shownDefault(name: string, value: unknown): string {
  if (typeof value === "string") return `\`${value}\``;
  if (typeof value === "object") return "";
  if (typeof value !== "number") return String(value);
  return name.endsWith("TimeoutMs")
    ? `${value / 1000} s`
    : value.toLocaleString("en");
}

for (
  const [name, backends] of [
    ["chat", [chat, completions]],
    ["responses", [responses]],
    ["embeddings", [embeddings]],
    ["transcriptions", [transcriptions, translations]],
  ] as const
) {
  Deno.test(`docs/${name}.md or docs/http.md names every option`, async () => {
    const pages = await pageOf(name) + await pageOf("http");
    const all = backends.flatMap((backend) => Object.keys(optionsOf(backend)));
    const missing = all.filter((option) =>
      !new RegExp(`\`[^\`]*\\b${option}\\b`).test(pages)
    );
    assert.deepEqual([...new Set(missing)], []);
  });
}
