import assert from "node:assert/strict";
import { mediaColumns } from "./features.ts";

const told = (note: string | undefined) => mediaColumns({ note: () => note });
const of = (features: unknown) => told(JSON.stringify({ info: { features } }));

Deno.test("mediaColumns() finds audio and pictures by their type, alone or in lists", () => {
  const text = { dtype: "string", _type: "Value" };
  for (
    const [features, expected] of [
      [{ text, utterance: { sampling_rate: 16000, _type: "Audio" } }, {
        audio: "utterance",
      }],
      [{ scan: { _type: "Image" }, note: text }, { images: "scan" }],
      [{ pages: [{ _type: "Image" }] }, { images: "pages" }],
      [{ pages: { feature: { _type: "Image" }, _type: "List" } }, {
        images: "pages",
      }],
      [{ prompt_audio: { _type: "Audio" }, audio: { _type: "Audio" } }, {
        audio: "audio",
      }],
      [{ text }, {}],
      ["nonsense", {}],
    ] as const
  ) assert.deepEqual(of(features), expected);
});

Deno.test("mediaColumns() does without a note that is not there or cannot be read", () => {
  for (const note of [undefined, "", "{", "null", "7", '{"info":null}']) {
    assert.deepEqual(told(note), {});
  }
});
