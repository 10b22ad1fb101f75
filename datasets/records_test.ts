// What every dataset promises, held for the files that have a dataset of their own.

import { testDataset } from "../plugins/testing/mod.ts";
import { csvManifest, jsonlManifest } from "./text.ts";
import { tempFolder, tone } from "../tests/support/datasets.ts";

const lines = [1, 2, 3].map((i) =>
  JSON.stringify({ audio: `${i}.wav`, text: `said ${i}` })
);
const { path, at } = await tempFolder({
  "1.wav": tone(120),
  "2.wav": tone(150),
  "3.wav": tone(90),
  "m.jsonl": lines.join("\n"),
  "m.csv": "audio,text\n1.wav,said 1\n2.wav,said 2\n3.wav,said 3\n",
});
globalThis.addEventListener(
  "unload",
  () => Deno.removeSync(path, { recursive: true }),
);

testDataset(jsonlManifest({ path: at("m.jsonl"), shuffle: true, limit: 2 }));
testDataset(csvManifest({ path: at("m.csv") }));
