import assert from "node:assert/strict";
import { mediaColumns } from "./open_part.ts";

const columnsOf = (note: string | undefined) =>
  mediaColumns({ note: () => note });
const of = (features: unknown) =>
  columnsOf(JSON.stringify({ info: { features } }));

Deno.test("mediaColumns() finds audio and images by their type, alone or in lists", () => {
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

Deno.test("mediaColumns() ignores a note that is missing or cannot be read", () => {
  for (const note of [undefined, "", "{", "null", "7", '{"info":null}']) {
    assert.deepEqual(columnsOf(note), {});
  }
});
