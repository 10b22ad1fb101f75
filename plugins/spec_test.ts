import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "./mod.ts";
import { formatSpec, parseSpec, type Spec } from "./spec.ts";

/** A spec in short: name, primary, pairs; quoted values in angle brackets. */
function short(text: string): unknown[] {
  const { name, primary, options } = parseSpec(text);
  const list = (values: Spec["primary"]) =>
    values?.map(({ text, quoted }) => quoted ? `<${text}>` : text);
  return [
    name,
    list(primary),
    Object.fromEntries(options.map(({ key, values }) => [key, list(values)])),
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

Deno.test("parseSpec() reads the query and hash of a URL without quotes", () => {
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
      assert.deepEqual(short(`${url} = a`), [url, ["a"], {}]);
      assert.deepEqual(short(`${url},d=1`), [url, undefined, { d: ["1"] }]);
      const primary = [{ text: "a=b", quoted: false }];
      const written = formatSpec({ name: url, primary, options: [] });
      assert.deepEqual(short(written), [url, ["a=b"], {}]);
    }
  }
});

Deno.test("parseSpec() refuses what it cannot read and says why", () => {
  const cases: [string, RegExp][] = [
    ["", /a name must come first/],
    ["=1", /a name must come first/],
    [",a=1", /a name must come first/],
    ["x,", /a value is missing beside a comma/],
    ["x,,a=1", /a value is missing beside a comma/],
    ["x,=1", /a value is missing beside a comma/],
    ["x,foo", /key=value: see "foo"/],
    [`x,a="b`, /quote must be closed: see "b/],
    [`x,a='b`, /quote must be closed/],
    [`x,a="b"c`, /comma must follow "b": see c/],
    [`x,a="b"=c`, /comma must follow "b": see =c/],
  ];
  for (const [text, pattern] of cases) {
    const said = message(() => parseSpec(text));
    assert.match(said, pattern, text);
    assert.ok(said.startsWith(`${JSON.stringify(text)}: `), said);
  }
});

const value = fc.record({
  text: fc.string({ unit: "grapheme" }),
  quoted: fc.boolean(),
});
const values = fc.array(value, { minLength: 1, maxLength: 4 });
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
  options: fc.array(fc.record({ key: fc.string({ minLength: 1 }), values }), {
    maxLength: 4,
  }),
}, { requiredKeys: ["name", "options"] });

/** Texts of a spec in their places, which a round trip preserves. */
const texts = ({ name, primary, options }: Spec) => [
  name,
  primary?.map(({ text }) => text),
  options.map(({ key, values }) => [key, values.map(({ text }) => text)]),
];

Deno.test("parseSpec() reads back whatever formatSpec() writes", () => {
  fc.assert(
    fc.property(
      spec,
      fc.option(values, { nil: undefined }),
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
