import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../../plugins/mod.ts";
import { openJson } from "./json.ts";
import { tempFolder } from "../../tests/support/datasets.ts";

const order = { shuffle: false, seed: 1, pass: 0 };

/** The records of a file of this content: read whole, as a stream, and by index. */
async function readings(content: string, rows?: string) {
  await using folder = await tempFolder({ "m.json": content });
  const results = [];
  for (
    const options of [
      { shuffle: false, rows },
      { shuffle: false, wholeBytes: 0, rows },
      { shuffle: true, wholeBytes: 0, rows },
    ]
  ) {
    await using file = await openJson(folder.at("m.json"), options);
    results.push(await Array.fromAsync(file.rows(order)));
  }
  return results;
}

async function refusal(content: string, rows?: string): Promise<string> {
  try {
    await readings(content, rows);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message.replace(/\S*m\.json/, "m.json");
  }
  assert.fail("it was not refused");
}

Deno.test("openJson() finds records in every usual shape", async () => {
  const records = [{ a: "x" }, { a: 'y, ]}"\\' }];
  const list = JSON.stringify(records);
  const shapes = {
    "an array": list,
    "an array with space around everything":
      '\uFEFF \r\n[\r\n\t{ "a" : "x" } ,\n{"a":"y, ]}\\"\\\\"}\n ] \n',
    "a usual key": `{"meta":{"data":[1]},"tags":[{"b":1}],"data":${list}}`,
    "the first usual key": `{"rows":${list},"data":[{"b":1}]}`,
    "the only list of objects": `{"version":"1","questions":${list},"n":[1]}`,
    "columns": '{"a":["x","y, ]}\\"\\\\"]}',
    "an object in each line": records.map((each) => JSON.stringify(each))
      .join("\r\n"),
    "the rows of Hugging Face's viewer": JSON.stringify({
      features: [{ name: "a" }],
      rows: records.map((row, i) => ({
        row_idx: i,
        row,
        truncated_cells: [],
      })),
    }),
  };
  for (const [shape, content] of Object.entries(shapes)) {
    for (const rows of await readings(content)) {
      assert.deepEqual(
        rows,
        records.map((row, i) => ({ line: i + 1, row })),
        shape,
      );
    }
  }
  for (const rows of await readings(`{"data":[{"b":1}],"x":${list}}`, "x")) {
    assert.deepEqual(rows.map((met) => "row" in met && met.row), records);
  }
});

Deno.test("openJson() takes an object without records for one", async () => {
  const objects = [
    { prompt: "a", n: 1 },
    { messages: [{ role: "user", content: "a" }], tools: [{ name: "f" }] },
  ];
  for (const row of objects) {
    for (const rows of await readings(JSON.stringify(row, null, 2))) {
      assert.deepEqual(rows, [{ line: 1, row }]);
    }
  }
});

