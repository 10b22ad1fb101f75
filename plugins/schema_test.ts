import assert from "node:assert/strict";
import { z } from "zod";
import { jsonSchemaOf } from "./schema.ts";

Deno.test("jsonSchemaOf() accepts any value where JSON Schema cannot express a type", () => {
  const schema = z.strictObject({ when: z.date(), n: z.int(), x: z.custom() });
  const { properties, required } = jsonSchemaOf(schema)!;
  const { n, ...others } = properties as Record<string, unknown>;
  assert.deepEqual(others, { when: {}, x: {} });
  assert.equal((n as { type: unknown }).type, "integer");
  assert.deepEqual(required, ["when", "n", "x"]);
});

Deno.test("jsonSchemaOf() is undefined if the schema has no JSON Schema, or its conversion fails", () => {
  const standard = {
    version: 1,
    vendor: "test",
    validate: (value: unknown) => ({ value }),
  } as const;
  assert.equal(jsonSchemaOf({ "~standard": standard }), undefined);
  const input = () => {
    throw new Error("not supported");
  };
  const failing = { "~standard": { ...standard, jsonSchema: { input } } };
  assert.equal(jsonSchemaOf(failing), undefined);
});
