import assert from "node:assert/strict";
import { optionLines } from "./option_lines.ts";

Deno.test("optionLines() tells name, type, meaning, default and what must be given, in columns", () => {
  const schema = {
    type: "object",
    required: ["url"],
    properties: {
      url: { type: "string", description: "Where" },
      mode: { enum: ["a", "b"], default: "a", description: "How" },
      tags: { type: "array", items: { $ref: "#/$defs/tag" } },
      limit: { anyOf: [{ type: "integer" }, { type: "null" }], default: 5 },
      headers: { type: "object", default: {}, description: "More" },
      anything: {},
    },
    $defs: { tag: { type: "string" } },
  };
  assert.deepEqual(optionLines(schema, { name: "x", primary: "url" }), [
    "  url       string          Where (must be given)",
    "  mode      a | b           How (default: a)",
    "  tags      string, …",
    "  limit     integer | null  (default: 5)",
    "  headers   object          More",
    "  anything  any",
    "",
    "  x=VALUE sets url",
  ]);
});

Deno.test("optionLines() says so where there are none, or nobody can tell", () => {
  const of = { name: "x" };
  assert.deepEqual(optionLines({ type: "object" }, of), ["  no options"]);
  assert.match(optionLines(undefined, of)[0]!, /does not tell/);
});
