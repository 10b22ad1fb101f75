import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import {
  optionLines,
  type OptionsDefinition,
  parseOptions,
} from "./options.ts";
import { problemLine } from "./problems.ts";
import { formatSpec, parseSpec } from "./spec.ts";

const options = z.strictObject({
  dialect: z.enum(["vllm", "openai"]).default("vllm"),
  speed: z.number().default(1),
  chunkMs: z.number().default(100),
  maxSeconds: z.number().optional(),
  bufferBytes: z.int().optional(),
  ratePerSecond: z.number().optional(),
  n: z.int().optional(),
  text: z.string().optional(),
  strict: z.boolean().optional(),
  health: z.union([z.string(), z.literal(false)]).optional(),
  level: z.union([z.literal(1), z.literal(2), z.literal("auto")]).optional(),
  either: z.union([z.string(), z.number()]).optional(),
  nothing: z.number().nullable().optional(),
  rates: z.array(z.number()).optional(),
  tags: z.array(z.string()).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  session: z.record(z.string(), z.unknown()).optional(),
  columns: z.strictObject({
    audio: z.string().optional(),
    text: z.string().optional(),
  }).optional(),
  any: z.json().optional(),
});
const definition = { primary: "text", options };
const read = (text: string) => {
  const { options, problems } = parseOptions(parseSpec(text), definition);
  assert.deepEqual(problems, [], text);
  return options;
};
const problemsOf = (
  text: string,
  from: OptionsDefinition = definition,
): string[] => parseOptions(parseSpec(text), from).problems.map(problemLine);

Deno.test("parseOptions() takes values as the schema says", () => {
  const cases: [string, unknown][] = [
    ["x", {}],
    ["x=5", { text: "5" }],
    ["x,dialect=openai", { dialect: "openai" }],
    ["x,speed=0.5,n=-3", { speed: 0.5, n: -3 }],
    ["x,speed=1e-2", { speed: 0.01 }],
    ["x,strict=true", { strict: true }],
    ["x,health=off", { health: "off" }],
    ["x,health=false", { health: false }],
    [`x,health="false"`, { health: "false" }],
    ["x,level=2", { level: 2 }],
    ["x,level=auto", { level: "auto" }],
    ["x,either=7", { either: 7 }],
    [`x,either="7"`, { either: "7" }],
    ["x,either=seven", { either: "seven" }],
    ["x,nothing=null", { nothing: null }],
    ["x,nothing=4", { nothing: 4 }],
    ["x,rates=1", { rates: [1] }],
    ["x,rates=1,2.5,3", { rates: [1, 2.5, 3] }],
    ["x,rates=", { rates: [] }],
    ["x,tags='[1]'", { tags: ["[1]"] }],
    ["x,tags=a,b,'c,d'", { tags: ["a", "b", "c,d"] }],
  ];
  for (const [text, wanted] of cases) {
    assert.deepEqual(read(text), wanted, text);
  }
});

Deno.test("parseOptions() takes the units that the option's name implies", () => {
  const cases: [string, unknown][] = [
    ["x,chunkMs=20", { chunkMs: 20 }],
    ["x,chunkMs=250ms", { chunkMs: 250 }],
    ["x,chunkMs=2s", { chunkMs: 2000 }],
    ["x,maxSeconds=2", { maxSeconds: 2 }],
    ["x,maxSeconds=500ms", { maxSeconds: 0.5 }],
    ["x,maxSeconds=2m", { maxSeconds: 120 }],
    ["x,bufferBytes=16KiB", { bufferBytes: 16_384 }],
    ["x,bufferBytes=16", { bufferBytes: 16 }],
  ];
  for (const [text, wanted] of cases) {
    assert.deepEqual(read(text), wanted, text);
  }
  assert.match(
    problemsOf("x,ratePerSecond=2s")[0]!,
    /ratePerSecond must be a number, but was 2s/,
  );
  assert.match(
    problemsOf("x,chunkMs=2KiB")[0]!,
    /chunkMs must be a number of milliseconds, or one with ms, s, m or h, but was 2KiB/,
  );
});

Deno.test("parseOptions() takes a name without its unit if the value has one and only one option is meant", () => {
  assert.deepEqual(read("x,chunk=2s,max=500ms,buffer=16KiB"), {
    chunkMs: 2000,
    maxSeconds: 0.5,
    bufferBytes: 16_384,
  });
  assert.deepEqual(read("x,chunk=0"), { chunkMs: 0 });
  assert.deepEqual(problemsOf("x,chunk=20"), [
    "chunk must have a unit, such as 20s, but was 20",
  ]);
  assert.deepEqual(problemsOf("x,buffer=20"), [
    "buffer must have a unit, such as 20KiB, but was 20",
  ]);
  assert.deepEqual(problemsOf("x,chunkMs=20,chunk=20ms"), [
    "chunk must be given once",
  ]);
  assert.deepEqual(problemsOf("x,chumk=20ms"), [
    `unknown option "chumk"; did you mean "chunkMs"?; there are: ${
      Object.keys(options.shape).join(", ")
    }`,
  ]);
  const twice = z.strictObject({
    waitMs: z.number().optional(),
    waitBytes: z.number().optional(),
    inner: z.strictObject({ pauseMs: z.number() }).optional(),
  });
  assert.deepEqual(problemsOf("x,wait=2s", { options: twice }), [
    'unknown option "wait"; did you mean "waitMs"?; there are: waitMs, waitBytes, inner',
  ]);
  const spec = parseSpec("x,inner.pause=2s");
  assert.deepEqual(parseOptions(spec, { options: twice }).options, {
    inner: { pauseMs: 2000 },
  });
  const open = z.looseObject({ waitMs: z.number().optional() });
  assert.deepEqual(
    parseOptions(parseSpec("x,wait=2s"), { options: open }).options,
    { wait: "2s" },
    "the plugin may know the name",
  );
});

