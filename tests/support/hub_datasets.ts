import type { Dataset, OpenContext } from "../../plugins/mod.ts";
import { audioColumn, parquetOf } from "./parquet.ts";
import { type read, tone } from "./datasets.ts";
import {
  huggingface,
  type HuggingfaceOptions,
} from "../../datasets/huggingface/dataset.ts";
import type { HubDataset } from "./fake_hub.ts";

/** A column of text. */
export const TEXT = {
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  repetition_type: "OPTIONAL",
} as const;

/** Speech in Parquet, as on Hugging Face: rows numbered from `from`, row groups of `group`. */
export function speech(
  rows: number,
  { from = 0, group = 2, ms = 100 } = {},
): Uint8Array<ArrayBuffer> {
  const numbers = Array.from({ length: rows }, (_, i) => from + i);
  const { column, schema } = audioColumn(
    "audio",
    numbers.map((i) => ({
      bytes: tone(ms, { pitchHz: 200 + i }),
      path: `${i}.wav`,
    })),
  );
  return parquetOf([
    column,
    { name: "text", data: numbers.map((i) => `words of ${i}`) },
    { name: "note", data: numbers.map((i) => `${i} `.repeat(2000)) },
  ], {
    rowGroupSize: group,
    codec: "UNCOMPRESSED",
    schema: [
      { name: "root", num_children: 3 },
      ...schema,
      { name: "text", ...TEXT },
      { name: "note", ...TEXT },
    ],
    kvMetadata: [{
      key: "huggingface",
      value: JSON.stringify({
        info: { features: { audio: { _type: "Audio" } } },
      }),
    }],
  });
}

/** A dataset with one revision. */
export const one = (
  files: Record<string, Uint8Array | string>,
): HubDataset => ({
  revisions: { main: { files } },
});

/** Opens a dataset as a run does; a warning is an error. */
export async function open(
  options: HuggingfaceOptions,
  env: Record<string, string> = {},
): Promise<Dataset & AsyncDisposable> {
  const context: OpenContext = {
    env: (name) => env[name],
    signal: new AbortController().signal,
    warn(message) {
      throw new Error(message);
    },
  };
  const dataset = await huggingface(options).open(context);
  return {
    ...dataset,
    [Symbol.asyncDispose]: async () => await dataset[Symbol.asyncDispose]?.(),
  };
}

/** Summary of sessions: the reference or the problem of each. */
export const refs = (sessions: Awaited<ReturnType<typeof read>>) =>
  sessions.map(({ turns, problem }) => problem ?? turns[0]?.columns.reference);
