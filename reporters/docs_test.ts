import assert from "node:assert/strict";
import { metrics } from "../plugins/mod.ts";
import { requestColumns, stageColumns } from "./csv.ts";
import { publishedSchemas } from "./schema.ts";

/** The words of a page that are marked as code. */
async function wordsOf(name: string): Promise<ReadonlySet<string>> {
  const page = await Deno.readTextFile(
    new URL(`../docs/${name}`, import.meta.url),
  );
  return new Set(
    [...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = ""]) => [
      code,
      ...code.split(/[^A-Za-z0-9/.]+/),
    ]),
  );
}

const words = await wordsOf("report.md");

/** Every name of a key, and every word that a value may be, at any depth. */
function named(schema: unknown): string[] {
  if (Array.isArray(schema)) return schema.flatMap(named);
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) =>
    key === "properties"
      ? [...Object.keys(value), ...Object.values(value).flatMap(named)]
      : key === "const"
      ? [String(value)]
      : key === "enum"
      ? value.map(String)
      : named(value)
  );
}

for (const [file, schema] of Object.entries(publishedSchemas())) {
  const page = file.startsWith("config") ? "configuration.md" : "report.md";
  Deno.test(`docs/${page} names every key and every fixed value of ${file}`, async () => {
    const known = await wordsOf(page);
    const names = [...new Set(named(schema))];
    assert.ok(names.length > 12);
    assert.deepEqual(names.filter((name) => !known.has(name)), []);
  });
}

Deno.test("docs/report.md names every column of the tables except dotted keys and metrics", () => {
  const known = new Set(metrics.map(({ name }) => name));
  const own = [...stageColumns, ...requestColumns].filter((column) =>
    !known.has(column) && !known.has(column.split(".")[0]!) &&
    !/^(counts|window|wer|cer|client)\./.test(column) &&
    !/^(connected|ready|requestSent|headers|firstByte|firstEvent|streamStart|endSent|final)Ms$/
      .test(column)
  );
  assert.deepEqual(
    own.filter((column) =>
      !words.has(column) && !words.has(column.split(".")[0]!)
    ),
    [],
  );
});
