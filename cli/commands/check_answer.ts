import type { Output } from "../../core/sample.ts";

/** What came back, a line for each part that there is. */
export function answerLines(output: Output): string[] {
  const { text, reasoning, refusal, toolCalls = [], embeddings, usage } =
    output;
  const { input, output: written } = usage?.countedBy ?? {};
  const parts: readonly (readonly [string, string | undefined])[] = [
    ["reasoning", reasoning],
    ["answer", text],
    ["refusal", refusal],
    ...toolCalls.map(({ name, arguments: given }) =>
      ["call", `${name} ${given}`] as const
    ),
    [
      "vectors",
      embeddings &&
      `${embeddings.count} of ${embeddings.dimensions} dimensions`,
    ],
    ["input", input && `its tokens are counted by ${WORDS[input]}`],
    ["output", written && `its tokens are counted by ${WORDS[written]}`],
  ];
  return parts.flatMap(([label, value]) =>
    value === undefined ? [] : [`${label.padEnd(10)} ${value.trim()}`]
  );
}

/** Who counts, where it was not the server with its answer. */
const WORDS = {
  server: "the server",
  tokenize: "/tokenize",
  tokenizer: "the tokenizer",
  deltas: "deltas: an estimate",
  characters: "characters: an estimate",
} as const;
