import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "csv-stringify/sync";
import { UsageError } from "../../plugins/mod.ts";
import { csvFormat } from "./csv.ts";
import { jsonlFormat } from "./json.ts";
import { type ManifestFormat, openManifest } from "./manifest.ts";
import { tempFolder } from "../../tests/support/datasets.ts";

const order = { shuffle: false, seed: 1, pass: 0 };

/** The records of a manifest, read whole, as a stream and by index. */
async function readings(content: string, format: () => ManifestFormat) {
  await using folder = await tempFolder({ m: content });
  const results = [];
  for (
    const options of [
      { shuffle: false },
      { shuffle: false, wholeBytes: 0 },
      { shuffle: true, wholeBytes: 0 },
    ]
  ) {
    await using manifest = await openManifest(
      folder.at("m"),
      format(),
      options,
    );
    const rows = await Array.fromAsync(manifest.rows(order));
    results.push({ rows, columns: manifest.columns });
  }
  return results;
}

const FORMATS = {
  jsonl: jsonlFormat,
  csv: () => csvFormat({ delimiter: ",", quote: '"' }),
};

Deno.test("openManifest() reads JSON Lines alike whole, as a stream and by index", async () => {
  const content = '\uFEFF{"a":1}\r\n\n  \n{"a":"é\\n","b":[2]}\n{"c":null}';
  for (const { rows, columns } of await readings(content, FORMATS.jsonl)) {
    assert.deepEqual(columns, ["a", "b", "c"]);
    assert.deepEqual(rows, [
      { line: 1, row: { a: 1 } },
      { line: 4, row: { a: "é\n", b: [2] } },
      { line: 5, row: { c: null } },
    ]);
  }
});

Deno.test("openManifest() reads CSV alike whole, as a stream and by index", async () => {
  const content =
    '\uFEFFid,text\r\n1,"a ""b"",\r\nc"\r\n\r\n2,é\n3,"x\n\ny"\n4,last';
  for (const { rows, columns } of await readings(content, FORMATS.csv)) {
    assert.deepEqual(columns, ["id", "text"]);
    assert.deepEqual(rows, [
      { line: 2, row: { id: "1", text: 'a "b",\r\nc' } },
      { line: 5, row: { id: "2", text: "é" } },
      { line: 6, row: { id: "3", text: "x\n\ny" } },
      { line: 9, row: { id: "4", text: "last" } },
    ]);
  }
});

