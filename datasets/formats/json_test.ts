import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../../plugins/mod.ts";
import { openJson } from "./json.ts";
import { tempFolder } from "../../tests/support/datasets.ts";

const order = { shuffle: false, seed: 1, pass: 0 };

/** The records of a file of this content, read in order and shuffled. */
async function readings(content: string, rows?: string) {
  await using folder = await tempFolder({ "m.json": content });
  const results = [];
  for (
    const options of [
      { shuffle: false, rows },
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

Deno.test("openJson() reads an object without a list of records as one record", async () => {
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

Deno.test("openJson() reads what was written", async () => {
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

Deno.test("openJson() reads long records", async () => {
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

Deno.test("openJson() refuses a file without records and says what it has", async () => {
  const cases: [string, RegExp][] = [
    ["", /m\.json: the file has no records$/],
    [" \n", /m\.json: the file has no records$/],
    ["[]", /m\.json: the file has no records$/],
    ['{"data":[{}', /m\.json: the file must be JSON in UTF-8: /],
    ["{}", /but the file has no keys$/],
    ['"text"', /must be a JSON array or object, but was a string$/],
    ["PAR1\0\0", /the file must be JSON in UTF-8: .*P/],
    ["[1]", /#1: each record must be a JSON object, but was a number$/],
    ["[[2]]", /#1: each record must be a JSON object, but was an array$/],
    ['[{"a":1} {"a":2}]', /the file must be JSON in UTF-8: /],
    ['[{"a":1},{"a":"b', /the file must be JSON in UTF-8: /],
    ['[{"a":1}] [', /the file must be JSON in UTF-8: /],
    ['{"a":[{}],"b":[{}],"c":1}', /but the file has several: "a", "b"$/],
    ['{"a":[1],"b":[1,2]}', /one length.* were 1 in "a" and 2 in "b"$/],
    ['{"a":{"b":[{}]},"c":[1]}', /but the file has "a", "c"$/],
  ];
  for (const [content, message] of cases) {
    assert.match(await refusal(content), message, content);
  }
  assert.match(
    await refusal('{"data":[{}]}', "row"),
    /^rows: .*m\.json must be an object with an array under "row", but has "data"$/,
  );
  assert.match(
    await refusal('{"data":5}', "data"),
    /^rows: .*must be an object with an array under "data", but has "data"$/,
  );
});

Deno.test("openJson() skips a record that is not an object, and reads NaN as null", async () => {
  const records = '{"a":1},[2],{"a":NaN},{"a":5}';
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

Deno.test("openJson() refuses JSON of more than 256 MiB with the command that converts it", async () => {
  await using folder = await tempFolder();
  for (
    const [content, rows, command] of [
      ["[", undefined, "jq -c '.[]' "],
      ["{", undefined, "jq -c '.KEY[]' "],
      ["{", "data", "jq -c '.data[]' "],
    ] as const
  ) {
    await Deno.writeTextFile(folder.at("m.json"), content);
    await Deno.truncate(folder.at("m.json"), 2 ** 28 + 1);
    await assert.rejects(
      openJson(folder.at("m.json"), { shuffle: false, rows }),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, /at most 268435456 bytes, but has 2684354/);
        assert.ok(error.message.includes(command), error.message);
        return true;
      },
    );
  }
});

Deno.test("openJson() streams a large file with an object per line", async () => {
  await using folder = await tempFolder();
  const line = `${JSON.stringify({ a: "x".repeat(1000) })}\n`;
  await Deno.writeTextFile(folder.at("m.json"), line.repeat(101));
  await Deno.truncate(folder.at("m.json"), 2 ** 28 + 1);
  await using file = await openJson(folder.at("m.json"), { shuffle: false });
  const records = await Array.fromAsync(file.rows({ ...order, limit: 2 }));
  assert.deepEqual(records.map(({ line }) => line), [1, 2]);
});
