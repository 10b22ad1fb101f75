import type { Sample } from "../../plugins/mod.ts";
import type { SentText } from "./protocol.ts";

type Answered = Pick<Sample, "deltas" | "output">;

/** All that the model wrote, as it is counted; `undefined` where that is more than text, or nothing is known of it. */
export function writtenIn(sample: Answered): SentText | undefined {
  const { deltas, output: { embeddings } } = sample;
  if (embeddings || deltas.some(({ kind }) => kind === "audio")) {
    return undefined;
  }
  const text = isAppended(sample) ? joined(deltas) : wholeOf(sample);
  if (text === undefined) return undefined;
  return { text, tokenize: { prompt: text, add_special_tokens: false } };
}

/** How many pieces with text in them came; `undefined` where they did not come one behind the other. */
export function deltasIn(sample: Answered): number | undefined {
  if (!isAppended(sample)) return undefined;
  return sample.deltas.filter(({ text = "" }) => text !== "").length;
}

/** Whether it came by pieces of which none takes the place of what came before. */
function isAppended({ deltas }: Answered): boolean {
  return deltas.length > 0 && deltas.every(({ mode }) => mode !== "replace");
}

/** Several answers one behind the other: their pieces came by turns. */
function joined(deltas: Sample["deltas"]): string {
  return deltas.toSorted(({ choice: a = 0 }, { choice: b = 0 }) => a - b)
    .map(({ text = "" }) => text).join("");
}

function wholeOf({ output }: Answered): string | undefined {
  const { text, choices = [{ text }], reasoning, refusal, toolCalls } = output;
  const calls = toolCalls?.flatMap(({ name, arguments: given }) => [
    name,
    given,
  ]);
  const parts = [
    reasoning,
    ...choices.map(({ text }) => text),
    refusal,
    ...(calls ?? []),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("");
}