Deno.test("parseOptions() says in one sentence what one of several types would be", () => {
  const options = z.strictObject({
    waitMs: z.union([z.number(), z.literal("off"), z.literal(false)]),
    bufferBytes: z.union([z.number(), z.enum(["small", "large"])]),
    n: z.union([z.number(), z.null()]),
  });
  const cases = {
    "waitMs=OFF": "waitMs must be a duration such as 90s, or off, but was OFF",
    "bufferBytes=":
      "bufferBytes must be a size such as 16MiB, or small, or large, but was empty",
    "n=x": "n must be a number, or null, but was x",
  };
  for (const [text, wanted] of Object.entries(cases)) {
    assert.deepEqual(problemsOf(`x,${text}`, { options }), [wanted]);
  }
});

Deno.test("parseOptions() reaches into objects", () => {
  const cases: [string, unknown][] = [
    ["x,headers.X-Key=k,headers.A.B=c", {
      headers: { "X-Key": "k", "A.B": "c" },
    }],
    ["x,headers.n=1", { headers: { n: "1" } }],
    ["x,session.temperature=0,session.vad.on=true,session.lang=en", {
      session: { temperature: 0, vad: { on: true }, lang: "en" },
    }],
    [`x,session.n="0"`, { session: { n: "0" } }],
    ["x,session.list=1,b", { session: { list: [1, "b"] } }],
    [`x,session='{"a":{"b":[1]}}'`, { session: { a: { b: [1] } } }],
    [`x,session='{"a":{"b":1}}',session.a.c=2`, {
      session: { a: { b: 1, c: 2 } },
    }],
    ["x,columns.audio=file,columns.text=words", {
      columns: { audio: "file", text: "words" },
    }],
  ];
  for (const [text, wanted] of cases) {
    assert.deepEqual(read(text), wanted, text);
  }
  const odd = read("x,headers.__proto__=evil").headers as object;
  assert.deepEqual(Object.entries(odd), [["__proto__", "evil"]]);
  assert.equal(Object.getPrototypeOf(odd), Object.prototype);
});

Deno.test("parseOptions() lists every problem, each with its option, its value and what would do", () => {
  const given =
    "x,spede=1,dialect=opena,strict=yes,n=1.5,text=a,b,columns.audoi=f,speed.x=1,headers=h,n=2,n=3";
  assert.deepEqual(problemsOf(given), [
    `unknown option "spede"; did you mean "speed"?; there are: ${
      Object.keys(options.shape).join(", ")
    }`,
    "dialect must be one of vllm, openai, but was opena; did you mean openai?",
    "strict must be true or false, but was yes",
    "n must be a whole number, but was 1.5",
    "text takes one value, and one with a comma must be quoted, but was a,b",
    `unknown option "columns.audoi"; did you mean "audio"?; there are: audio, text`,
    "speed.x takes a value, and has no keys",
    "headers must be given key by key, as option.key=value, or as JSON in single quotes, but was a text of 1 characters",
    "n must be given once",
  ]);
});

Deno.test("parseOptions() refuses a primary value that is not defined, or given twice", () => {
  assert.deepEqual(problemsOf("x=1", { options }), [
    "=1 has no option name: give it as key=value",
  ]);
  assert.deepEqual(problemsOf("x=1,text=2"), ["text must be given once"]);
});

Deno.test("parseOptions() guesses where there is no schema, and leaves the rest to the plugin", () => {
  const bare = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) => ({ value }),
    },
  } as const;
  const spec = parseSpec(
    `x,a=1,b=true,c=null,d=text,e="1",f=1,x,g={"k":1},h.i.j=0x1`,
  );
  assert.deepEqual(parseOptions(spec, { options: bare }).options, {
    a: 1,
    b: true,
    c: null,
    d: "text",
    e: "1",
    f: [1, "x"],
    g: { k: 1 },
    h: { i: { j: "0x1" } },
  });
  const loose = z.looseObject({ a: z.number() });
  assert.deepEqual(
    parseOptions(parseSpec("x,a=1,b=2"), { options: loose }).options,
    { a: 1, b: 2 },
  );
});

Deno.test("parseOptions() gives back what was written out, for any number, text and list", () => {
  const given = fc.record({
    speed: fc.double({ noNaN: true, noDefaultInfinity: true }),
    text: fc.string({ unit: "grapheme" }),
    tags: fc.array(fc.string(), { minLength: 1 }),
    strict: fc.boolean(),
    n: fc.integer(),
  });
  fc.assert(fc.property(given, (wanted) => {
    const options = Object.entries(wanted).map(([key, value]) => ({
      key,
      values: [value].flat().map((each) => ({
        text: String(each),
        quoted: typeof each === "string",
      })),
    }));
    const found = read(formatSpec({ name: "x", options }));
    assert.deepEqual(found, { ...wanted, speed: wanted.speed + 0 });
  }));
});

Deno.test("optionLines() lists name, type, meaning, default and what is required, in columns", () => {
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
    "  url       string          Where (required)",
    "  mode      a | b           How (default: a)",
    "  tags      string, …",
    "  limit     integer | null  (default: 5)",
    "  headers   object          More",
    "  anything  any",
    "",
    "  x=VALUE sets url",
  ]);
});

Deno.test("optionLines() says so if there are no options, or no schema", () => {
  const of = { name: "x" };
  assert.deepEqual(optionLines({ type: "object" }, of), ["  no options"]);
  assert.match(optionLines(undefined, of)[0]!, /does not list/);
});
