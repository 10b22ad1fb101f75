import assert from "node:assert/strict";
import { UsageError } from "../plugins/mod.ts";
import { datasetForPath } from "./for_path.ts";
import { tempFolder } from "../tests/support/datasets.ts";

Deno.test("datasetForPath() finds the dataset of a path", async () => {
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

Deno.test("datasetForPath() returns undefined for names and addresses of plugins", async () => {
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

Deno.test("datasetForPath() refuses the URL of a data file without its secrets", async () => {
  for (const name of ["m.jsonl", "a.wav"]) {
    await assert.rejects(
      datasetForPath(`https://user:word@host/${name}?key=Q`),
      {
        name: "UsageError",
        message:
          `--data: must be a dataset, or a file or folder on this machine, but was https://***:***@host/${name}?key=***; download it first`,
      },
    );
  }
});

Deno.test("datasetForPath() lists the extensions that can be read", async () => {
  await using folder = await tempFolder({ "odd.xyz": "", "noname": "" });
  const refused = async (path: string, end: string) =>
    await assert.rejects(datasetForPath(path), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /\.jsonl, .*\.parquet, .*\.wav, .*\.flac/);
      assert.ok(error.message.endsWith(`, but was ${end}`), path);
      return true;
    });
  await refused(folder.at("odd.xyz"), folder.at("odd.xyz"));
  await refused(folder.at("noname"), folder.at("noname"));
  await refused("gone.jsnol", "gone.jsnol, which does not exist");
  await refused("gone/speech", "gone/speech, which does not exist");
});
