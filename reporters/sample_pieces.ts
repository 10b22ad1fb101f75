import type { Sample } from "../plugins/mod.ts";
import { plainJson } from "./plain_json.ts";
import type { SavedSample } from "./saved_line.ts";

/** A part of the line of a sample. */
export interface SamplePiece {
  /** Makes it. */
  readonly text: () => string;
  /** Memory that it holds until then, roughly in hundreds of bytes. */
  readonly weight: number;
}

/** Deltas or chunks of audio that become text at once: some tens of kilobytes. */
const slice = 1000;

/** The line of a sample, in pieces if it is long: text of many megabytes made at once would hold up the run. */
export function* samplePieces(sample: Sample): Generator<SamplePiece> {
  const line: SavedSample = { schema: "earshot.sample/1", ...sample };
  const { deltas, audioSent, ...rest } = line;
  const count = deltas.length + audioSent.length;
  if (count <= slice) {
    yield { text: () => `${plainJson(line)}\n`, weight: 5 + count };
    return;
  }
  yield {
    text: () => `${plainJson(rest).slice(0, -1)},"deltas":[`,
    weight: 5,
  };
  yield* listPieces(deltas);
  yield { text: () => `],"audioSent":[`, weight: 0 };
  yield* listPieces(audioSent);
  yield { text: () => "]}\n", weight: 0 };
}

/** The items of a list, without its brackets. */
function* listPieces(list: readonly unknown[]): Generator<SamplePiece> {
  for (let from = 0; from < list.length; from += slice) {
    yield {
      text: () => {
        const items = plainJson(list.slice(from, from + slice)).slice(1, -1);
        return from === 0 ? items : `,${items}`;
      },
      weight: Math.min(slice, list.length - from),
    };
  }
}
