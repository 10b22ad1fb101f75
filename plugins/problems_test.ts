import assert from "node:assert/strict";
import { z } from "zod";
import { UsageError } from "../core/errors.ts";
import { defineBackend } from "./plugin.ts";
import { explain, problemLine, suggestion } from "./problems.ts";
import { type Issue, jsonSchemaOf } from "./schema.ts";

Deno.test("suggestion() lists all names", () => {
  assert.equal(
    suggestion("ech", ["echo", "realtime"]),
    `did you mean "echo"?; there are: echo, realtime`,
  );
  assert.equal(suggestion("zzz", ["echo"]), "there are: echo");
  assert.equal(suggestion("zzz", []), "no name is known");
});

const backend = defineBackend({
  name: "b",
  summary: "B",
  options: z.strictObject({
    target: z.string(),
    dialect: z.enum(["vllm", "openai"]).default("vllm"),
    mode: z.union([z.literal("stream"), z.literal("batch")]).optional(),
    speed: z.number().nonnegative().default(1),
    headers: z.record(z.string(), z.string()).optional(),
    limits: z.strictObject({ connectMs: z.number() }).optional(),
    list: z.array(z.strictObject({ kind: z.enum(["a", "b"]) })).optional(),
    loose: z.looseObject({}).optional(),
    pair: z.object({ a: z.string().optional(), b: z.string().optional() })
      .refine(({ a, b }) => a || b, {
        path: ["a"],
        message: "a or b must be given",
      }).optional(),
  }),
  open: () => ({ needs: [], send: () => Promise.resolve({}) }),
});

async function problems(options: unknown): Promise<Record<string, string>> {
  const context = {
    env: () => undefined,
    signal: new AbortController().signal,
    warn() {},
  };
  try {
    await backend(options as Parameters<typeof backend>[0]).open(context);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    for (const { path, message } of error.problems) {
      assert.ok(error.message.includes(problemLine({ path: path!, message })));
    }
    const found = error.problems.map(({ path, message }) => [path, message]);
    assert.equal(
      new Set(found.map(([path]) => path)).size,
      found.length,
      "each once",
    );
    return Object.fromEntries(found);
  }
  return {};
}

Deno.test("Configured.open() lists every problem with what would be right", async () => {
  assert.deepEqual(
    await problems({
      dialekt: "x",
      dialect: "opena",
      mode: "straem",
      speed: -1,
      headers: { Authorization: 7 },
      limits: { conectMs: 1, connectMs: "soon" },
      list: [{ kind: "a" }, { kind: "c" }],
      loose: { anything: 1 },
      pair: {},
      sped: 1,
    }),
    {
      dialekt:
        `unknown option; did you mean "dialect"?; there are: target, dialect, mode, speed, headers, limits, list, loose, pair`,
      dialect:
        `must be one of "vllm", "openai", but was "opena"; did you mean "openai"?`,
      mode:
        `must be one of "stream", "batch", but was "straem"; did you mean "stream"?`,
      "limits.conectMs":
        `unknown option; did you mean "connectMs"?; there are: connectMs`,
      "list.1.kind": `must be one of "a", "b", but was "c"`,
      sped:
        `unknown option; did you mean "speed"?; there are: target, dialect, mode, speed, headers, limits, list, loose, pair`,
      target: "must be given",
      speed: "must be at least 0, but was -1",
      "headers.Authorization": "must be text",
      "limits.connectMs": `must be a number, but was "soon"`,
      "pair.a": "a or b must be given",
    },
  );
  assert.deepEqual(await problems({ target: "x", speed: 2 }), {});
});

Deno.test("explain() says in our words that a text is too short or too long", () => {
  const schema = z.strictObject({
    name: z.string().min(1),
    quote: z.string().max(1),
    word: z.string().min(3),
  });
  const value = { name: "", quote: "''", word: "ab" };
  const { issues = [] } = schema["~standard"].validate(value) as {
    issues?: Issue[];
  };
  assert.deepEqual(
    explain(issues, value, jsonSchemaOf(schema)).map(({ message }) => message),
    [
      'must not be empty, but was ""',
      `must have at most 1 character, but was "''"`,
      'must have at least 3 characters, but was "ab"',
    ],
  );
});

Deno.test("Configured.open() works with a schema that provides no JSON Schema", async () => {
  const bare = defineBackend({
    name: "b",
    summary: "B",
    options: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => ({
          issues: [{ message: "Not so", path: [{ key: "a" }, 0] }, {
            message: "Nor so",
          }],
        }),
      },
    },
    open: () => ({ needs: [], send: () => Promise.resolve({}) }),
  });
  const context = {
    env: () => undefined,
    signal: new AbortController().signal,
    warn() {},
  };
  await assert.rejects(bare({ a: [1] }).open(context), {
    message: `b:\n  a.0: Not so, but was 1\n  Nor so`,
  });
});

Deno.test("suggestion() knows what other tools and APIs call an option", () => {
  const here = [
    "target",
    "model",
    "headers",
    "apiKeyEnv",
    "body",
    "maxOutputTokens",
    "requestTimeoutMs",
    "stream",
  ];
  const cases = {
    maxTokens: "maxOutputTokens",
    max_tokens: "maxOutputTokens",
    max_completion_tokens: "maxOutputTokens",
    url: "target",
    base_url: "target",
    "api-key": "apiKeyEnv",
    timeout: "requestTimeoutMs",
    temperature: "body.temperature",
    top_p: "body.top_p",
    extra_body: "body",
    strem: "stream",
  };
  for (const [name, meant] of Object.entries(cases)) {
    assert.match(
      suggestion(name, here),
      new RegExp(`^did you mean "${meant}"\\?; there are: target, `),
    );
  }
  assert.equal(suggestion("maxTokens", ["path"]), "there are: path");
  assert.match(
    suggestion("max_tokens", ["inputTokens", "outputTokens"]),
    /"outputTokens"/,
  );
});