Deno.test("openJson() reads what was written, wherever reads are divided", async () => {
  const row = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), {
    minKeys: 1,
    noNullPrototype: true,
  }).filter((row) => !Object.hasOwn(row, "__proto__"));
  const rows = fc.array(row, { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(rows, fc.constantFrom(0, 2), async (rows, indent) => {
      const expected = JSON.parse(JSON.stringify(rows));
      for (
        const content of [
          JSON.stringify(rows, null, indent),
          JSON.stringify({ meta: [], data: rows, more: {} }, null, indent),
        ]
      ) {
        for (const reading of await readings(content)) {
          assert.deepEqual(
            reading.map((met) => "row" in met && met.row),
            expected,
          );
        }
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("openJson() reads records longer than what is read at a time", async () => {
  const rows = ["é".repeat(400_000), "a", ']}\\"'.repeat(200_000)].map((a) => ({
    a,
  }));
  for (const reading of await readings(JSON.stringify(rows))) {
    assert.ok(
      reading.every((met, i) => "row" in met && met.row["a"] === rows[i]!.a),
    );
    assert.equal(reading.length, 3);
  }
});

Deno.test("openJson() refuses what holds no records, and says what it found", async () => {
  const cases: [string, RegExp][] = [
    ["", /must have a record: current value has none$/],
    [" \n", /must have a record: current value has none$/],
    ["[]", /must have a record: current value has none$/],
    ['{"data":[{}', /#2 as the file must not end|#2 as a comma/],
    ["{}", /current value has no keys$/],
    ['"text"', /JSON array or object: current value begins with "\\""$/],
    ["PAR1\0\0", /JSON array or object: current value begins with "P"$/],
    ["[1]", /#1 as each record must be a JSON object: current value is a num/],
    ["[[2]]", /#1 as each record must be .*current value is an array$/],
    ['[{"a":1} {"a":2}]', /#2 as a comma must stand between records: .*"\{"$/],
    ['[{"a":1},{"a":]', /#2 as each record must be JSON in UTF-8: /],
    ['[{"a":1},{"a":"b', /#2 as the file must not end within a value/],
    ['[{"a":1},{"a":2}', /#3 as a comma .*: the file ends there$/],
    ['[{"a":x}]', /#1 as each record must be JSON in UTF-8: /],
    ['[{"a":1}] [', /#2 as nothing may follow the records/],
    ['{"a":[{}],"b":[{}],"c":1}', /current value has several, "a", "b"$/],
    ['{"a":[1],"b":[1,2]}', /one length.*1 in "a" and 2 in "b"$/],
    ['{"a":{"b":[{}]},"c":[1]}', /current value has "c", "a"$/],
    ['{"a":[1', /the file must not end within a value/],
    ['{"a" 1}', /a colon must follow each key: current value is "1"$/],
    ['{"data":[{"a":1}]', /#2 as the file's object must be closed/],
  ];
  for (const [content, message] of cases) {
    assert.match(await refusal(content), message, content);
  }
  assert.match(
    await refusal('{"data":[{}]}', "row"),
    /as the file's object must have "row"$/,
  );
  assert.match(
    await refusal('{"data":5}', "data"),
    /as the records must be in an array: current value is "5"$/,
  );
});

Deno.test("openJson() passes over a record that cannot be read, and takes NaN for null", async () => {
  const records = '{"a":1},[2],{"a":x},{"a":NaN},{"a":5}';
  await using folder = await tempFolder({
    "list.json": `[${records}]`,
    "rows.json": `{"version":NaN,"data":[${records}]}`,
    "columns.json": '{"a":[1,NaN,-Infinity]}',
    "one.json": '{"a":NaN,"b":1}',
  });
  const read = async (name: string) => {
    await using file = await openJson(folder.at(name), { shuffle: false });
    const rows = await Array.fromAsync(file.rows(order));
    return rows.map((met) => "row" in met ? met.row : met.problem.slice(0, 24));
  };
  for (const name of ["list.json", "rows.json"]) {
    assert.deepEqual(await read(name), [
      { a: 1 },
      "each record must be a JS",
      "each record must be JSON",
      { a: null },
      { a: 5 },
    ]);
  }
  assert.deepEqual(await read("columns.json"), [
    { a: 1 },
    { a: null },
    { a: null },
  ]);
  assert.deepEqual(await read("one.json"), [{ a: null, b: 1 }]);
});

Deno.test("openJson() gives the records before the place where a large file is cut off", async () => {
  await using folder = await tempFolder({
    "m.json": `[${
      Array.from({ length: 300 }, (_, i) => `{"i":${i}}`).join(",")
    },{"i":`,
  });
  for (const shuffle of [false, true]) {
    await using file = await openJson(folder.at("m.json"), {
      shuffle,
      wholeBytes: 0,
    });
    const rows = await Array.fromAsync(file.rows(order));
    assert.equal(rows.filter((met) => "row" in met).length, 300);
    const last = rows.at(-1)!;
    assert.equal(rows.length, 301);
    assert.match("problem" in last ? last.problem : "", /cut off|JSON/);
  }
});
