import assert from "node:assert/strict";
import { z } from "zod";
import { UsageError } from "../core/errors.ts";
import { defineBackend } from "./plugin.ts";
import {
  collectProblems,
  explain,
  jsonSchemaOf,
  problemLine,
  suggestion,
} from "./problems.ts";
import type { Issue } from "./standard_schema.ts";

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

function refuse(message: string): never {
  throw new UsageError(message);
}

Deno.test("collectProblems() gives the result of each task by its name", async () => {
  const { a, b } = await collectProblems({
    a: () => 1,
    b: () => Promise.resolve("two"),
  });
  assert.deepEqual([a, b], [1, "two"]);
});

Deno.test("collectProblems() runs every task and reports all problems, in order", async () => {
  const done: string[] = [];
  await assert.rejects(
    () =>
      collectProblems({
        a: () => refuse("Cannot do a"),
        b: () => void done.push("b"),
        c: () =>
          Promise.reject(
            new UsageError("Cannot do c:\n  x: is wrong", {
              problems: [{ path: "x", message: "is wrong" }],
            }),
          ),
      }),
    (error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(
        error.message,
        "2 problems:\n  Cannot do a\n  Cannot do c:\n    x: is wrong",
      );
      assert.deepEqual(
        error.problems.map(({ message }) => message),
        ["Cannot do a", "is wrong"],
      );
      return true;
    },
  );
  assert.deepEqual(done, ["b"]);
});

Deno.test("collectProblems() passes on a single refusal, and any other error at once, as they are", async () => {
  await assert.rejects(
    () => collectProblems({ a: () => refuse("Cannot do a") }),
    {
      message: "Cannot do a",
    },
  );
  const broken = new TypeError("broken");
  await assert.rejects(
    () =>
      collectProblems({
        a: () => refuse("Cannot do a"),
        b: () => Promise.reject(broken),
      }),
    broken,
  );
});

Deno.test("collectProblems() reports the problems of nested tasks in one list", async () => {
  const inner = () =>
    collectProblems({
      b: () => refuse("Cannot do b"),
      c: () => refuse("Cannot do c"),
    });
  await assert.rejects(
    () => collectProblems({ a: () => refuse("Cannot do a"), inner }),
    {
      message: "3 problems:\n  Cannot do a\n  Cannot do b\n  Cannot do c",
    },
  );
});