Deno.test("openManifest() reads what was written", async () => {
  const row = fc.record({ a: fc.string({ unit: "grapheme" }), b: fc.string() });
  const rows = fc.array(row, { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(rows, async (rows) => {
      const jsonl = rows.map((row) => JSON.stringify(row)).join("\n");
      const csv = stringify(rows, {
        header: true,
        quoted: true,
        columns: ["a", "b"],
      });
      for (
        const [content, format] of [
          [jsonl, FORMATS.jsonl],
          [csv, FORMATS.csv],
        ] as const
      ) {
        for (const reading of await readings(content, format)) {
          const read = reading.rows.map((met) =>
            "row" in met && { ...met.row }
          );
          assert.deepEqual(read, rows.map((row) => ({ ...row })));
        }
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("openManifest() reads records longer than what is read at a time", async () => {
  const long = "x".repeat(700_000);
  const values = [long, "a", long + "é", "b"];
  const jsonl = values.map((text) => JSON.stringify({ text })).join("\n");
  const csv = stringify(values.map((text) => ({ text })), { header: true });
  for (
    const [content, format] of [[jsonl, FORMATS.jsonl], [
      csv,
      FORMATS.csv,
    ]] as const
  ) {
    for (const { rows } of await readings(content, format)) {
      const texts = rows.map((met) => "row" in met && met.row["text"]);
      assert.ok(texts.every((text, i) => text === values[i]));
      assert.equal(texts.length, values.length);
    }
  }
});

async function refusal(
  content: string,
  format: ManifestFormat,
  wholeBytes?: number,
): Promise<string> {
  await using folder = await tempFolder({ m: content });
  const options = {
    shuffle: false,
    ...(wholeBytes !== undefined && { wholeBytes }),
  };
  try {
    await using _ = await openManifest(folder.at("m"), format, options);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message.replace(folder.path, "");
  }
  assert.fail("it was not refused");
}

/** The problems of the records, which are the same however the manifest is read. */
async function problems(
  content: string,
  format: () => ManifestFormat,
): Promise<string[]> {
  const found = await readings(content, format);
  const problems = found.map(({ rows }) => {
    assert.ok(rows.some((met) => "row" in met), "none can be read");
    return rows.flatMap((met) =>
      "problem" in met ? [`${met.line}: ${met.problem}`] : []
    );
  });
  const [first] = problems;
  for (const each of problems) assert.equal(each.length, first!.length);
  return first!;
}

/** Lines that cannot be read, with their problems. */
const WRONG: readonly (readonly [string, RegExp])[] = [
  ['{"text":"b"', /^2: each line must be JSON in UTF-8: .*JSON/],
  ['{"text":x}', /^2: each line must be JSON in UTF-8: .*JSON/],
  ["\xff", /^2: each line must be JSON/],
  ["[1]", /^2: each line must be a JSON object, but was an array$/],
  ["null", /^2: each line must be a JSON object, but was null$/],
  ['"a"', /^2: each line must be a JSON object, but was a string$/],
  ["7", /^2: each line must be a JSON object, but was a number$/],
];

Deno.test("openManifest() skips a line that cannot be parsed and reports why", async () => {
  for (const [line, rule] of WRONG) {
    const content = `{"text":"a"}\n${line}\n{"text":"c"}`;
    const [problem, ...others] = await problems(content, jsonlFormat);
    assert.match(problem ?? "", rule);
    assert.deepEqual(others, []);
  }
});

Deno.test("openManifest() refuses a manifest without any valid record", async () => {
  for (const [line, rule] of WRONG) {
    for (const wholeBytes of [undefined, 0]) {
      const said = await refusal(
        `\n${line}\n${line}`,
        jsonlFormat(),
        wholeBytes,
      );
      assert.match(said.replace("/m:2:", "2:"), rule);
    }
  }
});

Deno.test("openManifest() reads the NaN and Infinity of Python as null", async () => {
  const content = [
    '{"a":NaN,"b":[Infinity,-Infinity,1],"c":"NaN \\" Infinity"}',
    '{"a":1}',
    '{"NaN":NaN}',
    '{"a":NaNcy}',
    `{"a":"${'\\"'.repeat(100_000)}`,
  ].join("\n");
  for (const { rows } of await readings(content, jsonlFormat)) {
    assert.deepEqual(rows.flatMap((met) => "row" in met ? [met.row] : []), [
      { a: null, b: [null, null, 1], c: 'NaN " Infinity' },
      { a: 1 },
      { NaN: null },
    ]);
    assert.equal(rows.length, 5);
  }
});

Deno.test("openManifest() refuses a manifest without records", async () => {
  const empty = "/m: the file has no records";
  assert.equal(await refusal("", jsonlFormat()), empty);
  assert.equal(await refusal("\n \n\uFEFF", jsonlFormat()), empty);
  assert.equal(
    await refusal("", csvFormat({ delimiter: ",", quote: '"' })),
    empty,
  );
  assert.equal(
    await refusal("id,text\n\n", csvFormat({ delimiter: ",", quote: '"' })),
    "/m:1: the file has no records below its header",
  );
});

Deno.test("openManifest() skips a malformed CSV record, and refuses a file whose rest cannot be read", async () => {
  const csv = () => csvFormat({ delimiter: ",", quote: '"' });
  const [cells, quote, ...others] = await problems(
    'id,text\n1,a\n2\n3,c\n4,a"b"\n5,e\n',
    csv,
  );
  assert.equal(
    cells,
    "3: each record must have 2 cells as the header does, but has 1",
  );
  assert.match(quote ?? "", /^5: a quote must begin its cell/);
  assert.deepEqual(others, []);
  assert.match(
    await refusal('id,text\n1,"a\n2,b\n', csv()),
    /^\/m:\d: each quote must be closed/,
  );
  assert.match(
    await refusal('id,text\n1,a\n2,"a\n3,b\n', csv()),
    /^\/m:\d: each quote must be closed/,
  );
  assert.match(
    await refusal("id,id\n1,2\n", csv()),
    /^\/m:1: the header must name each column once.*"id" twice$/,
  );
});

Deno.test("openManifest() refuses a path without a file", async () => {
  await using folder = await tempFolder({ "a/b": "" });
  for (
    const [name, rule] of [["gone", /no such file or directory$/], [
      "a",
      /regular file/,
    ]] as const
  ) {
    await assert.rejects(
      openManifest(folder.at(name), jsonlFormat(), { shuffle: false }),
      (error) =>
        error instanceof UsageError && rule.test(error.message) &&
        error.message.includes(folder.at(name)),
    );
  }
});

Deno.test("openManifest() checks a large manifest while it reads", async () => {
  const good = Array.from(
    { length: 150 },
    (_, i) => JSON.stringify({ text: `${i}` }),
  );
  await using folder = await tempFolder({
    m: [...good, "oh", ...good].join("\n"),
    csv: `id,text\n${"1,a\n".repeat(150)}2\n3,"b\n`,
  });
  for (const shuffle of [false, true]) {
    const options = { shuffle, wholeBytes: 0 };
    await using manifest = await openManifest(
      folder.at("m"),
      jsonlFormat(),
      options,
    );
    const rows = await Array.fromAsync(manifest.rows({ ...order, shuffle }));
    assert.equal(rows.length, 301);
    const bad = rows.filter((met) => "problem" in met);
    assert.deepEqual(bad.map(({ line }) => line), [151]);
    assert.equal(manifest.count, shuffle ? 301 : undefined);
  }
  const options = { shuffle: false, wholeBytes: 0 };
  await using manifest = await openManifest(
    folder.at("csv"),
    csvFormat({ delimiter: ",", quote: '"' }),
    options,
  );
  const rows = await Array.fromAsync(manifest.rows(order));
  const problems = rows.flatMap((met) => "problem" in met ? [met.problem] : []);
  assert.equal(rows.length, 152);
  assert.match(problems[0]!, /2 cells as the header does, but has 1$/);
  assert.match(
    problems[1]!,
    /each quote must be closed/,
  );
});

Deno.test("openManifest() reports a cell of a large CSV that is not UTF-8 with its record", async () => {
  const content = `id,text\n${"1,a\n".repeat(150)}2,\xe9\n3,b\n`;
  await using folder = await tempFolder({
    csv: Uint8Array.from(content, (each) => each.charCodeAt(0)),
  });
  const format = csvFormat({ delimiter: ",", quote: '"' });
  for (const shuffle of [false, true]) {
    const options = { shuffle, wholeBytes: 0 };
    await using manifest = await openManifest(
      folder.at("csv"),
      format,
      options,
    );
    const rows = await Array.fromAsync(manifest.rows({ ...order, shuffle }));
    assert.equal(rows.length, 152);
    assert.deepEqual(rows.filter((met) => "problem" in met), [{
      line: 152,
      problem: "each cell must be text in UTF-8, but cell 2 has other bytes",
    }]);
  }
});

Deno.test("openManifest() keeps the first records, or the first after shuffling", async () => {
  const content = Array.from({ length: 30 }, (_, i) => `{"i":${i}}`).join("\n");
  await using folder = await tempFolder({ m: content });
  for (const wholeBytes of [0, 1e6]) {
    for (const shuffle of [false, true]) {
      const options = { shuffle, wholeBytes };
      await using manifest = await openManifest(
        folder.at("m"),
        jsonlFormat(),
        options,
      );
      const lines = async (pass: number) =>
        (await Array.fromAsync(
          manifest.rows({ seed: 4, shuffle, limit: 9, pass }),
        ))
          .map(({ line }) => line);
      const first = await lines(0);
      assert.deepEqual(first, await lines(0));
      assert.deepEqual((await lines(1)).toSorted(), first.toSorted());
      if (!shuffle) assert.deepEqual(first, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  }
});
