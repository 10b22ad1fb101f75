import assert from "node:assert/strict";
import { tempFolder, tone } from "../tests/support/datasets.ts";
import { dataSpec } from "./config.ts";
import { parseSpec } from "../plugins/spec.ts";

/** The spec's dataset, the path it reads and its other options. */
async function read(text: string) {
  const { name, primary, options } = parseSpec(await dataSpec(text));
  return [
    name,
    primary?.map((piece) => piece.text),
    options.map(({ key }) => key),
  ];
}

Deno.test("dataSpec() picks the dataset that reads a path, and keeps its options", async () => {
  await using folder = await tempFolder({
    "speech, of = all/a.wav": tone(100),
    "m.jsonl": "{}",
    "m.csv": "",
  });
  const dir = folder.at("speech, of = all");
  assert.deepEqual(await read(`"${dir}",limit=3,shuffle=true`), [
    "audio-folder",
    [dir],
    ["limit", "shuffle"],
  ]);
  assert.deepEqual(await read(folder.at("m.jsonl")), [
    "jsonl",
    [folder.at("m.jsonl")],
    [],
  ]);
  assert.deepEqual(await read(folder.at("m.csv")), [
    "csv",
    [folder.at("m.csv")],
    [],
  ]);
});

Deno.test("dataSpec() leaves names, plugins and what is spelt out as they are", async () => {
  const specs = ["clips", "clips,limit=2", "audio-folder=./x", "./mine.ts,a=1"];
  for (const spec of [...specs, "https://x.org/p.ts", "nothing-of-the-kind"]) {
    assert.equal(await dataSpec(spec), spec);
  }
});

Deno.test("dataSpec() says what data there is where a path leads to none", async () => {
  for (const path of ["data/speach", "prompts.jsnol", "archive.zip,limit=2"]) {
    await assert.rejects(
      dataSpec(path),
      /--data: must be a dataset, a folder of speech, or a file that ends in \.jsonl/,
    );
  }
});
