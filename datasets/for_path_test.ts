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
    "gone": undefined,
    "gone.jsonl": "jsonl",
    "gone.wav": "audio-folder",
  };
  for (const [name, dataset] of Object.entries(expected)) {
    assert.equal(await datasetForPath(folder.at(name)), dataset, name);
  }
});
