import type { Sample } from "../../plugins/mod.ts";
import { estimateTokens } from "../../tokens/mod.ts";
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

/**
 * How far an estimate by characters may be off, as a factor: what differs more from it is no count of tokens. Tokens
 * have 2 to 7 characters on average, also those that are drawn at random; the estimate takes them for 4.
 */
const TOLERANCE = 3;

/** Whether so many pieces of a text may be its tokens: neither sentences nor single letters. */
export function mayBeTokens(pieces: number, text: string): boolean {
  const estimate = estimateOf(text);
  return estimate <= pieces * TOLERANCE && estimate * TOLERANCE >= pieces;
}

/**
 * The fewest tokens that the model can have written, given what came: one for each piece of text. Not every piece is
 * one. Pieces of a letter each are pieces of tokens: then the characters tell. A token may end the reasoning and begin
 * the answer, and a call of a tool may have several pieces of one token.
 */
export function fewestTokens(sample: Answered): number {
  const { deltas } = sample;
  const text = String(writtenIn(sample)?.text ?? "");
  const pieces = isAppended(sample) ? piecesOfText(deltas) : 0;
  const atLeast = estimateOf(text) / TOLERANCE;
  const fewest = mayBeTokens(pieces, text) ? pieces : Math.min(pieces, atLeast);
  const isAudible = deltas.some(({ bytes = 0 }) => bytes > 0);
  return Math.max(Math.floor(fewest), text !== "" || isAudible ? 1 : 0);
}

/** Runs of white space are one token or few, however long they are. */
function estimateOf(text: string): number {
  return estimateTokens(text.replace(/\s+/g, " "));
}

function piecesOfText(deltas: Sample["deltas"]): number {
  const kinds = new Map<number, string>();
  let count = 0;
  for (const { kind, text = "", choice = 0 } of deltas) {
    if (text === "" || kind === "tool") continue;
    if ((kinds.get(choice) ?? kind) === kind) count++;
    kinds.set(choice, kind);
  }
  return count;
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
