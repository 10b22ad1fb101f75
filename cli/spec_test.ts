import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { UsageError } from "../plugins/mod.ts";
import { coerceSpec, formatSpec, parseSpec, type Spec } from "./spec.ts";

/** A spec in short: name, primary, pairs; quoted pieces in angle brackets. */
function short(text: string): unknown[] {
  const { name, primary, pairs } = parseSpec(text);
  const list = (pieces: Spec["primary"]) =>
    pieces?.map(({ text, quoted }) => quoted ? `<${text}>` : text);
  return [
    name,
    list(primary),
    Object.fromEntries(pairs.map(({ key, pieces }) => [key, list(pieces)])),
  ];
}

function message(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  throw new Error("nothing was thrown");
}

Deno.test("parseSpec() takes names, primaries, options and lists apart", () => {
  const cases: [string, unknown[]][] = [
    ["echo", ["echo", undefined, {}]],
    ["json=run.json", ["json", ["run.json"], {}]],
    ["json=", ["json", [""], {}]],
    ["concurrent=1,8,32", ["concurrent", ["1", "8", "32"], {}]],
    ["gamma=100,burstiness=0.5", ["gamma", ["100"], { burstiness: ["0.5"] }]],
    ["realtime,dialect=openai,speed=1", ["realtime", undefined, {
      dialect: ["openai"],
      speed: ["1"],
    }]],
    ["x,tags=a,b,n=1", ["x", undefined, { tags: ["a", "b"], n: ["1"] }]],
    [" x , a = 1 , 2 ", ["x", undefined, { a: ["1", "2"] }]],
    ["x,a=b=c", ["x", undefined, { a: ["b=c"] }]],
    ["x,headers.X-Key=k", ["x", undefined, { "headers.X-Key": ["k"] }]],
    ["./my.ts,a=1", ["./my.ts", undefined, { a: ["1"] }]],
    ["/abs/my plugin.ts=1", ["/abs/my plugin.ts", ["1"], {}]],
  ];
  for (const [text, wanted] of cases) {
    assert.deepEqual(short(text), wanted, text);
  }
});

Deno.test("parseSpec() lets quotes hold anything", () => {
  const cases: [string, unknown[]][] = [
    [`repeat="well, then=now"`, ["repeat", ["<well, then=now>"], {}]],
    [`repeat='a "b", c'`, ["repeat", [`<a "b", c>`], {}]],
    [`repeat="a \\"b\\" \\\\ c"`, ["repeat", [`<a "b" \\ c>`], {}]],
    [`x,a="1",'2,3',4`, ["x", undefined, { a: ["<1>", "<2,3>", "4"] }]],
    [`x,"odd=key"=1`, ["x", undefined, { "odd=key": ["1"] }]],
    [`"./odd,name=x.ts"=1,a=2`, ["./odd,name=x.ts", ["1"], { a: ["2"] }]],
    [`x,a=it's`, ["x", undefined, { a: ["it's"] }]],
    [`x,a=""`, ["x", undefined, { a: ["<>"] }]],
    [`x,session='{"a":1,"b":[2]}'`, ["x", undefined, {
      session: [`<{"a":1,"b":[2]}>`],
    }]],
  ];
  for (const [text, wanted] of cases) {
    assert.deepEqual(short(text), wanted, text);
  }
});

Deno.test("parseSpec() lets the query and hash of a URL stand unquoted", () => {
  const url = "https://example.org/p.ts";
  assert.deepEqual(short(`${url}=1,a=2`), [url, ["1"], { a: ["2"] }]);
  assert.deepEqual(short(`${url}?v=1&w=2#sha256=ab,a=2`), [
    `${url}?v=1&w=2#sha256=ab`,
    undefined,
    { a: ["2"] },
  ]);
  assert.deepEqual(short(`"${url}?v=1"=primary`), [
    `${url}?v=1`,
    ["primary"],
    {},
  ]);
  assert.deepEqual(short(`file:///a.ts#x=1`), [
    "file:///a.ts#x=1",
    undefined,
    {},
  ]);
  assert.deepEqual(short(`https://h:8000/p.ts,target=http://h/?a=b`), [
    "https://h:8000/p.ts",
    undefined,
    { target: ["http://h/?a=b"] },
  ]);
});

