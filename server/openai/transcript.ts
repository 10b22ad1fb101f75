import type { Random } from "../../lib/random.ts";
import type { Options } from "../settings.ts";
import { type FileSpeech, type TimedWord, withErrors } from "../speech.ts";
import type { Answer, Piece } from "./answer.ts";
import { tokensOf } from "./tokens.ts";

/** The transcript of an audio file, and the answer that carries it. */
export type Transcript = ReturnType<typeof transcribe>;

/** A sentence or part of it, with its times. */
export type Segment = Transcript["segments"][number];

/**
 * Writes a transcript with errors at the rate that is set. It is cut into the parts that the audio is cut into.
 *
 * @param most The most tokens of a part.
 */
export function transcribe(
  { durationMs, words }: FileSpeech,
  options: Options,
  { most, random }: { most: number; random: Random },
) {
  const { clipMs, wordErrorRate: rate, tokensPerEvent: size } = options;
  const count = Math.max(1, Math.ceil(durationMs / clipMs));
  const clips = Array.from({ length: count }, (): TimedWord[] => []);
  for (const word of words) {
    const clip = clips[Math.min(count - 1, Math.floor(word.startMs / clipMs))]!;
    for (const text of withErrors(word.text, rate, random)) {
      clip.push({ ...word, text });
    }
  }
  const pieces: Piece[] = [];
  let text = "";
  let spent = 0;
  for (const words of clips) {
    const said = words.map(({ text }) => text).join(" ");
    const tokens = tokensOf((text && said ? " " : "") + said);
    const clip = clipPieces(tokens, { most, size, spent });
    pieces.push(...clip);
    text += clip.map(({ text }) => text).join("");
    spent = Math.max(spent, 1, Math.min(tokens.length, most));
  }
  const isCut = pieces.some(({ ends }) => ends === "length");
  const answer: Answer = {
    pieces,
    finishReason: isCut ? "length" : "stop",
  };
  return { durationMs, text, segments: clips.flatMap(segmentsOf), answer };
}

/**
 * The pieces of one part of the audio. All parts are computed in parallel, so a later one only waits for the tokens
 * beyond `spent`, the token times that have passed before it.
 */
function clipPieces(
  tokens: readonly string[],
  { most, size, spent }: { most: number; size: number; spent: number },
): Piece[] {
  const said = tokens.slice(0, most);
  const pieces: Piece[] = [];
  for (let i = 0; i < Math.max(1, said.length); i += size) {
    const group = said.slice(i, i + size);
    const count = Math.max(1, group.length);
    pieces.push({
      kind: "text",
      text: group.join(""),
      tokens: count,
      costs: Math.min(count, Math.max(0, i + count - spent)),
    });
  }
  const ends = tokens.length > most ? "length" : "stop";
  pieces.push({ ...pieces.pop()!, ends });
  return pieces;
}

/** Most words of a segment. */
const MAX_WORDS = 12;

/** Cuts words into segments, each ended by a sentence's end or {@linkcode MAX_WORDS}. */
function segmentsOf(words: readonly TimedWord[]) {
  const segments = [];
  let from = 0;
  for (const [i, { text, endMs }] of words.entries()) {
    const isEnd = /[.?!]$/.test(text) || i - from + 1 >= MAX_WORDS;
    if (!isEnd && i < words.length - 1) continue;
    const part = words.slice(from, i + 1);
    from = i + 1;
    segments.push({
      startMs: part[0]!.startMs,
      endMs,
      text: part.map(({ text }) => text).join(" "),
      words: part,
    });
  }
  return segments;
}
