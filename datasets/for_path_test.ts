import assert from "node:assert/strict";
import { UsageError } from "../plugins/mod.ts";
import { datasetForPath } from "./for_path.ts";
import { tempFolder } from "../tests/support/datasets.ts";

Deno.test("datasetForPath() tells the dataset by what lies at the path", async () => {
  await using folder = await tempFolder({
    "folder.csv/a.wav": "",
    "a.WAV": "",
    "a.opus": "",
    "m.jsonl": "",
    "m.ndjson": "",
    "m.CSV": "",
    "m.tsv": "",
    "m.txt": "",
    "m.MD": "",
    "m.parquet": "",
    "rows.json": '[{"prompt":"a"}]',
    "cut.json": '{"',
    "share.json": '[{"id":"1","conversations":[]}]',
    "seen.json": '[{"id":"1","conversations":[],"images":["a.png"]}]',
    "noname": "",
    "odd.xyz": "",
    "mine.ts": "",
    "[1].jsonl": "",
  });
  const expected = {
    ".": "audio-folder",
    "folder.csv": "audio-folder",
    "a.WAV": "audio-folder",
    "a.opus": "audio-folder",
    "m.jsonl": "jsonl",
    "m.ndjson": "jsonl",
    "m.CSV": "csv",
    "m.tsv": "csv",
    "[1].jsonl": "jsonl",
    "m.txt": "text",
    "m.MD": "text",
    "m.parquet": "text",
    "rows.json": "text",
    "cut.json": "text",
    "share.json": "sharegpt",
    "seen.json": "text",
    "mine.ts": undefined,
    "**/*": "audio-folder",
    "*.flac": "audio-folder",
    "*.jsonl": "audio-folder",
    "gone": "audio-folder",
    "gone.ts": undefined,
    "gone.jsonl": "jsonl",
    "gone.json": "text",
    "gone.wav": "audio-folder",
  };
  for (const [name, dataset] of Object.entries(expected)) {
    assert.equal(await datasetForPath(folder.at(name)), dataset, name);
  }
});

Deno.test("datasetForPath() leaves names and addresses of plugins alone", async () => {
  const names = [
    "no-such-plugin",
    "npm:@scope/name",
    "https://host/a",
    "https://user:word@host/a.js?key=1",
    "http://localhost/a.ts?v=2#sha256=00",
    "./dataset.ts",
    "gone/dataset.mjs",
  ];
  for (const name of names) {
    assert.equal(await datasetForPath(name), undefined, name);
  }
});

Deno.test("datasetForPath() reads no data from a URL, and shows nothing secret of it", async () => {
  for (const name of ["m.jsonl", "a.wav"]) {
    await assert.rejects(
      datasetForPath(`https://user:word@host/${name}?key=Q`),
      {
        name: "UsageError",
        message:
          `Cannot read the data as '--data' must name a dataset, or a file or folder that was downloaded: current value is https://***:***@host/${name}?key=***`,
      },
    );
  }
});

Deno.test("datasetForPath() says what files there are where there is no such one", async () => {
  await using folder = await tempFolder({ "odd.xyz": "", "noname": "" });
  const refused = async (path: string, end: string) =>
    await assert.rejects(datasetForPath(path), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /\.jsonl, .*\.parquet, .*\.wav, .*\.flac/);
      assert.ok(error.message.endsWith(`current value is ${end}`), path);
      return true;
    });
  await refused(folder.at("odd.xyz"), folder.at("odd.xyz"));
  await refused(folder.at("noname"), folder.at("noname"));
  await refused("gone.jsnol", "gone.jsnol, which does not exist");
  await refused("gone/speech", "gone/speech, which does not exist");
});