Deno.test("parseSpec() takes a primary value behind a pinned URL", () => {
  for (const pin of ["ab".repeat(32), "AB".repeat(32)]) {
    for (
      const url of [
        `https://example.org/p.ts#sha256=${pin}`,
        `http://127.0.0.1:1/p.ts?v=1&w=2#sha256=${pin}`,
      ]
    ) {
      assert.deepEqual(short(`${url}=a=b,c,d=1`), [
        url,
        ["a=b", "c"],
        { d: ["1"] },
      ]);
      assert.deepEqual(short(`${url}`), [url, undefined, {}]);
      assert.deepEqual(short(`${url},d=1`), [url, undefined, { d: ["1"] }]);
      const primary = [{ text: "a=b", quoted: false }];
      const written = formatSpec({ name: url, primary, pairs: [] });
      assert.deepEqual(short(written), [url, ["a=b"], {}]);
    }
  }
});

Deno.test("parseSpec() refuses what it cannot read and says why", () => {
  const cases: [string, RegExp][] = [
    ["", /a name must be given/],
    ["=1", /a name must be given/],
    [",a=1", /a name must be given/],
    ["x,", /either side of a comma/],
    ["x,,a=1", /either side of a comma/],
    ["x,=1", /either side of a comma/],
    ["x,foo", /key=value: see "foo"/],
    [`x,a="b`, /quote must be closed: see "b/],
    [`x,a='b`, /quote must be closed/],
    [`x,a="b"c`, /comma must follow "b": see c/],
    [`x,a="b"=c`, /comma must follow "b": see =c/],
  ];
  for (const [text, pattern] of cases) {
    const said = message(() => parseSpec(text));
    assert.match(said, pattern, text);
    assert.ok(said.startsWith(`Cannot read ${JSON.stringify(text)} as `), said);
  }
});

const piece = fc.record({
  text: fc.string({ unit: "grapheme" }),
  quoted: fc.boolean(),
});
const pieces = fc.array(piece, { minLength: 1, maxLength: 4 });
const spec = fc.record({
  name: fc.oneof(
    fc.string({ minLength: 1 }),
    fc.constantFrom(
      "echo",
      "./a.ts",
      "https://x.org/p.ts?a=b,c#sha256=d",
      `https://x.org/p.ts#sha256=${"0f".repeat(32)}`,
      `"`,
    ),
  ),
  pairs: fc.array(fc.record({ key: fc.string({ minLength: 1 }), pieces }), {
    maxLength: 4,
  }),
}, { requiredKeys: ["name", "pairs"] });

/** What a round trip keeps: texts, in their places. */
const texts = ({ name, primary, pairs }: Spec) => [
  name,
  primary?.map(({ text }) => text),
  pairs.map(({ key, pieces }) => [key, pieces.map(({ text }) => text)]),
];

Deno.test("parseSpec() reads back whatever formatSpec() writes", () => {
  fc.assert(
    fc.property(
      spec,
      fc.option(pieces, { nil: undefined }),
      (rest, primary) => {
        const whole: Spec = { ...rest, ...(primary && { primary }) };
        assert.deepEqual(texts(parseSpec(formatSpec(whole))), texts(whole));
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("parseSpec() throws nothing but UsageError", () => {
  const soup = fc.string({
    unit: fc.constantFrom("a", ",", "=", '"', "'", "\\", " ", "?", "https:"),
  });
  fc.assert(
    fc.property(soup, (text) => {
      try {
        parseSpec(text);
      } catch (error) {
        assert.ok(error instanceof UsageError);
      }
    }),
    { numRuns: 2000 },
  );
});

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
const read = (text: string) =>
  coerceSpec(parseSpec(text), { primary: "text", options });

Deno.test("coerceSpec() takes values as the schema says", () => {
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

Deno.test("coerceSpec() takes units where the option's name tells them", () => {
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
    message(() => read("x,ratePerSecond=2s")),
    /ratePerSecond: must be a number: current value is 2s/,
  );
  assert.match(
    message(() => read("x,chunkMs=2KiB")),
    /chunkMs: must be a number of milliseconds, or one with ms, s, m or h: current value is 2KiB/,
  );
});

Deno.test("coerceSpec() says in one sentence what one of several types would be", () => {
  const options = z.strictObject({
    waitMs: z.union([z.number(), z.literal("off"), z.literal(false)]),
    bufferBytes: z.union([z.number(), z.enum(["small", "large"])]),
    n: z.union([z.number(), z.null()]),
  });
  const cases = {
    "waitMs=OFF": "waitMs: must be a duration such as 90s, or off, but was OFF",
    "bufferBytes=":
      "bufferBytes: must be a size such as 16MiB, or small, or large, but was empty",
    "n=x": "n: must be a number, or null, but was x",
  };
  for (const [text, wanted] of Object.entries(cases)) {
    const said = message(() => coerceSpec(parseSpec(`x,${text}`), { options }));
    assert.ok(said.endsWith(`\n  ${wanted}`), said);
  }
});

Deno.test("coerceSpec() reaches into objects", () => {
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

Deno.test("coerceSpec() lists every problem, each with its option, its value and what would do", () => {
  const said = message(() =>
    read(
      "x,spede=1,dialect=opena,strict=yes,n=1.5,text=a,b,columns.audoi=f,speed.x=1,headers=h,n=2,n=3",
    )
  );
  assert.deepEqual(said.split("\n  "), [
    `Cannot use "x":`,
    `spede: is no option; did you mean "speed"? there are: ${
      Object.keys(options.shape).join(", ")
    }`,
    "dialect: must be one of vllm, openai (did you mean openai?): current value is opena",
    "strict: must be true or false: current value is yes",
    "n: must be a whole number: current value is 1.5",
    "text: takes one value, and one with a comma must be quoted: current value is a,b",
    `columns.audoi: is no option; did you mean "audio"? there are: audio, text`,
    "speed.x: is no object: it takes a value, and no keys",
    "headers: must be given key by key, as option.key=value, or as JSON in single quotes: current value is a text of 1 characters",
    "n: must be given once",
  ]);
});

Deno.test("coerceSpec() refuses a primary where there is none, or twice", () => {
  const none = () => coerceSpec(parseSpec("x=1"), { options });
  assert.match(message(none), /=1: takes no value of its own/);
  assert.match(message(() => read("x=1,text=2")), /text: must be given once/);
});

Deno.test("coerceSpec() guesses where there is no schema, and leaves the rest to the plugin", () => {
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
  assert.deepEqual(coerceSpec(spec, { options: bare }), {
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
  assert.deepEqual(coerceSpec(parseSpec("x,a=1,b=2"), { options: loose }), {
    a: 1,
    b: 2,
  });
});

Deno.test("coerceSpec() gives back what was written out, for any number, text and list", () => {
  const given = fc.record({
    speed: fc.double({ noNaN: true, noDefaultInfinity: true }),
    text: fc.string({ unit: "grapheme" }),
    tags: fc.array(fc.string(), { minLength: 1 }),
    strict: fc.boolean(),
    n: fc.integer(),
  });
  fc.assert(fc.property(given, (wanted) => {
    const pairs = Object.entries(wanted).map(([key, value]) => ({
      key,
      pieces: [value].flat().map((each) => ({
        text: String(each),
        quoted: typeof each === "string",
      })),
    }));
    const found = read(formatSpec({ name: "x", pairs }));
    assert.deepEqual(found, { ...wanted, speed: wanted.speed + 0 });
  }));
});
