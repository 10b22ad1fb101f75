import assert from "node:assert/strict";
import { datasetForPath } from "./for_path.ts";
import { tempFolder } from "./testing.ts";

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
    "noname": "",
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
    "m.txt": undefined,
    "noname": undefined,
    "**/*": "audio-folder",
    "*.flac": "audio-folder",
    "*.jsonl": undefined,
    "gone": "audio-folder",
    "gone.ts": undefined,
    "gone.jsonl": "jsonl",
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
    "./dataset.ts",
  ];
  for (const name of names) {
    assert.equal(await datasetForPath(name), undefined, name);
  }
});
